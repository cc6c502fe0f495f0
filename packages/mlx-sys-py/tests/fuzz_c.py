"""Calls functions of the C library with arguments that do not fit; what they return is evaluated.

    python fuzz_c.py SEED CALLS LOG NAME...

Writes every call to LOG before it is made, so that LOG ends with the one that ended the process.
"""

from __future__ import annotations

import ctypes
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from c_functions import DECLARATIONS, LIBRARY, STRUCTS, Declaration, function

try:
    import resource
except ImportError:  # where there are no limits
    resource = None  # type: ignore[assignment]

ARRAY, VECTOR = STRUCTS["mlx_array"], STRUCTS["mlx_vector_array"]
INTS = [0, 1, -1, 2, 3, 4, 8, 32, 64, -2, -3, 100, -100, 2**31 - 1, -(2**31)]
SIZES = [0, 1, 2, 3, 64, 2**31, 2**63, 2**64 - 1]
REALS = [0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, float("nan"), float("inf"), -float("inf")]
TEXTS = [
    None, b"", b"%s%n%d", b"x" * 100_000, b"\xff\xfe", b"affine", b"mxfp4", b"nvfp4", b"mxfp8",
    b"constant", b"edge", b"causal", b"array", b"fro", b"nuc", b"L", b"U", b"ij,jk->ik", b"ii->i",
    b"...i,i...", b"i->ij", b"ij->", b"->", b"x,y,z",
]  # fmt: skip
SHAPES = [
    (),
    (0,),
    (1,),
    (3,),
    (2, 3),
    (3, 3),
    (0, 3),
    (4, 64),
    (1, 2, 3, 4),
    (2, 4, 4, 8),
    (1,) * 9,
]
# Sizes that are not evaluated: they would take long, and nothing else.
LARGE = 1 << 16


def new_array(shape: tuple[int, ...], dtype: int, values: list[float]) -> Any:
    """An array that holds `values` over and over."""
    size = 1
    for extent in shape:
        size *= extent
    data = (ctypes.c_double * max(size, 1))(*(values[i % len(values)] for i in range(size)))
    dims = (ctypes.c_int * max(len(shape), 1))(*shape)
    doubles = LIBRARY.mlx_array_new_data
    doubles.restype = ARRAY
    made, result = doubles(data, dims, ctypes.c_int(len(shape)), ctypes.c_int(FLOAT64)), ARRAY()
    LIBRARY.mlx_astype(ctypes.byref(result), made, ctypes.c_int(dtype), STRUCTS["mlx_stream"]())
    LIBRARY.mlx_array_free(made)
    return result


FLOAT64 = 11
DTYPES = range(14)
VALUES = [[1.0, 0.0, 2.0], [-1.0, 1e9, 0.5], [float("nan"), float("inf"), -3e38], [7.0]]


