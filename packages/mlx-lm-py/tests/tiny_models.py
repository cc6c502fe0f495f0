"""Small models and files for the tests, made when they are needed."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gguf
import mlx_core_py as mx
import numpy as np
import tokenizers
from drawn import read_drawn
from gguf import GGMLQuantizationType as TensorType
from mlx_lm_py import load_model
from mlx_lm_py.cache import Cache, make_prompt_cache
from mlx_lm_utils_py import Tokenizer
from tokenizers import decoders, pre_tokenizers
from tokenizers.models import BPE

FIXTURES = Path(__file__).parent / "fixtures"
MODELS = sorted(path.parent.name for path in FIXTURES.glob("*/config.json"))
IN_GGUF = sorted(path.parent.name for path in FIXTURES.glob("*/gguf.json"))


def close(a: mx.array, b: mx.array, tolerance: float = 1e-4) -> None:
    np.testing.assert_allclose(np.array(a), np.array(b), rtol=tolerance, atol=tolerance)


def read_config(name: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((FIXTURES / name / "config.json").read_text())
    return config


def read_weights(name: str) -> dict[str, mx.array]:
    path = FIXTURES / name / "weights.json"
    if path.is_file():
        return {key: mx.array(value) for key, value in read_drawn(path).items()}
    weights: dict[str, mx.array] = mx.load(str(FIXTURES / name / "model.safetensors"))
    return weights


def read_expected(name: str) -> tuple[mx.array, mx.array]:
    """Tokens, and the logits that transformers has for them."""
    arrays = mx.load(str(FIXTURES / name / "expected.safetensors"))
    return arrays["tokens"], arrays["logits"]


def make_model(name: str = "llama") -> Any:
    return load_model(read_weights(name), read_config(name))


def wide(name: str = "llama") -> Any:
    """A model with heads wide enough for a group."""
    config = read_config(name)
    shapes = {key: value.shape for key, value in read_weights(name).items()}
    config = {**config, "head_dim": 32}
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    rows = {"q_proj": heads * 32, "k_proj": kv_heads * 32, "v_proj": kv_heads * 32}
    mx.random.seed(5)
    weights = {}
    for key, shape in shapes.items():
        parts = key.split(".")
        for part in parts:
            if part in rows:
                shape = (rows[part], *shape[1:])
            elif part == "o_proj" and len(shape) > 1:
                shape = (shape[0], heads * 32)
        weights[key] = mx.random.normal(shape) * 0.3 if len(shape) > 1 else mx.ones(shape)
    return load_model(weights, config)


def make_tokenizer() -> tokenizers.Tokenizer:
    """96 tokens: </s> and most of the bytes that are printable."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())[:95]
    tokenizer = tokenizers.Tokenizer(BPE({c: i for i, c in enumerate([*alphabet, "</s>"])}, []))
    tokenizer.add_special_tokens(["</s>"])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def wrapped_tokenizer(**options: Any) -> Tokenizer:
    return Tokenizer(make_tokenizer(), **options)


def make_folder(folder: Path, name: str = "llama") -> Path:
    """A checkpoint as it lies on the hub."""
    mx.save_safetensors(str(folder / "model.safetensors"), read_weights(name))
    config = read_config(name) | {"eos_token_id": 95}
    (folder / "config.json").write_text(json.dumps(config))
    make_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def write_gguf(
    path: Path,
    config: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    matrices: TensorType = TensorType.F32,
    architecture: str = "llama",
    template: str | None = None,
) -> Path:
    """Write a GGUF file with llama.cpp's library.

    Matrices in float32 become ``matrices``, vectors stay as they are, bytes are blocks of
    ``matrices`` already.
    """
    writer = gguf.GGUFWriter(path, architecture)
    _add_metadata(writer, config, architecture)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())[:93]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*alphabet, "he", "ll", "</s>"])
    writer.add_token_merges(["h e", "l l"])
    writer.add_eos_token_id(95)
    if template is not None:
        writer.add_chat_template(template)
    for name, value in tensors.items():
        if value.dtype == np.float32 and value.ndim > 1:
            value = gguf.quants.quantize(value, matrices)
            writer.add_tensor(name, value, raw_dtype=matrices)
        elif value.dtype == np.uint8:
            writer.add_tensor(name, value, raw_dtype=matrices)
        else:
            writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_metadata(writer: gguf.GGUFWriter, config: Mapping[str, Any], architecture: str) -> None:
    """What llama.cpp's converter writes of a configuration."""
    heads = config["num_attention_heads"]
    head_dim = config.get("head_dim") or config["hidden_size"] // heads
    rope = config["rope_parameters"]
    if "full_attention" in rope:
        if rope["sliding_attention"]["rope_theta"] != rope["full_attention"]["rope_theta"]:
            writer.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])
        rope = rope["full_attention"]
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1.0)))
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if "rms_norm_eps" in config:
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    else:
        names = ("layer_norm_eps", "norm_epsilon", "norm_eps")
        writer.add_layer_norm_eps(next((config[n] for n in names if n in config), 1e-5))
    adders: dict[str, Callable[[Any], None]] = {
        "sliding_window": writer.add_sliding_window,
        "clip_qkv": writer.add_clamp_kqv,
        "attention_multiplier": writer.add_attention_scale,
        "attn_logit_softcapping": writer.add_attn_logit_softcapping,
        "final_logit_softcapping": writer.add_final_logit_softcapping,
        "embedding_multiplier": writer.add_embedding_scale,
        "residual_multiplier": writer.add_residual_scale,
        "logits_scaling": writer.add_logit_scale,
        "logit_scale": writer.add_logit_scale,
        "num_experts": writer.add_expert_count,
        "num_local_experts": writer.add_expert_count,
        "num_experts_per_tok": writer.add_expert_used_count,
        "moe_intermediate_size": writer.add_expert_feed_forward_length,
        "shared_expert_intermediate_size": writer.add_expert_shared_feed_forward_length,
    }
    for name, add in adders.items():
        if config.get(name) is not None:
            add(config[name])


