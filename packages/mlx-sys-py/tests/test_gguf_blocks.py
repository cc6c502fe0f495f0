"""Tensors of GGUF files, of every type: what is loaded, and products with blocks."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import gguf
import mlx_sys_py as mx
import numpy as np
import pytest
from gguf import GGMLQuantizationType, quants
from levels import at_every_level
from mlx_sys_py import array, ops
from mlx_sys_py.gguf import TENSOR_TYPES
from mlx_sys_py.io import load_gguf

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Floats = np.ndarray[Any, np.dtype[np.float32]]

# Those that the package gguf dequantizes.
TYPES = [
    kind.name
    for kind in GGMLQuantizationType
    if kind in quants._type_traits and kind is not GGMLQuantizationType.BF16
]
# Its enumeration has these, but no function.
OWN = ["Q1_0", "Q8_1", "Q8_K"]
AFFINE = ["Q4_0", "Q4_1", "Q8_0"]

# Where the blocks of a type have numbers in half precision.
HALVES = {
    "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,),
    "Q4_1": (0, 2), "Q5_1": (0, 2), "TQ1_0": (52,), "TQ2_0": (64,),
}  # fmt: skip


def sizes(name: str) -> tuple[int, int]:
    kind = TENSOR_TYPES[name]
    return kind.block_size, kind.block_nbytes


def sensible(name: str, rows: int, columns: int, seed: int = 0) -> Bytes:
    """Blocks at random, whose scales are between 0.01 and 1."""
    rng = np.random.default_rng(seed)
    size, nbytes = sizes(name)
    blocks = rng.integers(0, 256, (rows, columns // size, nbytes), dtype=np.uint8)
    count = blocks.shape[:2]
    if name == "IQ1_M":
        blocks[..., 55] = (blocks[..., 55] & 0x0F) | 0x20
    elif name == "MXFP4":
        blocks[..., 0] = rng.integers(118, 124, count)
    elif name == "NVFP4":
        blocks[..., :4] = rng.integers(0x20, 0x40, (*count, 4))
    elif name == "Q8_K":
        scales = rng.uniform(0.01, 1, count).astype("<f4")
        blocks[..., :4] = scales[..., None].view(np.uint8)
    else:
        for at in HALVES.get(name, (0,)):
            blocks[..., at + 1] = rng.integers(0x24, 0x38, count)
    return blocks.reshape(rows, -1)


def expected(name: str, blocks: Bytes) -> Floats:
    with np.errstate(all="ignore"):
        if name in TYPES:
            result: Floats = quants.dequantize(blocks, GGMLQuantizationType[name])
            return result
        size, nbytes = sizes(name)
        each = blocks.reshape(-1, nbytes)
        if name == "Q8_K":
            scale, codes = each[:, :4].copy().view("<f4"), each[:, 4:260].view(np.int8)
        else:
            scale = each[:, :2].copy().view("<f2").astype(np.float32)
            if name == "Q8_1":
                codes = each[:, 4:].view(np.int8)
            else:
                bits = np.unpackbits(each[:, 2:], axis=1, bitorder="little")
                codes = 2 * bits.astype(np.int8) - 1
        values = scale * codes.astype(np.float32)
        return values.reshape(*blocks.shape[:-1], blocks.shape[-1] // nbytes * size)


def assert_same_bits(got: array, want: Floats) -> None:
    """Every bit, but those that tell one NaN from another."""
    assert got.dtype is mx.float32
    found = np.array(got)
    assert found.shape == want.shape
    numbers = ~np.isnan(want)
    np.testing.assert_array_equal(np.isnan(found), ~numbers)
    np.testing.assert_array_equal(found[numbers].view(np.uint32), want[numbers].view(np.uint32))


def write(path: Path, name: str, blocks: Bytes) -> Path:
    size, nbytes = sizes(name)
    rows, row = blocks.shape
    start = b"GGUF" + struct.pack("<IQQ", 3, 1, 0)
    start += struct.pack("<Q", 8) + b"a.weight" + struct.pack("<I", 2)
    start += struct.pack("<QQIQ", row // nbytes * size, rows, TENSOR_TYPES[name].id, 0)
    path.write_bytes(start + bytes(-len(start) % 32) + blocks.tobytes())
    return path


def random_blocks(name: str, rows: int, columns: int) -> Bytes:
    size, nbytes = sizes(name)
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (rows, columns // size * nbytes), dtype=np.uint8)


@pytest.mark.parametrize("name", TYPES + OWN)
@at_every_level
def test_random_blocks(name: str) -> None:
    """NaN and infinities among them: of a scale in 32 bits one, of one in 16 bits 3 %."""
    blocks = random_blocks(name, 64, 1024)
    assert_same_bits(ops.dequantize_blocks(array(blocks), name), expected(name, blocks))


@pytest.mark.parametrize("name", TYPES + OWN)
@pytest.mark.parametrize("byte", [0x00, 0x01, 0x7C, 0x7F, 0x80, 0xAA, 0xFC, 0xFF])
def test_extreme_blocks(name: str, byte: int) -> None:
    blocks = np.full((3, sizes(name)[1]), byte, np.uint8)
    assert_same_bits(ops.dequantize_blocks(array(blocks), name), expected(name, blocks))


@pytest.mark.parametrize("name", TYPES + OWN)
@pytest.mark.parametrize("mmap", [False, True])
def test_files(tmp_path: Path, name: str, mmap: bool) -> None:
    blocks = random_blocks(name, 5, 2048)
    path = write(tmp_path / "a.gguf", name, blocks)
    arrays, _ = load_gguf(path, "float32", mmap)
    assert_same_bits(arrays["a.weight"], expected(name, blocks))
    arrays, _ = load_gguf(path, "blocks", mmap)
    assert arrays["a.weight"].dtype is mx.uint8
    np.testing.assert_array_equal(np.array(arrays["a.weight"]), blocks)
    arrays, _ = load_gguf(path, "packed", mmap)
    if name in AFFINE:
        assert set(arrays) == {"a.weight", "a.scales", "a.biases"}
    else:
        np.testing.assert_array_equal(np.array(arrays["a.weight"]), blocks)
    if name not in AFFINE:
        assert_same_bits(load_gguf(path, mmap=mmap)[0]["a.weight"], expected(name, blocks))


@pytest.mark.parametrize("name", AFFINE)
def test_affine_weights_are_those_of_mlx(tmp_path: Path, name: str) -> None:
    import mlx.core as official

    path = write(tmp_path / "a.gguf", name, sensible(name, 5, 2048))
    theirs: Any = official.load(str(path))
    for mmap in (False, True):
        arrays, _ = load_gguf(path, mmap=mmap)
        assert set(arrays) == set(theirs)
        for key, value in arrays.items():
            assert np.array(value).tobytes() == np.array(theirs[key]).tobytes()
            assert value.shape == theirs[key].shape
            assert str(value.dtype).split(".")[-1] == str(theirs[key].dtype).split(".")[-1]


def test_scales_whose_biases_are_too_large(tmp_path: Path) -> None:
    blocks = sensible("Q4_0", 2, 64)
    blocks[1, 0:2] = np.array([9000], np.float16).view(np.uint8)
    path = write(tmp_path / "a.gguf", "Q4_0", blocks)
    arrays, _ = load_gguf(path)
    with pytest.raises(OSError, match=r"a\.gguf: tensor a\.weight has scales whose biases"):
        mx.transforms.eval(arrays["a.weight"])
    assert_same_bits(load_gguf(path, "float32")[0]["a.weight"], expected("Q4_0", blocks))


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
def test_other_types_are_rounded(dtype: mx.Dtype) -> None:
    blocks = array(sensible("Q4_K", 70, 768))
    got = ops.dequantize_blocks(blocks, "Q4_K", dtype)
    want = ops.astype(ops.dequantize_blocks(blocks, "Q4_K"), dtype)
    assert got.dtype is dtype
    assert bool(ops.array_equal(got, want))


@pytest.mark.parametrize("rows", [1, 3, 9, 40])
@pytest.mark.parametrize("name", TYPES + OWN)
@at_every_level
def test_products(name: str, rows: int) -> None:
    size, _ = sizes(name)
    columns = max(size, 32) * (5 if size < 256 else 3)
    blocks = sensible(name, 37, columns)
    weights = expected(name, blocks).astype(np.float64)
    rng = np.random.default_rng(2)
    x = rng.standard_normal((rows, columns)).astype(np.float32)
    for dtype, tolerance in ((mx.float32, 1e-6), (mx.float16, 2e-3), (mx.bfloat16, 2e-2)):
        operand = ops.astype(array(x), dtype)
        y = ops.blocks_matmul(operand, array(blocks), name)
        assert y.dtype is dtype
        given = np.array(ops.astype(operand, mx.float32)).astype(np.float64)
        found = np.array(ops.astype(y, mx.float32))
        size_of = np.abs(given) @ np.abs(weights).T
        assert (np.abs(found - given @ weights.T) / size_of).max() < tolerance


@pytest.mark.parametrize("name", ["Q4_K", "Q6_K", "IQ4_XS", "Q5_0"])
def test_axes_of_products(name: str) -> None:
    blocks = sensible(name, 8, 256)
    weights = expected(name, blocks)
    x = np.random.default_rng(3).standard_normal((2, 3, 4, 256)).astype(np.float32)
    for given in (x, x[0, 0, 0], x.transpose(2, 1, 0, 3), x[:, :, :0]):
        y = ops.blocks_matmul(array(given), array(blocks), name)
        np.testing.assert_allclose(np.array(y), given @ weights.T, rtol=1e-4, atol=1e-3)
    wide = np.repeat(blocks[None, None], 3, 1)
    y = ops.blocks_matmul(array(x), array(wide), name)
    np.testing.assert_allclose(np.array(y), x @ weights.T, rtol=1e-4, atol=1e-3)
    y = ops.blocks_matmul(array(x), array(blocks[:0]), name)
    assert y.shape == (2, 3, 4, 0)
    backwards = ops.blocks_matmul(array(x), array(blocks)[::-1], name)
    np.testing.assert_allclose(np.array(backwards), x @ weights[::-1].T, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite(value: float) -> None:
    blocks = sensible("Q4_K", 4, 512)
    blocks[0] = 0
    weights = expected("Q4_K", blocks)
    x = np.ones((2, 512), np.float32)
    x[1, 300] = value
    with np.errstate(invalid="ignore"):
        want = x @ weights.T
    y = np.array(ops.blocks_matmul(array(x), array(blocks), "Q4_K"))
    np.testing.assert_allclose(y, want, rtol=1e-4)


def test_gathered_products() -> None:
    blocks = np.stack([sensible("Q4_K", 5, 256, seed) for seed in range(4)])
    weights = expected("Q4_K", blocks.reshape(20, -1)).reshape(4, 5, 256)
    x = np.random.default_rng(5).standard_normal((3, 2, 256)).astype(np.float32)
    lhs, rhs = np.array([2, 0], np.uint32), np.array([3, 1], np.uint32)
    y = ops.gather_blocks_matmul(array(x), array(blocks), "Q4_K", array(lhs), array(rhs))
    np.testing.assert_allclose(
        np.array(y), x[lhs] @ weights[rhs].swapaxes(-1, -2), rtol=1e-4, atol=1e-3
    )
    y = ops.gather_blocks_matmul(array(x[:1]), array(blocks), "Q4_K")
    np.testing.assert_allclose(np.array(y), x[:1] @ weights.swapaxes(-1, -2), rtol=1e-4, atol=1e-3)


def test_wrong_arguments() -> None:
    blocks, x = array(sensible("Q4_K", 2, 256)), ops.ones((1, 256))
    with pytest.raises(ValueError, match=r"type must be one of Q4_0, .*, but is F32"):
        ops.dequantize_blocks(blocks, "F32")
    with pytest.raises(ValueError, match=r"type must be one of .*, but is Q2_0"):
        ops.dequantize_blocks(blocks, "Q2_0")
    with pytest.raises(ValueError, match="blocks must be of type uint8"):
        ops.dequantize_blocks(ops.ones((2, 144)), "Q4_K")
    with pytest.raises(ValueError, match="blocks must have at least 1"):
        ops.dequantize_blocks(array(1, mx.uint8), "Q4_K")
    with pytest.raises(ValueError, match="rows of whole blocks, 176 bytes each"):
        ops.dequantize_blocks(blocks, "Q5_K")
    with pytest.raises(ValueError, match="dtype must be float16, bfloat16 or float32"):
        ops.dequantize_blocks(blocks, "Q4_K", mx.int32)
    with pytest.raises(ValueError, match="blocks must have at least 2 dim"):
        ops.blocks_matmul(x, blocks[0], "Q4_K")
    with pytest.raises(ValueError, match="x must be floating-point"):
        ops.blocks_matmul(ops.ones((1, 256), mx.int32), blocks, "Q4_K")
    with pytest.raises(ValueError, match=r"x of shape \(1,255\) must have rows of 256 numbers"):
        ops.blocks_matmul(ops.ones((1, 255)), blocks, "Q4_K")
    with pytest.raises(ValueError, match="rhs_indices must be integers"):
        ops.gather_blocks_matmul(x, blocks, "Q4_K", rhs_indices=ops.ones((1,)))


PLAIN: dict[str, np.ndarray[Any, Any]] = {
    "F64": np.array([[1e300, -0.1]]),
    "I64": np.array([2**62, -(2**63)]),
}


@pytest.mark.parametrize("mmap", [False, True])
def test_numbers_of_64_bits(tmp_path: Path, mmap: bool) -> None:
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    for name, value in PLAIN.items():
        writer.add_tensor(name, value)
    writer.add_key_value("number", 0.1, gguf.GGUFValueType.FLOAT64)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    arrays, metadata = load_gguf(tmp_path / "a.gguf", mmap=mmap)
    for name, value in PLAIN.items():
        assert np.array(arrays[name]).tobytes() == value.tobytes()
    number = metadata["number"]
    assert isinstance(number, array)
    assert number.dtype is mx.float64
    assert number.item() == 0.1


def write_split(folder: Path, count: int = 3) -> list[Path]:
    writer = gguf.GGUFWriter(folder / "m.gguf", "llama", split_max_tensors=1)
    for i in range(count):
        writer.add_tensor(f"t{i}", np.full((2, 2), i, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(folder.glob("*.gguf"))


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("mmap", [False, True])
def test_split_files(tmp_path: Path, part: int, mmap: bool) -> None:
    arrays, metadata = load_gguf(write_split(tmp_path)[part], mmap=mmap)
    assert metadata["general.architecture"] == "llama"
    assert {name: float(value[0, 0].item()) for name, value in arrays.items()} == {
        "t0": 0,
        "t1": 1,
        "t2": 2,
    }


def test_split_files_that_do_not_fit(tmp_path: Path) -> None:
    paths = write_split(tmp_path)
    paths[1].rename(tmp_path / "hidden")
    with pytest.raises(FileNotFoundError, match=r"00002-of-00003\.gguf, which is part of"):
        load_gguf(paths[0])
    paths[1].write_bytes(paths[2].read_bytes())
    with pytest.raises(OSError, match="is not part 1 of 3"):
        load_gguf(paths[0])
    paths[0].rename(tmp_path / "first.gguf")
    with pytest.raises(OSError, match=r"its name should end in -00001-of-00003\.gguf"):
        load_gguf(tmp_path / "first.gguf")


def test_big_endian(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + struct.pack(">IQQ", 3, 0, 0))
    with pytest.raises(OSError, match="is big-endian"):
        load_gguf(tmp_path / "a.gguf")


@pytest.mark.parametrize("form", ["affine", "blocks", "float32"])
def test_files_that_become_shorter(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / "a.gguf", "Q4_0", sensible("Q4_0", 64, 1024))
    arrays, _ = load_gguf(path, form)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(OSError, match="truncated"):
        mx.transforms.eval(arrays["a.weight"])


def test_forms() -> None:
    with pytest.raises(ValueError, match="form must be one of affine, packed, blocks, float32"):
        load_gguf("a.gguf", "dense")


def test_codebooks_are_those_of_gguf() -> None:
    root = Path(__file__).parents[1]
    made = subprocess.run(
        [sys.executable, root / "tools" / "block_grids.py"], capture_output=True, check=True
    )
    kept = root / "src" / "libmlxc" / "cpu" / "kernels" / "blocks" / "grid_indices.hpp"
    assert made.stdout == kept.read_bytes()
