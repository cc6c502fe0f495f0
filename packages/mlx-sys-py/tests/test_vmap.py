"""Every operation of the table under vmap, over each of its arrays, against a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_sys_py
import numpy as np
import pytest
from mlx_sys_py import array, ops, transforms
from test_table import PUBLIC, function_of, named

RNG = np.random.default_rng(7)


def uniform(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.uniform(0.1, 0.9, shape).astype(np.float32)


def ints(*shape: int, below: int = 3) -> np.ndarray[Any, Any]:
    return RNG.integers(0, below, shape).astype(np.int32)


def definite(n: int) -> np.ndarray[Any, Any]:
    a = uniform(n, n)
    result: np.ndarray[Any, Any] = (a @ a.T + 2 * np.eye(n)).astype(np.float32)
    return result


def quantized(rows: int) -> list[np.ndarray[Any, Any]]:
    return [np.array(part) for part in ops.quantize(array(uniform(rows, 64)))]


MATRIX = uniform(3, 3)
KEY = np.array([1, 2], np.uint32)
WEIGHTS, SCALES, BIASES = quantized(4)
STACKED = [np.stack([part, part[::-1]]) for part in (WEIGHTS, SCALES, BIASES)]
HEADS = uniform(1, 2, 4, 8)

# Arguments of the operations that take others than matrices of floats. An array is a NumPy array.
# Rows of 32 weights: a scale of one half and integers of 8 bits.
BLOCKS = np.hstack([np.tile([0x00, 0x38], (3, 1)), np.arange(96).reshape(3, 32)]).astype(np.uint8)
ARGUMENTS: dict[str, dict[str, Any]] = {
    **{
        f"ops.{name}": {"a": ints(3, 3, below=8), "b": ints(3, 3, below=8)}
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift")
    },
    "ops.bitwise_invert": {"a": ints(3, 3)},
    "ops.as_strided": {"a": MATRIX, "shape": (2, 2), "strides": (1, 3), "offset": 1},
    "ops.expand_dims": {"a": MATRIX, "axis": (0, 2)},
    "ops.broadcast_to": {"a": MATRIX, "shape": (2, 3, 3)},
    "ops.broadcast_arrays": {"arrays": [MATRIX, uniform(3)]},
    "ops.atleast_1d": {"arys": [uniform()]},
    "ops.atleast_2d": {"arys": [uniform(3)]},
    "ops.atleast_3d": {"arys": [uniform(3)]},
    "ops.conv1d": {"input": uniform(2, 5, 4), "weight": uniform(6, 3, 4)},
    "ops.conv2d": {"input": uniform(2, 5, 4, 3), "weight": uniform(6, 3, 2, 3)},
    "ops.conv3d": {"input": uniform(2, 4, 4, 3, 3), "weight": uniform(4, 2, 2, 2, 3)},
    "ops.conv_transpose1d": {"input": uniform(2, 5, 4), "weight": uniform(6, 3, 4)},
    "ops.conv_transpose2d": {"input": uniform(2, 5, 4, 3), "weight": uniform(6, 3, 2, 3)},
    "ops.conv_transpose3d": {"input": uniform(2, 4, 4, 3, 3), "weight": uniform(4, 2, 2, 2, 3)},
    "ops.conv_general": {
        "input": uniform(2, 5, 4),
        "weight": uniform(6, 3, 4),
        "stride": 2,
        "padding": 1,
        "flip": True,
    },
    "ops.convolve": {"a": uniform(5), "v": uniform(3)},
    "ops.full": {"shape": (2, 3), "vals": uniform(3)},
    "ops.full_like": {"a": MATRIX, "fill_value": uniform(3)},
    "ops.clip": {"a": MATRIX, "a_min": uniform(3) / 2, "a_max": 0.5 + uniform(3, 1) / 2},
    "ops.take": {"a": uniform(4, 3), "indices": ints(2, 2), "axis": 1},
    "ops.take_along_axis": {"a": uniform(4, 3), "indices": ints(4, 2), "axis": 1},
    "ops.put_along_axis": {
        "a": uniform(4, 3),
        "indices": np.array([[0, 2], [2, 1], [1, 0], [0, 1]], np.int32),
        "values": uniform(4, 2),
        "axis": 1,
    },
    "ops.slice": {
        "a": uniform(4, 3),
        "start_indices": np.array([1, 0], np.int32),
        "axes": (0, 1),
        "slice_size": (2, 2),
    },
    "ops.slice_update": {
        "a": uniform(4, 3),
        "update": uniform(2, 2),
        "start_indices": np.array([1, 0], np.int32),
        "axes": (0, 1),
    },
    "ops.split": {"a": uniform(4, 3), "indices_or_sections": 2},
    "ops.meshgrid": {"arrays": [uniform(3), uniform(2)]},
    "ops.repeat": {"array": MATRIX, "repeats": 2, "axis": 1},
    "ops.tile": {"a": MATRIX, "reps": (2, 1)},
    "ops.roll": {"a": uniform(4, 3), "shift": 1, "axis": 0},
    "ops.pad": {
        "a": uniform(4, 3),
        "pad_width": 1,
        "mode": "constant",
        "constant_values": uniform(),
    },
    "ops.astype": {"a": MATRIX, "dtype": mlx_sys_py.float16},
    "ops.view": {"a": MATRIX, "dtype": mlx_sys_py.int32},
    "ops.einsum": {"subscripts": "ij,jk->ki", "operands": [MATRIX, MATRIX.T]},
    "ops.segmented_mm": {
        "a": uniform(2, 4),
        "b": uniform(4, 2),
        "segments": np.array([[0, 2], [2, 4]], np.uint32),
    },
    "ops.gather_mm": {
        "a": uniform(2, 2, 3),
        "b": uniform(2, 3, 2),
        "lhs_indices": np.array([0, 1, 1], np.uint32),
        "rhs_indices": np.array([1, 1, 0], np.uint32),
    },
    "ops.block_masked_mm": {
        "a": uniform(32, 64),
        "b": uniform(64, 32),
        "block_size": 32,
        "mask_out": np.array([[True]]),
        "mask_lhs": np.array([[True, False]]),
        "mask_rhs": np.array([[False], [True]]),
    },
    "ops.addmm": {"c": uniform(2), "a": uniform(4, 3), "b": uniform(3, 2), "alpha": 2.0},
    "ops.hadamard_transform": {"a": uniform(3, 4)},
    "ops.quantize": {"w": uniform(2, 64)},
    "ops.dequantize_blocks": {"blocks": BLOCKS, "type": "Q8_0"},
    "ops.blocks_matmul": {"x": uniform(2, 32), "blocks": BLOCKS, "type": "Q8_0"},
    "ops.gather_blocks_matmul": {
        "x": uniform(2, 2, 32),
        "blocks": np.stack([BLOCKS, BLOCKS[::-1]]),
        "type": "Q8_0",
        "rhs_indices": np.array([1, 0]),
    },
    "ops.dequantize": {"w": WEIGHTS, "scales": SCALES, "biases": BIASES},
    "ops.quantized_matmul": {"x": uniform(3, 64), "w": WEIGHTS, "scales": SCALES, "biases": BIASES},
    "ops.gather_qmm": {
        "x": uniform(2, 3, 64),
        "w": STACKED[0],
        "scales": STACKED[1],
        "biases": STACKED[2],
        "lhs_indices": np.array([0, 1, 1], np.uint32),
        "rhs_indices": np.array([1, 1, 0], np.uint32),
    },
    "ops.from_fp8": {"x": ints(3, 3, below=100).astype(np.uint8)},
    "ops.reshape": {"a": uniform(4, 3), "shape": (2, 6)},
    "ops.unflatten": {"a": uniform(4, 3), "axis": 0, "shape": (2, 2)},
    "ops.moveaxis": {"a": uniform(4, 3, 2), "source": 0, "destination": 2},
    "ops.swapaxes": {"a": uniform(4, 3, 2), "axis1": 0, "axis2": 2},
    "ops.transpose": {"a": uniform(4, 3, 2), "axes": (2, 0, 1)},
    "ops.partition": {"a": uniform(4, 3), "kth": 1, "axis": 0},
    "ops.argpartition": {"a": uniform(4, 3), "kth": 1, "axis": 0},
    "ops.topk": {"a": uniform(4, 3), "k": 2, "axis": 0},
    "ops.searchsorted": {"sorted_sequence": np.sort(uniform(5)), "values": uniform(2, 3)},
    "ops.unique": {"a": ints(5), "size": 3},
    **{
        f"ops.{name}": {"a": ints(3, 4), "size": 5}
        for name in ("nonzero", "flatnonzero", "argwhere")
    },
    "ops.compress": {"condition": ints(3), "a": MATRIX, "axis": 1, "size": 2},
    "ops.extract": {"condition": ints(3, 4), "arr": uniform(3, 4), "size": 5},
    "ops.select": {
        "condlist": [MATRIX > 0.5, MATRIX.T > 0.5],
        "choicelist": [MATRIX, uniform(3)],
        "default": uniform(),
    },
    "ops.choose": {"a": ints(3), "choices": [uniform(3), uniform(3), uniform(3)]},
    "ops.isin": {"element": ints(3, 4, below=20), "test_elements": ints(12, below=20)},
    "ops.union1d": {"ar1": ints(4), "ar2": ints(3), "size": 3},
    "ops.bincount": {"x": ints(5), "length": 4, "weights": uniform(5)},
    "ops.histogram": {"a": uniform(5), "weights": uniform(5)},
    "ops.histogram_bin_edges": {"a": uniform(5)},
    "ops.histogramdd": {"sample": uniform(5, 2), "bins": 2, "weights": uniform(5)},
    "ops.histogram2d": {"x": uniform(5), "y": uniform(5), "bins": 2, "weights": uniform(5)},
    "ops.digitize": {"x": uniform(2, 3), "bins": np.sort(uniform(4))},
    **{
        f"ops.{name}": {"a": uniform(3, 4), "q": 0.3, "axis": 1}
        for name in ("quantile", "percentile", "nanquantile", "nanpercentile")
    },
    "ops.average": {"a": MATRIX, "weights": MATRIX.T},
    "ops.cov": {"m": uniform(2, 5), "aweights": uniform(5)},
    "ops.lexsort": {"keys": [ints(5), ints(5)]},
    "ops.trapezoid": {"y": uniform(2, 5), "x": uniform(5)},
    "ops.gradient": {"f": uniform(3, 4), "varargs": [np.sort(uniform(3)), np.sort(uniform(4))]},
    "ops.interp": {"x": uniform(2, 3), "xp": np.sort(uniform(4)), "fp": uniform(4)},
    "ops.polyval": {"p": uniform(3), "x": uniform(2, 3)},
    "ops.vander": {"x": uniform(3)},
    "ops.block": {"arrays": [uniform(2, 2), uniform(2, 3)]},
    "ops.array_split": {"ary": uniform(5, 2), "indices_or_sections": 2},
    "ops.hsplit": {"ary": uniform(2, 4), "indices_or_sections": 2},
    "ops.vsplit": {"ary": uniform(4, 2), "indices_or_sections": 2},
    "ops.dsplit": {"ary": uniform(2, 2, 4), "indices_or_sections": 2},
    "ops.append": {"arr": MATRIX, "values": MATRIX.T},
    "ops.delete": {"arr": MATRIX, "obj": 1, "axis": 1},
    "ops.insert": {"arr": MATRIX, "obj": 1, "values": uniform(3), "axis": 1},
    "ops.resize": {"a": MATRIX, "new_shape": (2, 2)},
    "ops.ix_": {"args": [ints(3), ints(2)]},
    "ops.ravel_multi_index": {"multi_index": [ints(3), ints(3)], "dims": (3, 3)},
    "ops.unravel_index": {"indices": ints(4, below=9), "shape": (3, 3)},
    "ops.where": {"condition": MATRIX > 0.5, "x": uniform(3), "y": MATRIX.T},
    "random.randint": {
        "low": ints(3),
        "high": 5 + ints(3),
        "shape": (2, 3),
    },
    "random.uniform": {
        "low": uniform(3),
        "high": 1 + uniform(3),
        "shape": (2, 3),
    },
    "random.choice": {"a": uniform(4, 3), "shape": (2,)},
    "ops.gcd": {"a": ints(3), "b": 1 + ints(3)},
    "ops.lcm": {"a": ints(3), "b": 1 + ints(3)},
    "ops.ldexp": {"a": uniform(3), "b": ints(3)},
    "special.multigammaln": {"a": 3 + uniform(3), "d": 3},
    "special.polygamma": {"n": ints(3), "x": 1 + uniform(3)},
    "special.betainc": {"a": 1 + uniform(3), "b": 2 + uniform(3), "x": uniform(3)},
    "fast.rms_norm": {"x": uniform(4, 3), "weight": uniform(3), "eps": 1e-5},
    "fast.layer_norm": {"x": uniform(4, 3), "weight": uniform(3), "bias": uniform(3), "eps": 1e-5},
    "fast.attention_step": {
        "queries": uniform(2, 2, 1, 4),
        "keys": uniform(2, 1, 1, 4),
        "values": uniform(2, 1, 1, 3),
        "buffers": [
            uniform(1, 1, 3, 4),
            uniform(1, 1, 4, 4),
            uniform(1, 1, 3, 3),
            uniform(1, 1, 4, 3),
        ],
        "offsets": np.array([2, 0]),
        "scale": 0.5,
    },
    "fast.cross_entropy": {"logits": uniform(4, 3), "targets": ints(4)},
    "fast.rnn_scan": {"inputs": uniform(4, 3), "weight": uniform(3, 3), "hidden": uniform(3)},
    "fast.gru_scan": {
        "inputs": uniform(4, 9),
        "weight": uniform(9, 3),
        "hidden": uniform(3),
        "bias": uniform(3),
    },
    "fast.lstm_scan": {
        "inputs": uniform(4, 12),
        "weight": uniform(12, 3),
        "hidden": uniform(3),
        "cell": uniform(3),
    },
    "fast.rope": {
        "a": uniform(1, 2, 4, 8),
        "dims": 8,
        "traditional": False,
        "base": None,
        "scale": 1.0,
        "offset": np.array([3], np.int32),
        "freqs": 1 + uniform(4),
    },
    "fast.scaled_dot_product_attention": {
        "q": HEADS,
        "k": HEADS * 0.5,
        "v": HEADS[:, ::-1],
        "scale": 0.3,
        "mask": uniform(4, 4),
    },
    "fast.gated_delta_update": {
        "q": uniform(1, 3, 2, 32),
        "k": uniform(1, 3, 2, 32),
        "v": uniform(1, 3, 2, 8),
        "gamma": uniform(1, 3, 2),
        "beta": uniform(1, 3, 2),
    },
    "linalg.cholesky_inv": {"L": np.linalg.cholesky(definite(3))},
    "linalg.cholesky": {"a": definite(3)},
    "linalg.eigh": {"a": definite(3)},
    "linalg.eigvalsh": {"a": definite(3)},
    "linalg.matrix_power": {"n": 2},
}


# Operations that the CPU has not, and those whose shapes depend on values.
ABSENT = {
    "ops.qqmm",
    "ops.gather_qqmm",
    *(
        f"ops.{name}"
        for name in (
            "unique_all unique_counts unique_inverse unique_values intersect1d setdiff1d setxor1d "
            "trim_zeros"
        ).split()
    ),
}

OPERATIONS = [
    row
    for row in PUBLIC
    if any("array" in parameter["annotation"] for parameter in row["parameters"])
    and f"{row['group']}.{row['name']}" not in ABSENT
]


def arguments(row: dict[str, Any]) -> dict[str, Any]:
    """What an operation is called with: of the list above, else a matrix for each array."""
    given = dict(ARGUMENTS.get(f"{row['group']}.{row['name']}", {}))
    for parameter in row["parameters"]:
        name = parameter["name"]
        if name == "key":
            given.setdefault(name, KEY)
        elif parameter["default"] is None and "array" in parameter["annotation"]:
            many = "Sequence" in parameter["annotation"] or parameter["kind"] == "VAR_POSITIONAL"
            given.setdefault(name, [MATRIX, MATRIX.T] if many else MATRIX)
    return given


def call(row: dict[str, Any], given: dict[str, Any]) -> list[array]:
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for parameter in row["parameters"]:
        name = parameter["name"]
        if name not in given:
            continue
        if parameter["kind"] == "VAR_POSITIONAL":
            positional += given[name]
        elif parameter["kind"] == "POSITIONAL_ONLY" or name == "subscripts":
            positional.append(given[name])
        else:
            keywords[name] = given[name]
    result = function_of(row)(*positional, **keywords)
    return list(result) if isinstance(result, (tuple, list)) else [result]


# The arrays among arguments are taken out and put back by where they are: (name, place in a list).
Place = tuple[str, int | None]


def arrays_of(given: dict[str, Any]) -> dict[Place, np.ndarray[Any, Any]]:
    found: dict[Place, np.ndarray[Any, Any]] = {}
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            found[name, None] = value
        elif isinstance(value, list) and isinstance(value[0], np.ndarray):
            found.update({(name, i): item for i, item in enumerate(value)})
    return found


def with_arrays(given: dict[str, Any], arrays: dict[Place, array]) -> dict[str, Any]:
    result = {name: list(v) if isinstance(v, list) else v for name, v in given.items()}
    for (name, i), value in arrays.items():
        if i is None:
            result[name] = value
        else:
            result[name][i] = value
    return result


def vmapped(
    function: Callable[[list[array]], list[array]], inputs: list[array], axes: list[int]
) -> list[array]:
    traced_inputs, traced_outputs = transforms.vmap_trace(function, inputs, axes)
    return transforms.vmap_replace(
        inputs, traced_inputs, traced_outputs, axes, [0] * len(traced_outputs)
    )


def check(row: dict[str, Any], given: dict[str, Any], mapped: list[Place], axis: int) -> None:
    """vmap over the arrays at `mapped`, along this axis of each, against a call for each of two."""
    arrays = arrays_of(given)
    # Of the same kind: indices stay within range, and definite matrices definite.
    pairs = {place: (arrays[place], np.flip(arrays[place])) for place in mapped}
    axes = {place: arrays[place].ndim if axis < 0 else axis for place in mapped}
    inputs = [
        array(np.ascontiguousarray(np.stack(pairs[place], axes[place])))
        if place in pairs
        else array(value)
        for place, value in arrays.items()
    ]

    def function(inputs: list[array]) -> list[array]:
        return call(row, with_arrays(given, dict(zip(arrays, inputs, strict=True))))

    found = vmapped(function, inputs, [axes.get(place, -1) for place in arrays])
    one_by_one = [
        function([array(pairs[place][i] if place in pairs else arrays[place]) for place in arrays])
        for i in range(2)
    ]
    for result, *expected in zip(found, *one_by_one, strict=True):
        np.testing.assert_allclose(
            np.array(result),
            np.stack([np.array(one) for one in expected]),
            rtol=1e-4,
            atol=1e-5,
            err_msg=f"mapped: {mapped} along {axis}",
        )


# What operations take instead when a flag is other than by default.
FLAGGED: dict[tuple[str, str], dict[str, Any]] = {
    ("quantized_matmul", "transpose"): dict(
        zip(("w", "scales", "biases"), quantized(64), strict=True)
    ),
    ("gather_qmm", "transpose"): {"x": uniform(2, 3, 4)},
    ("cov", "rowvar"): {"m": uniform(5, 2)},
    ("stft", "center"): {"x": uniform(12), "n_fft": 4},
}

FLAGS = [
    (row, parameter["name"], parameter["default"] == "False")
    for row in OPERATIONS
    for parameter in row["parameters"]
    if parameter["annotation"] == "bool"
]


@pytest.mark.parametrize(
    ("row", "flag", "value"), FLAGS, ids=[f"{r['group']}.{r['name']}-{f}" for r, f, _ in FLAGS]
)
def test_vmap_with_every_flag(row: dict[str, Any], flag: str, value: bool) -> None:
    given = {**arguments(row), flag: value, **FLAGGED.get((row["name"], flag), {})}
    places = list(arrays_of(given))
    results = call(row, with_arrays(given, {p: array(a) for p, a in arrays_of(given).items()}))
    if all(isinstance(result, array) for result in results):
        for axis in (0, -1):
            check(row, given, places, axis)
            check(row, given, places[:1], axis)


@named(OPERATIONS)
def test_vmap_of_every_operation(row: dict[str, Any]) -> None:
    given = arguments(row)
    places = list(arrays_of(given))
    assert places, "ARGUMENTS has no array for it"
    results = call(row, with_arrays(given, {p: array(a) for p, a in arrays_of(given).items()}))
    if not all(isinstance(result, array) for result in results):
        return  # Shapes and the like.
    for mapped in [*[[place] for place in places], places]:
        for axis in (0, 1, -1):
            if all(arrays_of(given)[place].ndim >= axis for place in mapped):
                check(row, given, mapped, axis)
