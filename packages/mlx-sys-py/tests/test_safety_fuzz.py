"""The operations of the C library with arguments that do not fit, chosen and at random."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fuzz_c
import pytest
from c_functions import LIBRARY, STRUCTS

BATCH = 20
NAMES = [declaration.name for declaration in fuzz_c.OPERATIONS]
BATCHES = [NAMES[i : i + BATCH] for i in range(0, len(NAMES), BATCH)]
FLOAT32, UINT32 = 10, 3


def array(*shape: int, dtype: int = FLOAT32) -> Any:
    return fuzz_c.new_array(shape, dtype, [1.0])


def vector(*arrays: Any) -> Any:
    make = LIBRARY.mlx_vector_array_new
    make.restype = fuzz_c.VECTOR
    result = make()
    for entry in arrays:
        LIBRARY.mlx_vector_array_append_value(result, entry)
    return result


def plain(value: object) -> list[Any]:
    """What a function of C takes for a value: two arguments for a list of integers."""
    match value:
        case list():
            return [(ctypes.c_int * max(len(value), 1))(*value), ctypes.c_size_t(len(value))]
        case bool() | int():
            return [ctypes.c_int(value)]
        case _:
            return [value]


FOUND: list[tuple[str, Sequence[object], str]] = [
    ("mlx_number_of_elements", (array(2), [64], True, FLOAT32), "axis 64 is out of bounds"),
    ("mlx_conv1d", (array(1, 2, 2), array(1, 2, 2), 1, 0, 1, 0), "groups must be positive"),
    ("mlx_conv1d", (array(1, 2, 2), array(1, 2, 0), 1, 0, 1, 1), "no input channels"),
    ("mlx_conv_transpose1d", (array(1, 2, 2), array(1, 2, 2), 1, 0, 1, 0, 0), "groups must be"),
    ("mlx_slice", (array(2), [0], [1], [0]), "a stride is 0"),
    ("mlx_slice_update", (array(2), array(2), [0], [1], [0]), "a stride is 0"),
    (
        "mlx_slice_update_dynamic",
        (array(3), array(2, 3), array(1, dtype=UINT32), [0]),
        "update has 2 axes, more than the 1 of src",
    ),
    ("mlx_scatter", (array(0, 3), vector(), array(0, 3), []), "updates is empty"),
    ("mlx_scatter_max_single", (array(3, 3), array(dtype=UINT32), array(0, 3), 1), "updates is"),
    ("mlx_reshape", (array(0, 3), [0, -3, -5]), "a length is negative"),
    ("mlx_reshape", (array(0, 3), [0, 2**16, 2**16, 2**16, 2**16]), "are too large"),
    ("mlx_unflatten", (array(3, 0), 1, [0, -3]), "a length is negative"),
    ("mlx_unflatten", (array(4), 0, [0, -1]), "cannot be worked out beside 0"),
    ("mlx_unflatten", (array(4), 0, [2**16, 2**16, 2**16, 2**16, -1]), "are too large"),
    (
        "mlx_as_strided",
        (array(4), [2], (ctypes.c_int64 * 1)(2**40), ctypes.c_size_t(1), ctypes.c_size_t(0)),
        "reach outside of a, which has 4 elements",
    ),
    (
        "mlx_as_strided",
        (array(4), [2], (ctypes.c_int64 * 1)(1), ctypes.c_size_t(1), ctypes.c_size_t(2**64 - 1)),
        "reach outside of a",
    ),
    ("mlx_linalg_eigh", (array(2, 2), b"%s%n"), 'UPLO must be "L" or "U", not "%s%n"'),
    ("mlx_tri", (2**31 - 1, -1, 4, FLOAT32), "Negative dimensions"),
    (
        "mlx_quantize",
        (
            array(2, 64),
            STRUCTS["mlx_optional_int"](0, True),
            STRUCTS["mlx_optional_int"](0, False),
            b"affine",
            fuzz_c.ARRAY(),
        ),
        "group_size must be positive, not 0",
    ),
]


@pytest.mark.parametrize(
    ("name", "arguments", "says"), FOUND, ids=[f"{case[0]}-{case[2]}" for case in FOUND]
)
def test_what_once_ended_the_process(name: str, arguments: Sequence[object], says: str) -> None:
    results = [fuzz_c.ARRAY(), fuzz_c.ARRAY(), fuzz_c.ARRAY()]
    count = 2 if name == "mlx_linalg_eigh" else 1
    given = [ctypes.byref(result) for result in results[:count]]
    for argument in arguments:
        given += plain(argument)
    function = getattr(LIBRARY, name)
    function.restype = ctypes.c_int
    assert function(*given, STRUCTS["mlx_stream"]()) == 1
    message = LIBRARY.mlx_last_error_message
    message.restype = ctypes.c_char_p
    assert says in message().decode()


def test_nothing_is_left_of_a_difference_taken_for_ever() -> None:
    result = fuzz_c.ARRAY()
    status = LIBRARY.mlx_diff(
        ctypes.byref(result), array(3, 3), *plain(2**31 - 1), *plain(0), STRUCTS["mlx_stream"]()
    )
    assert status == 0
    assert LIBRARY.mlx_array_size(result) == 0


@pytest.mark.parametrize(("n", "m"), [(2**31 - 1, 0), (0, 2**31 - 1)])
def test_matrix_without_elements_needs_no_memory(n: int, m: int) -> None:
    result = fuzz_c.ARRAY()
    arguments = [*plain(n), *plain(m), *plain(2**31 - 1), *plain(FLOAT32)]
    assert LIBRARY.mlx_tri(ctypes.byref(result), *arguments, STRUCTS["mlx_stream"]()) == 0
    assert LIBRARY.mlx_array_eval(result) == 0
    assert LIBRARY.mlx_array_size(result) == 0


def run(seed: int, calls: int, names: list[str], log: Path) -> None:
    command = [sys.executable, fuzz_c.__file__, str(seed), str(calls), str(log), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = log.read_text().splitlines()[-1:]
    assert done.returncode == 0, f"{done.returncode} after {last}\n{done.stderr}"


@pytest.mark.parametrize("names", BATCHES, ids=lambda names: names[0])
def test_nothing_brings_it_down(names: list[str], tmp_path: Path) -> None:
    run(1, 20, names, tmp_path / "log")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 5))
@pytest.mark.parametrize("names", BATCHES, ids=lambda names: names[0])
def test_nothing_brings_it_down_in_many_calls(names: list[str], seed: int, tmp_path: Path) -> None:
    run(seed, 300, names, tmp_path / "log")