class Source:
    """Arguments at random: of each kind one that fits as often as one that does not."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.keep: list[object] = []
        self.arrays = [
            (f"{shape}:{dtype}", new_array(shape, dtype, self.random.choice(VALUES)))
            for shape in SHAPES
            for dtype in DTYPES
        ] + [("empty", ARRAY())]
        self.usual = [entry for entry in self.arrays if entry[0].endswith(("):10", "):7"))]

    def array(self) -> tuple[str, Any]:
        return self.random.choice(self.usual if self.random.random() < 0.6 else self.arrays)

    def vector(self) -> tuple[str, Any]:
        make = LIBRARY.mlx_vector_array_new
        make.restype = VECTOR
        result, said = make(), []
        for _ in range(self.random.choice([0, 1, 2, 2, 3])):
            text, value = self.array()
            if value.field_0:
                LIBRARY.mlx_vector_array_append_value(result, value)
                said.append(text)
        return f"{said}", result

    def pointer(self, kind: Any, pool: list[Any]) -> tuple[str, Any, int]:
        """A list of numbers and its length."""
        if self.random.random() < 0.1:
            return "NULL", None, self.random.choice([0, 1, 3])
        count = self.random.choice([0, 1, 1, 2, 2, 3, 4, 12])
        entries = [self.random.choice(pool) for _ in range(count)]
        return f"{entries}", (kind * max(count, 1))(*entries), count

    def optional(self, kind: str) -> tuple[str, Any]:
        pools: dict[str, list[Any]] = {
            "int": INTS,
            "float": REALS,
            "dtype": [*DTYPES],
            "bool": [True, False],
        }
        pool: list[Any] = pools[kind]
        value, has = self.random.choice(pool), self.random.random() < 0.6
        return f"{value}?{has}", STRUCTS[f"mlx_optional_{kind}"](value, has)

    def plain(self, kind: str) -> tuple[str, Any]:
        choices: dict[str, tuple[Any, list[Any]]] = {
            "int": (ctypes.c_int, INTS if self.random.random() < 0.5 else INTS[:6]),
            "int64_t": (ctypes.c_int64, [*INTS, 2**62]),
            "size_t": (ctypes.c_size_t, SIZES),
            "uint64_t": (ctypes.c_uint64, SIZES),
            "bool": (ctypes.c_bool, [True, False]),
            "float": (ctypes.c_float, REALS),
            "double": (ctypes.c_double, REALS),
            "mlx_dtype": (ctypes.c_int, [*DTYPES, 10, 10, 14, -1, 1 << 20]),
            "mlx_fft_norm": (ctypes.c_int, [0, 1, 2, 3, -1]),
        }
        make, pool = choices[kind]
        value = self.random.choice(pool)
        return str(value), make(value)

    def arguments(self, declaration: Declaration) -> tuple[list[str], list[Any], list[Any]]:
        """What to call a function with, in words and as it is, and where its results will be."""
        said: list[str] = []
        given: list[Any] = []
        results: list[Any] = []
        count: int | None = None
        value: Any
        for parameter in declaration.parameters:
            kind, name = re.fullmatch(r"(?:const )?(.*?)\s*(\w+)", parameter).groups()  # type: ignore[union-attr]
            if kind == "size_t" and count is not None:
                text, value, count = str(count), ctypes.c_size_t(count), None
            elif kind in ("int*", "int64_t*"):
                integer = ctypes.c_int if kind == "int*" else ctypes.c_int64
                text, value, count = self.pointer(integer, INTS)
            elif kind in ("mlx_array*", "mlx_vector_array*"):
                results.append(STRUCTS[kind[:-1]]())
                text, value = "&", ctypes.byref(results[-1])
            elif kind == "mlx_array":
                text, value = self.array()
            elif kind == "mlx_vector_array":
                text, value = self.vector()
                results.append(value)
            elif kind == "char*":
                chosen = self.random.choice(TEXTS)
                text, value = repr(chosen)[:20], ctypes.c_char_p(chosen)
            elif kind.startswith("mlx_optional_"):
                text, value = self.optional(kind.removeprefix("mlx_optional_"))
            elif kind == "mlx_stream":
                text, value = "", STRUCTS["mlx_stream"]()
            elif kind == "bool*":
                text, value = "&", ctypes.byref(ctypes.c_bool())
            else:
                text, value = self.plain(kind)
            said.append(f"{name}={text}")
            given.append(value)
        return said, given, results


def evaluate(results: list[Any]) -> None:
    for result in results:
        if not result.field_0:
            continue
        if isinstance(result, VECTOR):
            for i in range(LIBRARY.mlx_vector_array_size(result)):
                entry = ARRAY()
                LIBRARY.mlx_vector_array_get(ctypes.byref(entry), result, ctypes.c_size_t(i))
                evaluate([entry])
            LIBRARY.mlx_vector_array_free(result)
        else:
            if LIBRARY.mlx_array_size(result) < LARGE:
                LIBRARY.mlx_array_eval(result)
            LIBRARY.mlx_array_free(result)


def fits(declaration: Declaration) -> bool:
    """Whether a function is an operation: on arrays, with a stream."""
    return bool(declaration.parameters) and (
        declaration.parameters[-1] == "const mlx_stream s"
        and not re.search(r"mlx_(io|map|distributed|fast_\w+_kernel)|void", str(declaration))
    )


OPERATIONS = [declaration for declaration in DECLARATIONS if fits(declaration)]


def reserved() -> int:
    """Bytes of the address space that are taken, by a sanitizer most of all, where that is told."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0


def main(seed: int, calls: int, log: Path, names: list[str]) -> None:
    if resource is not None:
        limit = reserved() + (16 << 30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    LIBRARY.mlx_array_size.restype = ctypes.c_size_t
    LIBRARY.mlx_vector_array_size.restype = ctypes.c_size_t
    with log.open("w") as file:
        for declaration in OPERATIONS:
            if declaration.name not in names:
                continue
            # The same calls whatever other functions there are.
            source = Source(seed)
            call: Callable[..., int] = function(declaration)
            for _ in range(calls):
                said, given, results = source.arguments(declaration)
                file.write(f"{declaration.name}({', '.join(said)})\n")
                file.flush()
                call(*given)
                evaluate(results)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
