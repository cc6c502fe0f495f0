"""Checkpoints that other programs have quantized, against their layouts written out in NumPy."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn
from mlx_lm_py import load, load_model
from mlx_lm_py.loading.formats import to_mlx
from mlx_lm_py.models import make_model
from tiny_models import make_folder, read_config, read_weights

LAYERS = {
    f"model.layers.{i}.{part}": None
    for i in range(2)
    for part in ("mlp.up_proj", "mlp.down_proj", "self_attn.q_proj")
}
Parts = dict[str, np.ndarray]
Made = tuple[Parts, np.ndarray]
RNG = np.random.default_rng(5)

E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)


def e4m3(bytes_: np.ndarray) -> np.ndarray:
    """Sign, four bits of exponent with a bias of 7, three bits of fraction."""
    sign = np.where(bytes_ & 0x80, -1.0, 1.0)
    exponent, fraction = (bytes_ >> 3 & 15).astype(int), bytes_ & 7
    small = fraction / 8 * 2.0**-6
    return (
        sign * np.where(exponent == 0, small, (1 + fraction / 8) * 2.0 ** (exponent - 7))
    ).astype(np.float32)


def little(numbers: np.ndarray, bits: int) -> np.ndarray:
    """Numbers of the last axis in words of 32 bits, the lowest first."""
    count = 32 // bits
    out = np.zeros((*numbers.shape[:-1], numbers.shape[-1] // count), np.uint32)
    for i in range(count):
        out |= numbers[..., i::count].astype(np.uint32) << np.uint32(bits * i)
    return out.view(np.int32)


def f16(*shape: int) -> np.ndarray:
    return (RNG.uniform(0.01, 0.03, shape)).astype(np.float16)


def awq(n: int, k: int, size: int = 32) -> Made:
    q = RNG.integers(0, 16, (k, n))
    z = RNG.integers(0, 16, (k // size, n))
    s = f16(k // size, n)
    dense = (q - z.repeat(size, 0)) * s.repeat(size, 0).astype(np.float32)

    def packed(x: np.ndarray) -> np.ndarray:
        words = np.zeros((x.shape[0], n // 8), np.uint32)
        for i, column in enumerate((0, 2, 4, 6, 1, 3, 5, 7)):
            words |= x[:, column::8].astype(np.uint32) << np.uint32(4 * i)
        return words.view(np.int32)

    return {"qweight": packed(q), "qzeros": packed(z), "scales": s}, dense.T


def gptq(bits: int, v2: bool = False, act_order: bool = False) -> Callable[[int, int], Made]:
    def make(n: int, k: int) -> Made:
        size = 32
        g = np.arange(k) // size
        if act_order:
            g = RNG.permutation(g)
        q = RNG.integers(0, 2**bits, (k, n))
        z = RNG.integers(1, 2**bits, (k // size, n))
        s = f16(k // size, n)
        dense = (q - z[g]) * s[g].astype(np.float32)
        parts = {
            "qweight": little(q.T, bits).T.copy(),
            "qzeros": little(z - (0 if v2 else 1), bits),
            "scales": s,
            "g_idx": g.astype(np.int32),
        }
        return parts, dense.T

    return make


def packed(
    bits: int, size: int = 0, zeros: bool = False, order: bool = False
) -> Callable[[int, int], Made]:
    def make(n: int, k: int) -> Made:
        groups = k // size if size else 1
        g = np.arange(k) // (size or k)
        if order:
            g = RNG.permutation(g)
        offset = 2 ** (bits - 1)
        q = RNG.integers(-offset, offset, (n, k))
        z = RNG.integers(-offset, offset, (n, groups)) if zeros else np.zeros((n, groups), int)
        s = f16(n, groups)
        parts = {
            "weight_packed": little(q + offset, bits),
            "weight_scale": s,
            "weight_shape": np.array([n, k]),
        }
        if zeros:
            parts["weight_zero_point"] = little((z + offset).T, bits).T.copy()
        if order:
            parts["weight_g_idx"] = g.astype(np.int32)
        return parts, (q - z[:, g]) * s[:, g].astype(np.float32)

    return make


def int8(n: int, k: int) -> Made:
    q, s = RNG.integers(-128, 128, (n, k)).astype(np.int8), f16(n, 1)
    return {"weight": q, "weight_scale": s}, q * s.astype(np.float32)


def fp8(kind: str, name: str) -> Callable[[int, int], Made]:
    def make(n: int, k: int) -> Made:
        # Without NaN.
        q = (RNG.integers(0, 0x70, (n, k)) | RNG.integers(0, 2, (n, k)) << 7).astype(np.uint8)
        if kind == "block":
            # Blocks at the ends are not whole.
            s = RNG.uniform(0.01, 0.1, (-(-n // 24), -(-k // 20))).astype(np.float32)
            full = s.repeat(24, 0).repeat(20, 1)[:n, :k]
        elif kind == "mx":
            s = RNG.integers(118, 124, (-(-n // 32), k // 32)).astype(np.uint8)
            full = 2.0 ** (s.astype(np.float32) - 127).repeat(32, 0).repeat(32, 1)[:n, :k]
        else:
            s = RNG.uniform(0.01, 0.1, (n, 1) if kind == "row" else ()).astype(np.float32)
            full = s
        parts = {"weight": q, name: s}
        if kind == "one":
            parts["input_scale"] = np.float32(2)
        return parts, e4m3(q) * full  # type: ignore[return-value]

    return make


def fp4(size: int, factor: str = "") -> Callable[[int, int], Made]:
    def make(n: int, k: int) -> Made:
        q = RNG.integers(0, 16, (n, k)).astype(np.uint8)
        name = "weight" if factor == "weight_scale_2" else "weight_packed"
        if size == 16:
            s = RNG.integers(0x20, 0x40, (n, k // 16)).astype(np.uint8)
            scale = e4m3(s)
        else:
            s = RNG.integers(120, 126, (n, k // 32)).astype(np.uint8)
            scale = 2.0 ** (s.astype(np.float32) - 127)
        parts = {name: q[:, ::2] | q[:, 1::2] << 4, "weight_scale": s}
        dense = E2M1[q] * scale.repeat(size, 1)
        if factor == "weight_scale_2":
            parts[factor] = np.float32(0.03)  # type: ignore[assignment]
            dense = dense * np.float32(0.03)
        elif factor:
            parts[factor] = np.array([25.0], np.float32)
            dense = dense / np.float32(25)
        return parts, dense

    return make


def bitnet(divides: bool) -> Callable[[int, int], Made]:
    def make(n: int, k: int) -> Made:
        q = RNG.integers(0, 3, (n, k)).astype(np.uint8)
        rows = q.reshape(4, n // 4, k)
        data = rows[0] | rows[1] << 2 | rows[2] << 4 | rows[3] << 6
        s = np.array([4.0], np.float32)
        return {"weight": data, "weight_scale": s}, (q.astype(np.float32) - 1) * (
            1 / s if divides else s
        )

    return make


def compressed(name: str, bits: int = 4) -> dict[str, Any]:
    scheme = {"num_bits": bits, "type": "int"}
    return {
        "quant_method": "compressed-tensors",
        "format": name,
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": scheme}},
    }


# What it is called, how it is made, and whether it stays packed.
CASES: dict[str, tuple[dict[str, Any], Callable[[int, int], Made], bool]] = {
    "awq": ({"quant_method": "awq", "bits": 4, "version": "gemm"}, awq, True),
    "gptq": ({"quant_method": "gptq", "bits": 4}, gptq(4), True),
    "gptq-8": ({"quant_method": "gptq", "bits": 8}, gptq(8), True),
    "gptq-2": ({"quant_method": "gptq", "bits": 2}, gptq(2), True),
    "gptq-v2": (
        {"quant_method": "gptq", "bits": 4, "checkpoint_format": "gptq_v2"},
        gptq(4, v2=True),
        True,
    ),
    "gptq-act-order": ({"quant_method": "gptq", "bits": 4}, gptq(4, act_order=True), False),
    "packed": (compressed("pack-quantized"), packed(4, 32), True),
    "packed-8": (compressed("pack-quantized", 8), packed(8, 32), True),
    "packed-row": (compressed("pack-quantized"), packed(4), True),
    "packed-16": (compressed("pack-quantized"), packed(4, 16), False),
    "packed-zeros": (compressed("pack-quantized"), packed(4, 32, zeros=True), True),
    "packed-order": (compressed("pack-quantized"), packed(4, 32, order=True), False),
    "int8": (compressed("int-quantized", 8), int8, True),
    "float-row": (compressed("float-quantized", 8), fp8("row", "weight_scale"), False),
    "float-one": (compressed("naive-quantized", 8), fp8("one", "weight_scale"), False),
    "ct-nvfp4": (compressed("nvfp4-pack-quantized"), fp4(16, "weight_global_scale"), False),
    "ct-mxfp4": (compressed("mxfp4-pack-quantized"), fp4(32), True),
    "fp8-block": (
        {"quant_method": "fp8", "weight_block_size": [24, 20]},
        fp8("block", "weight_scale_inv"),
        False,
    ),
    "fp8-one": ({"quant_method": "fp8"}, fp8("one", "weight_scale_inv"), False),
    "fp8-mx": (
        {"quant_method": "fp8", "weight_block_size": [32, 32], "scale_fmt": "ue8m0"},
        fp8("mx", "weight_scale_inv"),
        True,
    ),
    "fbgemm": ({"quant_method": "fbgemm_fp8"}, fp8("row", "weight_scale"), False),
    "modelopt-fp8": (
        {"quant_method": "modelopt", "quant_algo": "FP8"},
        fp8("one", "weight_scale"),
        False,
    ),
    "modelopt-nvfp4": (
        {"quant_method": "modelopt", "quantization": {"quant_algo": "NVFP4"}},
        fp4(16, "weight_scale_2"),
        False,
    ),
    "bitnet": ({"quant_method": "bitnet"}, bitnet(True), True),
    "bitnet-auto": (
        {"quant_method": "bitnet", "linear_class": "autobitlinear"},
        bitnet(False),
        True,
    ),
}


def checkpoint(name: str) -> tuple[dict[str, mx.array], dict[str, Any], dict[str, np.ndarray]]:
    settings, make, _ = CASES[name]
    # Wide enough for groups of 64.
    config = read_config("llama") | {
        "hidden_size": 64,
        "intermediate_size": 192,
        "quantization_config": settings,
        "dtype": "float32",
    }
    model = make_model({k: v for k, v in config.items() if k != "quantization_config"})
    from mlx_core_py.utils import tree_flatten

    weights = dict(tree_flatten(model.parameters()))
    dense = {}
    for layer in LAYERS:
        parts, dense[layer] = make(*weights.pop(f"{layer}.weight").shape)
        weights |= {f"{layer}.{end}": mx.array(np.ascontiguousarray(v)) for end, v in parts.items()}
    return weights, config, dense


@pytest.mark.parametrize("name", CASES)
def test_layouts(name: str, caplog: pytest.LogCaptureFixture) -> None:
    weights, config, dense = checkpoint(name)
    model: Any = load_model(weights, config)
    layers = dict(model.named_modules())
    stays = CASES[name][2]
    assert ("become float32" in caplog.text) is not stays
    exact = True
    for layer, expected in dense.items():
        assert isinstance(layers[layer], nn.QuantizedLinear) is stays, layer
        bias = layers[layer](mx.zeros((1, expected.shape[1])))
        found = np.array(layers[layer](mx.eye(expected.shape[1])) - bias).T
        # Where zero is no power of two, the bias is rounded as the float16 scales are.
        rounded = 2e-3 * np.abs(expected).max() if name in ("awq",) or "gptq" in name else 1e-6
        rounded = 2e-3 * np.abs(expected).max() if "zeros" in name else rounded
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=rounded)
        exact &= np.allclose(found, expected, rtol=1e-6, atol=1e-6)
    # Nothing is rounded without a word.
    assert ("is rounded" in caplog.text) is not exact
    assert mx.all(mx.isfinite(model(mx.array([[1, 2, 3]]))))


def test_types_of_files(tmp_path: Path) -> None:
    """Bytes of float8 are read from files that say so."""
    folder = make_folder(tmp_path)
    weights = read_weights("llama")
    layer = "model.layers.0.mlp.up_proj"
    shape = weights[f"{layer}.weight"].shape
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    (folder / "config.json").write_text(json.dumps(config))
    weights[f"{layer}.weight"] = mx.full(shape, 0x40, mx.uint8)
    weights[f"{layer}.weight_scale_inv"] = mx.array([[0.25]])
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    raw = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(
        raw.replace(b'"dtype":"U8"', b'"dtype":"F8_E4M3"', 1)
    )
    # The header has grown by five bytes.
    raw = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(raw[:8], "little") + 5
    (folder / "model.safetensors").write_bytes(length.to_bytes(8, "little") + raw[8:])
    model: Any = load(folder, dtype=mx.float32)[0]
    assert mx.array_equal(model.layers[0].mlp.up_proj.weight, mx.full(shape, 0.5))


def test_settings_beside_the_configuration(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    settings = {"producer": {}, "quantization": {"quant_algo": "W4A8_AWQ"}}
    (folder / "hf_quant_config.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="W4A8_AWQ"):
        load(folder)


def test_settings_of_the_text_part() -> None:
    config = read_config("llama")
    nested = {
        "model_type": "mistral3",
        "text_config": config | {"quantization_config": {"quant_method": "hqq"}},
    }
    with pytest.raises(ValueError, match="'hqq' are not supported"):
        load_model(read_weights("llama"), nested)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quant_method": "bitsandbytes"}, "'bitsandbytes' are not supported"),
        ({"quant_method": None}, "None are not supported"),
        ({"quant_method": "awq", "version": "gemv"}, "gemv"),
        ({"quant_method": "awq", "bits": 8}, "8 bits"),
        ({"quant_method": "gptq", "bits": 3}, "3 bits"),
        ({"quant_method": "gptq", "checkpoint_format": "marlin"}, "marlin"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4_AWQ"}, "NVFP4_AWQ"),
        (compressed("marlin-24"), "marlin-24"),
        (compressed("sparse-24-bitmask"), "sparse-24-bitmask"),
        (compressed("pack-quantized") | {"sparsity_config": {"format": "sparse-24"}}, "sparse-24"),
        ("4bit", "must be an object"),
    ],
)
def test_what_is_not_known_is_refused_by_name(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_mlx({}, {"quantization_config": settings})


@pytest.mark.parametrize(
    ("name", "end", "value", "message"),
    [
        ("awq", "scales", mx.zeros((5, 64), mx.float16), "make no sense"),
        ("awq", "qzeros", None, "no 'qzeros'"),
        ("gptq-act-order", "g_idx", mx.full((64,), 9, mx.int32), "g_idx"),
        ("packed", "weight_shape", mx.array([192, 0]), "weight_shape"),
        ("packed", "weight_shape", mx.array([192, 128]), "2 bits"),
        ("fp8-block", "weight_scale_inv", mx.zeros((1, 2, 3)), "make no sense"),
        ("fp8-block", "weight_scale_inv", mx.zeros((9, 9)), "do not fit"),
        ("fp8-block", "weight", mx.zeros((192, 64)), "not of float8"),
        ("ct-mxfp4", "weight_scale", mx.zeros((192, 1), mx.uint8), "make no sense"),
        ("int8", "weight", mx.zeros((192, 64), mx.int16), "not of 8 bits"),
        ("modelopt-nvfp4", "pre_quant_scale", mx.ones((64,)), "pre_quant_scale"),
    ],
)
def test_damaged_weights(name: str, end: str, value: mx.array | None, message: str) -> None:
    weights, config, _ = checkpoint(name)
    key = f"model.layers.0.mlp.up_proj.{end}"
    weights.pop(key, None)
    if value is not None:
        weights[key] = value
    with pytest.raises(ValueError, match=message):
        load_model(weights, config)
