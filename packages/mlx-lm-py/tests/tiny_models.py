"""Small models and files for the tests, made when they are needed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import tokenizers
from mlx_lm_py import load_model
from mlx_lm_utils_py import Tokenizer
from tokenizers import decoders, pre_tokenizers
from tokenizers.models import BPE

FIXTURES = Path(__file__).parent / "fixtures"
MODELS = ["llama", "llama_tied", "qwen3", "qwen3_tied"]


def read_config(name: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((FIXTURES / name / "config.json").read_text())
    return config


def read_weights(name: str) -> dict[str, mx.array]:
    weights: dict[str, mx.array] = mx.load(str(FIXTURES / name / "model.safetensors"))
    return weights


def make_model(name: str = "llama") -> Any:
    return load_model(read_weights(name), read_config(name))


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
    for file in ("config.json", "model.safetensors"):
        shutil.copy(FIXTURES / name / file, folder)
    config = read_config(name) | {"eos_token_id": 95}
    (folder / "config.json").write_text(json.dumps(config))
    make_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def gguf_metadata(architecture: str = "llama") -> dict[str, Any]:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())[:93]
    numbers = {
        "embedding_length": 32,
        "block_count": 2,
        "feed_forward_length": 64,
        "attention.head_count": 4,
        "attention.head_count_kv": 2,
        "context_length": 128,
    }
    return {
        "general.architecture": architecture,
        **{f"{architecture}.{k}": mx.array(v, mx.uint32) for k, v in numbers.items()},
        f"{architecture}.attention.layer_norm_rms_epsilon": mx.array(1e-6, mx.float32),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": [*alphabet, "he", "ll", "</s>"],
        "tokenizer.ggml.merges": ["h e", "l l"],
        "tokenizer.ggml.eos_token_id": mx.array(95, mx.uint32),
    }


_GGUF_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "model.layers.": "blk.",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.o_proj": "attn_output",
    "self_attn.": "attn_",
    "mlp.": "ffn_",
    "_proj": "",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "lm_head": "output",
}


def make_gguf(
    path: Path, name: str, heads: int = 4, kv_heads: int = 2, matrices: mx.Dtype = mx.float32
) -> Path:
    """The model of a fixture as llama.cpp's converter would write it, norms in float32."""
    architecture = read_config(name)["model_type"]
    arrays = {}
    for weight, value in read_weights(name).items():
        for projection, count in (("q_proj", heads), ("k_proj", kv_heads)):
            if architecture == "llama" and projection in weight:
                halves = value.reshape(count, 2, value.shape[0] // count // 2, -1)
                value = mx.contiguous(halves.swapaxes(1, 2).reshape(value.shape))
        for theirs, ours in _GGUF_NAMES.items():
            weight = weight.replace(theirs, ours)
        arrays[weight] = value.astype(matrices) if value.ndim > 1 else value
    metadata = gguf_metadata(architecture)
    head_dim = read_config(name)["head_dim"]
    metadata[f"{architecture}.attention.key_length"] = mx.array(head_dim, mx.uint32)
    metadata[f"{architecture}.rope.dimension_count"] = mx.array(head_dim, mx.uint32)
    mx.save_gguf(str(path), arrays, metadata)
    return path
