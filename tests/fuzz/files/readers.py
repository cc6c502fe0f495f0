"""What we read in a file, and what the readers of those who made the formats do."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any

import mlx_core_py as mx
import numpy as np
from numpy.lib import format as npy_format

# A header of more bytes is no plain array's.
MAX_HEADER = 1 << 20

SAFETENSORS_NAMES = {
    "bool": {"BOOL"}, "uint8": {"U8", "F8_E4M3", "F8_E8M0"}, "int8": {"I8"}, "uint16": {"U16"},
    "int16": {"I16"}, "float16": {"F16"}, "bfloat16": {"BF16"}, "uint32": {"U32"},
    "int32": {"I32"}, "float32": {"F32"}, "uint64": {"U64"}, "int64": {"I64"},
    "float64": {"F64"}, "complex64": {"C64"},
}  # fmt: skip
GGUF_NAMES = {
    0: "float32", 1: "float16", 24: "int8", 25: "int16", 26: "int32", 27: "int64", 28: "float64",
    30: "bfloat16",
}  # fmt: skip
# What becomes affine weights.
GGUF_AFFINE = (2, 3, 8)


@dataclass(frozen=True)
class Stored:
    """An array: its type by name, its shape, and its bytes in the order of rows."""

    dtype: str
    shape: tuple[int, ...]
    content: bytes


Contents = dict[str, Stored]


def name_of(dtype: mx.Dtype) -> str:
    return str(dtype).rpartition(".")[2].removesuffix("_")


def stored(x: mx.array) -> Stored:
    values = np.array(x.view(mx.uint16) if x.dtype == mx.bfloat16 else x)
    return Stored(name_of(x.dtype), x.shape, np.ascontiguousarray(values).tobytes())


def read_ours(kind: str, content: bytes, path: str, way: str) -> Contents:
    """The arrays of a file."""
    source: Any = path
    if way == "object":
        source = io.BytesIO(content)
    else:
        with open(path, "wb") as file:
            file.write(content)
    loaded = mx.load(source, format=kind, mmap=way == "mmap")
    arrays = {"": loaded} if isinstance(loaded, mx.array) else loaded
    mx.eval(list(arrays.values()))
    return {name: stored(x) for name, x in arrays.items()}


def _from_numpy(x: np.ndarray) -> Stored:
    if x.dtype.name == "complex128":
        with np.errstate(all="ignore"):
            x = x.astype(np.complex64)
    name = "bfloat16" if x.dtype == np.dtype("V2") else x.dtype.name
    if x.dtype == bool:
        # Any byte but 0 is true.
        x = x.view(np.uint8) != 0
    x = x.astype(x.dtype.newbyteorder("="))
    return Stored(name, x.shape, np.ascontiguousarray(x).tobytes())


def _read_npy(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    result: np.ndarray = npy_format.read_array(file, allow_pickle=False, max_header_size=MAX_HEADER)
    return result


def read_theirs(kind: str, content: bytes) -> Contents:
    """The arrays of a file, as NumPy or safetensors reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "npy":
            return {"": _from_numpy(_read_npy(content))}
        if kind == "npz":
            with np.load(io.BytesIO(content), max_header_size=MAX_HEADER) as archive:
                items = {name: archive[name] for name in archive.files}
            if not all(isinstance(x, np.ndarray) for x in items.values()):
                raise ValueError("a member is no array")
            return {name: _from_numpy(x) for name, x in items.items()}
        if kind == "safetensors":
            import safetensors

            return {
                name: Stored(entry["dtype"], tuple(entry["shape"]), bytes(entry["data"]))
                for name, entry in safetensors.deserialize(content)  # type: ignore[no-untyped-call]
            }
    raise ValueError(f"there is no other reader of {kind}")


def read_gguf_tensors(path: str) -> tuple[Contents, Contents]:
    """The tensors of a GGUF file, as gguf's own package reads them: numbers, and quantized ones."""
    import gguf

    numbers, dequantized = {}, {}
    for tensor in gguf.GGUFReader(path).tensors:
        kind = tensor.tensor_type
        shape = tuple(int(extent) for extent in reversed(tensor.shape))
        if kind.value in GGUF_NAMES:
            content = np.ascontiguousarray(tensor.data).tobytes()
            numbers[tensor.name] = Stored(GGUF_NAMES[kind.value], shape, content)
        elif kind in gguf.quants._type_traits and kind.value not in GGUF_AFFINE:
            with np.errstate(all="ignore"):
                values = gguf.quants.dequantize(np.ascontiguousarray(tensor.data), kind)
            dequantized[tensor.name] = Stored("float32", shape, values.tobytes())
    return numbers, dequantized


def with_one_nan(x: Stored) -> Stored:
    """The same with one NaN for all: which one an operation gives, the processor decides."""
    values = np.frombuffer(x.content, np.float32).copy()
    values[np.isnan(values)] = np.nan
    return Stored(x.dtype, x.shape, values.tobytes())


def same_type(kind: str, ours: str, theirs: str) -> bool:
    return theirs in SAFETENSORS_NAMES[ours] if kind == "safetensors" else ours == theirs
