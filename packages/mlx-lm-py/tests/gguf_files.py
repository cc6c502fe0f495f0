"""The models of fixtures as llama.cpp's converter writes them.

``gguf.json`` of a fixture has what the converter made of it (see ``fixtures/record_gguf.py``): the
metadata, and for each tensor the weight of the checkpoint that it is made of, its shape, and a
number that tells it from others. What was done to a weight is found among `CONVERSIONS` by that
number, so that no file differs from the converter's.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gguf
import mlx_core_py as mx
import numpy as np
from drawn import read_drawn, weight_of
from gguf import GGMLQuantizationType as TensorType
from tokenizers import pre_tokenizers

__all__ = [
    "FIXTURES",
    "gguf_tensors",
    "is_left_out",
    "make_blocks",
    "make_gguf",
    "unsaid",
    "write_tensors",
]

FIXTURES = Path(__file__).parent / "fixtures"
Config = Mapping[str, Any]
Conversion = Callable[[np.ndarray, Config], Iterator[np.ndarray]]
# Where the blocks of a type have numbers in half precision.
HALVES = {
    "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,),
    "Q4_1": (0, 2), "Q5_1": (0, 2), "TQ1_0": (52,), "TQ2_0": (64,),
}  # fmt: skip


def make_blocks(kind: TensorType, rows: int, columns: int, seed: int) -> np.ndarray:
    """Random blocks, whose weights are about as large as those of a model."""
    rng = np.random.default_rng(seed)
    size, nbytes = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (rows, columns // size, nbytes), dtype=np.uint8)
    scale = np.ones((*blocks.shape[:2], 1), np.float16).view(np.uint8)
    for at in HALVES.get(kind.name, (0,)):
        blocks[..., at : at + 2] = scale
    size_of = np.abs(gguf.quants.dequantize(blocks.reshape(rows, -1), kind)).mean()
    scale = np.full((*blocks.shape[:2], 1), 0.05 / size_of, np.float16).view(np.uint8)
    for at in HALVES.get(kind.name, (0,)):
        blocks[..., at : at + 2] = scale
    return blocks.reshape(rows, -1)


def config_of(name: str) -> dict[str, Any]:
    """The configuration of a fixture, or of its text part."""
    config: dict[str, Any] = json.loads((FIXTURES / name / "config.json").read_text())
    return {**config, **config.get("text_config", {})}


def weights_of(name: str) -> dict[str, np.ndarray]:
    """The weights of a fixture."""
    path = FIXTURES / name / "weights.json"
    if path.is_file():
        return dict(read_drawn(path))
    found = mx.load(str(FIXTURES / name / "model.safetensors"))
    return {key: np.array(value) for key, value in found.items()}


def _same(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    yield x


def _norm(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """Norms hold the one that is added to them; states decay by what they are computed with."""
    yield x + 1
    with np.errstate(over="ignore"):
        yield -np.exp(x)
        yield np.exp(x)


def _transposed(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    if x.ndim > 1:
        yield x.swapaxes(-1, -2)


def _heads(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """The halves of a head side by side."""
    for heads in (c.get("num_attention_heads") or 1, c.get("num_key_value_heads") or 1, 1):
        if x.shape[0] % (2 * heads) == 0:
            yield x.reshape(heads, 2, -1, *x.shape[1:]).swapaxes(1, 2)


def _parts(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """Gates and what they let through: one below the other, or taking turns."""
    for y in (x, x.swapaxes(-1, -2)) if x.ndim == 3 else (x,):
        for axis in {0, y.ndim - 2, y.ndim - 1} - {-1}:
            if y.shape[axis] % 2 == 0:
                yield from np.split(y, 2, axis)
                yield from (y.take(np.arange(i, y.shape[axis], 2), axis) for i in (0, 1))


def _latent(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """What makes keys, transposed, and what makes values."""
    nope, value = c.get("qk_nope_head_dim", 0), c.get("v_head_dim", 0)
    if nope and x.ndim == 2 and x.shape[0] % (nope + value) == 0:
        both = x.reshape(-1, nope + value, x.shape[1])
        yield both[:, :nope].swapaxes(1, 2)
        yield both[:, nope:]


def _delta(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """Delta networks: all queries above all keys above all values, which take turns."""
    keys, values = c.get("linear_num_key_heads", 0), c.get("linear_num_value_heads", 0)
    if not keys:
        return
    width, wide, share = c["linear_key_head_dim"], c["linear_value_head_dim"], values // keys

    def turns(y: np.ndarray, size: int, axis: int = 0) -> np.ndarray:
        y = np.moveaxis(y, axis, 0)
        tiled = y.reshape(keys, share, size, *y.shape[1:]).swapaxes(0, 1).reshape(y.shape)
        return np.moveaxis(tiled, 0, axis)

    first = 2 * keys * width
    if x.shape[0] == first + values * wide:
        yield np.concatenate([x[:first], turns(x[first:], wide)])
    for size in (wide, 1):
        if x.shape[0] == values * size:
            yield turns(x, size)
            yield -np.exp(turns(x, size))
    if x.ndim == 2 and x.shape[1] == values * wide:
        yield turns(x, wide, 1)
    sizes = [width, width, share * wide, share * wide]
    if x.shape[0] == keys * sum(sizes):
        q, k, v, z = np.split(x.reshape(keys, sum(sizes), -1), np.cumsum(sizes)[:-1], 1)
        yield np.concatenate([part.reshape(-1, x.shape[1]) for part in (q, k, v)])
        yield z


def _fused(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """Queries, keys and values in one weight, by head."""
    heads, kv_heads = c.get("num_attention_heads", 1), c.get("num_key_value_heads") or 1
    if x.shape[0] % (3 * heads) == 0:
        yield x.reshape(heads, 3, -1, *x.shape[1:]).swapaxes(0, 1)
    rows = heads // kv_heads + 2
    if x.shape[0] % (kv_heads * rows) == 0 and x.ndim == 2:
        grouped = x.reshape(kv_heads, rows, -1, x.shape[1])
        for part in (grouped[:, :-2], grouped[:, -2:-1], grouped[:, -1:]):
            flat = part.reshape(-1, x.shape[1])
            yield flat
            yield from _heads(flat, c)


def _below(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """Queries above keys above values."""
    heads, kv_heads = c.get("num_attention_heads", 1), c.get("num_key_value_heads") or 1
    width = c.get("head_dim") or 1
    rows = [heads * width, kv_heads * width, kv_heads * width]
    if x.ndim == 2 and x.shape[0] == sum(rows):
        for part in np.split(x, np.cumsum(rows)[:-1]):
            yield part
            yield from _heads(part, c)


def _scaled(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """Falcon-H1's multipliers."""
    if "ssm_in_multiplier" not in c:
        return
    into, out = c["attention_in_multiplier"], c["attention_out_multiplier"]
    yield from (x * by for by in (into, out, c["ssm_out_multiplier"], into * c["key_multiplier"]))
    yield from (x * by for by in c["mlp_multipliers"])
    yield from (x * c[f"{name}_multiplier"] for name in ("lm_head", "embedding"))
    inner, bc = c["mamba_d_ssm"], c["mamba_n_groups"] * c["mamba_d_state"]
    sizes = [inner, inner, bc, bc, c["mamba_n_heads"]]
    if x.shape[0] == sum(sizes):
        factors = np.repeat(c["ssm_multipliers"], sizes) * c["ssm_in_multiplier"]
        yield x * factors[:, None].astype(np.float32)


