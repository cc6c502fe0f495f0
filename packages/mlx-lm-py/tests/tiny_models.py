"""Small models and files for the tests, made when they are needed."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import tokenizers
from drawn import read_drawn
from gguf import GGMLQuantizationType as TensorType
from gguf_files import write_tensors
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
    template: str | None = None,
) -> Path:
    """Write a Llama model as a GGUF file: as `write_tensors`, with what its configuration says."""
    heads = config["num_attention_heads"]
    head_dim = config.get("head_dim") or config["hidden_size"] // heads
    metadata: dict[str, tuple[str, Any]] = {
        "context_length": ("UINT32", config["max_position_embeddings"]),
        "embedding_length": ("UINT32", config["hidden_size"]),
        "block_count": ("UINT32", config["num_hidden_layers"]),
        "feed_forward_length": ("UINT32", config["intermediate_size"]),
        "attention.head_count": ("UINT32", heads),
        "attention.head_count_kv": ("UINT32", config["num_key_value_heads"]),
        "attention.key_length": ("UINT32", head_dim),
        "attention.layer_norm_rms_epsilon": ("FLOAT32", config["rms_norm_eps"]),
        "rope.freq_base": ("FLOAT32", config["rope_parameters"]["rope_theta"]),
    }
    return write_tensors(path, "llama", metadata, tensors, matrices, template)


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