# Architectures whose halves of heads llama.cpp's converter puts side by side, and those to whose
# norms it adds the one that they are short of.
_INTERLEAVED = {"llama", "granite", "smollm3", "olmo"}
_NORMS_WITH_ONE = {"gemma", "gemma2", "gemma3", "nemotron"}


def make_gguf(
    path: Path,
    name: str,
    matrices: TensorType = TensorType.F32,
    weights: Mapping[str, mx.array] | None = None,
    template: str | None = None,
    context_length: int | None = None,
) -> Path:
    """The model of a fixture as llama.cpp's converter would write it, norms in float32."""
    config = read_config(name)
    if context_length is not None:
        config["max_position_embeddings"] = context_length
    architecture = json.loads((FIXTURES / name / "gguf.json").read_text())["architecture"]
    architectures = {value: key for key, value in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(architectures[architecture], config["num_hidden_layers"])
    tensors = {}
    experts: dict[str, dict[int, np.ndarray]] = {}
    for weight, array in (weights or read_weights(name)).items():
        value = np.array(array)
        for projection, count in (
            ("q_proj", config["num_attention_heads"]),
            ("k_proj", config.get("num_key_value_heads", 0)),
        ):
            if architecture in _INTERLEAVED and projection in weight:
                halves = value.reshape(count, 2, value.shape[0] // count // 2, -1)
                value = halves.swapaxes(1, 2).reshape(value.shape)
        if architecture in _NORMS_WITH_ONE and weight.endswith("norm.weight"):
            value = value + 1
        expert = re.fullmatch(r"(.*\.experts)\.(\d+)\.(.*)", weight)
        if expert:
            experts.setdefault(f"{expert[1]}.{expert[3]}", {})[int(expert[2])] = value
        else:
            tensors[_gguf_name(names, weight)] = value
    for weight, values in experts.items():
        stacked = np.stack([values[i] for i in range(len(values))])
        tensors[_gguf_name(names, weight)] = stacked
    if config["rope_parameters"].get("rope_type") == "llama3":
        tensors["rope_freqs.weight"] = llama3_factors(config)
    return write_gguf(path, config, tensors, matrices, architecture, template)


def _gguf_name(names: gguf.TensorNameMap, weight: str) -> str:
    theirs = names.get_name(weight, try_suffixes=(".weight", ".bias"))
    assert theirs, weight
    return theirs


def llama3_factors(config: Mapping[str, Any]) -> np.ndarray:
    """What Llama 3.1 multiplies each wavelength by."""
    rope = config["rope_parameters"]
    factors = []
    for i in range(config["head_dim"] // 2):
        wavelength = 2 * math.pi * rope["rope_theta"] ** (2 * i / config["head_dim"])
        waves = rope["original_max_position_embeddings"] / wavelength
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        smooth = min(max((waves - low) / (high - low), 0.0), 1.0)
        factors.append(1 / (smooth + (1 - smooth) / rope["factor"]))
    return np.array(factors, np.float32)


class Totals:
    """The cache of a layer that does not attend: no positions, only a sum of what it has seen."""

    def __init__(self) -> None:
        self.total = mx.array(0)

    @property
    def state(self) -> list[mx.array]:
        return [self.total]

    @property
    def nbytes(self) -> int:
        return self.total.nbytes

    def copy(self) -> Totals:
        return copy.copy(self)

    def is_trimmable(self) -> bool:
        return False

    def can_trim(self, n: int) -> bool:
        return n == 0

    def trim(self, n: int) -> int:
        return 0


class Hybrid:
    """A model whose first layer keeps a sum of the tokens, and does nothing with it."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.args = model.args
        self.layers = ["sum", *model.layers]

    def make_cache(self) -> list[Cache]:
        return [Totals(), *make_prompt_cache(self.model)]

    def __call__(
        self, tokens: mx.array, cache: Sequence[Cache] | None = None, *, last_only: bool = False
    ) -> mx.array:
        if cache is None:
            cache = self.make_cache()
        totals, *others = cache
        assert isinstance(totals, Totals)
        totals.total = totals.total + tokens.sum()
        logits: mx.array = self.model(tokens, others, last_only=last_only)
        return logits