def _fractions(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """PLaMo's norms after parts hold fractions of one."""
    yield x + 1 / 5
    yield x + 1 / 5**1.5


def _signs(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """Talkie's second halves of heads change their sign."""
    width = c.get("head_dim") or 0
    if x.ndim == 2 and width and x.shape[0] % (2 * width) == 0:
        halves = x.reshape(-1, 2, width // 2, x.shape[1])
        yield halves * np.array([1, -1], np.float32)[:, None, None]


def _parted(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """DBRX's experts below each other, of which the last weight is transposed."""
    experts = c.get("ffn_config", {}).get("moe_num_experts")
    if experts and x.ndim == 2 and x.shape[0] % experts == 0:
        yield x.reshape(experts, -1, x.shape[1]).swapaxes(1, 2)


def _ternary(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    scale = np.maximum(np.abs(x).mean(), 1e-5)
    yield np.clip(np.round(x / scale), -1, 1) * scale


def _product(x: np.ndarray, c: Config) -> Iterator[np.ndarray]:
    """Two weights of which only the product counts."""
    if x.ndim == 2 and x.shape[0] == 2:
        yield x[0] * x[1]


CONVERSIONS: tuple[Conversion, ...] = (
    _same, _norm, _transposed, _heads, _parts, _latent, _delta, _fused, _below, _scaled,
    _fractions, _signs, _parted, _ternary, _product,
)  # fmt: skip


def _candidates(x: np.ndarray, config: Config, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    for conversion in CONVERSIONS:
        for made in conversion(x, config):
            if made.size == math.prod(shape):
                yield np.ascontiguousarray(made, np.float32).reshape(shape)


def _source(weights: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """A weight, those of letters in braces, two side by side, or those of all experts."""
    if " * " in name:
        return np.stack([weights[one].flatten() for one in name.split(" * ")])
    if name.endswith("}"):
        stem, _, letters = name[:-1].partition("{")
        return np.stack([weights[f"{stem}{letter}"] for letter in letters])
    if "*" not in name:
        return weights[name]
    before, _, after = name.partition("*")
    found = sorted(
        (int(key[len(before) : len(key) - len(after)]), key)
        for key in weights
        if key.startswith(before) and key.endswith(after) and key != name
    )
    return np.stack([weights[key] for _, key in found])


@functools.cache
def _recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / name / "gguf.json").read_text())
    return found


@functools.cache
def _choices(name: str) -> dict[str, int]:
    """Which of the candidates each tensor is."""
    weights, config = weights_of(name), config_of(name)
    choices = {}
    for tensor, (source, shape, product) in _recorded(name)["tensors"].items():
        if source is None:
            continue
        near = [
            math.isclose(weight_of(made), product, rel_tol=1e-5, abs_tol=1e-4)
            for made in _candidates(_source(weights, source), config, tuple(shape))
        ]
        assert True in near, f"{name}: nothing makes {tensor} of {source}"
        choices[tensor] = near.index(True)
    return choices


def gguf_tensors(name: str, weights: Mapping[str, mx.array] | None = None) -> dict[str, np.ndarray]:
    """The tensors that llama.cpp's converter makes of weights.

    Args:
        name: The name of the fixture.
        weights: Default: ``None``, its own.

    Returns:
        The tensors by name.
    """
    config = config_of(name)
    given = weights_of(name)
    if weights is not None:
        given = {key: np.array(value) for key, value in weights.items()}
    tensors = {}
    choices = _choices(name)
    for tensor, (source, shape, _) in _recorded(name)["tensors"].items():
        if source is None:
            tensors[tensor] = _factors(tensor, config)
        else:
            made = _candidates(_source(given, source), config, tuple(shape))
            tensors[tensor] = list(made)[choices[tensor]]
    return tensors


def _factors(tensor: str, config: Config) -> np.ndarray:
    """What each wavelength is multiplied by, or queries and keys."""
    if tensor.endswith(("attn_q_norm.weight", "attn_k_norm.weight")):
        scale = config["qk_scale_factor"] if "attn_q" in tensor else 1.0
        return np.full(config["head_dim"], scale, np.float32)
    rope = config.get("rope_parameters") or config["rope_scaling"]
    if rope.get("full_attention", {}).get("rope_type") == "proportional":
        width = next(one["head_dim"] for one in config["per_layer_config"].values())
        turned = int(width * rope["full_attention"]["partial_rotary_factor"] / 2)
        return np.array([1.0] * turned + [1e30] * (width // 2 - turned), np.float32)
    if tensor.startswith("rope_factors"):
        kind = tensor.split(".")[0].rpartition("_")[2]
        return np.array(rope[f"{kind}_factor"], np.float32)
    factors = []
    width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    turned = int(width * min(config.get("partial_rotary_factors", [1.0])))
    base = rope["rope_theta"] if "rope_theta" in rope else config["rope_theta"][0]
    for i in range(turned // 2):
        wavelength = 2 * math.pi * base ** (2 * i / turned)
        waves = rope["original_max_position_embeddings"] / wavelength
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        smooth = min(max((waves - low) / (high - low), 0.0), 1.0)
        factors.append(1 / (smooth + (1 - smooth) / rope["factor"]))
    return np.array(factors + [1.0] * ((width - turned) // 2), np.float32)


def unsaid(name: str) -> dict[str, Any]:
    """What the file of a fixture does not tell, and llama.cpp's numbers for it."""
    return dict(_recorded(name)["unsaid"])


def make_gguf(
    path: Path,
    name: str,
    matrices: TensorType = TensorType.F32,
    weights: Mapping[str, mx.array] | None = None,
    template: str | None = None,
    context_length: int | None = None,
) -> Path:
    """Write the model of a fixture as llama.cpp's converter would, norms in float32.

    Args:
        path: The file.
        name: The name of the fixture.
        matrices: The type of those that llama.cpp quantizes. Default: float32.
        weights: As for `gguf_tensors`.
        template: The chat template. Default: ``None``.
        context_length: Default: ``None``, that of the fixture.

    Returns:
        The file.
    """
    recorded = _recorded(name)
    metadata = dict(recorded["metadata"])
    if context_length is not None:
        metadata["context_length"] = ["UINT32", context_length]
    tensors = gguf_tensors(name, weights)
    return write_tensors(path, recorded["architecture"], metadata, tensors, matrices, template)


def is_left_out(name: str, value: np.ndarray, matrices: TensorType) -> bool:
    """Whether llama.cpp does not quantize a tensor: routers, and what states are made of."""
    whole = value.shape[-1] % gguf.GGML_QUANT_SIZES[matrices][0] == 0
    small = ("ssm_conv1d", "ssm_a", "ssm_d", "ssm_norm", "shortconv.conv", "ffn_gate_inp.")
    return (
        value.ndim < 2
        or not name.endswith(".weight")
        or not whole
        or any(part in name for part in small)
    )


def write_tensors(
    path: Path,
    architecture: str,
    metadata: Mapping[str, tuple[str, Any]],
    tensors: Mapping[str, np.ndarray],
    matrices: TensorType = TensorType.F32,
    template: str | None = None,
) -> Path:
    """Write a GGUF file with llama.cpp's library, and a tokenizer of 96 tokens in it.

    Args:
        path: The file.
        architecture: Its architecture.
        metadata: For each key under it the type and the value.
        tensors: Those in float32 become ``matrices``; bytes are blocks of that type already.
        matrices: The type.
        template: The chat template. Default: ``None``.

    Returns:
        The file.
    """
    writer = gguf.GGUFWriter(path, architecture)
    for key, (kind, value) in metadata.items():
        element = gguf.GGUFValueType[kind]
        whole = key[1:] if key.startswith(".") else f"{architecture}.{key}"
        if isinstance(value, list):
            writer.add_key_value(whole, value, gguf.GGUFValueType.ARRAY, sub_type=element)
        else:
            writer.add_key_value(whole, value, element)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())[:93]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*alphabet, "he", "ll", "</s>"])
    writer.add_token_merges(["h e", "l l"])
    writer.add_eos_token_id(95)
    if template is not None:
        writer.add_chat_template(template)
    for name, value in tensors.items():
        if value.dtype == np.uint8:
            writer.add_tensor(name, value, raw_dtype=matrices)
        elif value.dtype != np.float32 or is_left_out(name, value, matrices):
            writer.add_tensor(name, value)
        else:
            writer.add_tensor(name, gguf.quants.quantize(value, matrices), raw_dtype=matrices)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
