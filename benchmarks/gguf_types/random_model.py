"""A Llama of random weights, in a shape whose widths are whole numbers of all types' blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx_core_py as mx
from mlx_lm_py.loading.default_model import default_model
from mlx_lm_py.saving.gguf.writer import Tensor, write_gguf
from mlx_lm_utils_py import read_gguf_header

WIDTH, LAYERS, HIDDEN, VOCABULARY = 2048, 16, 8192, 32000
HEADS, KV_HEADS = 32, 8
KEY_WIDTH = WIDTH // HEADS * KV_HEADS
MATRICES = {
    "attn_q": (WIDTH, WIDTH),
    "attn_k": (KEY_WIDTH, WIDTH),
    "attn_v": (KEY_WIDTH, WIDTH),
    "attn_output": (WIDTH, WIDTH),
    "ffn_gate": (HIDDEN, WIDTH),
    "ffn_up": (HIDDEN, WIDTH),
    "ffn_down": (WIDTH, HIDDEN),
}


def write(path: Path) -> None:
    """Write the model in half precision; one tensor at a time is in memory."""
    tensors = {"token_embd.weight": _matrix((VOCABULARY, WIDTH))}
    for layer in range(LAYERS):
        tensors[f"blk.{layer}.attn_norm.weight"] = _ones()
        tensors[f"blk.{layer}.ffn_norm.weight"] = _ones()
        for name, shape in MATRICES.items():
            tensors[f"blk.{layer}.{name}.weight"] = _matrix(shape)
    tensors["output_norm.weight"] = _ones()
    tensors["output.weight"] = _matrix((VOCABULARY, WIDTH))
    write_gguf(path, _metadata(), tensors)


def _metadata() -> dict[str, Any]:
    """Sizes, and the first tokens of SmolLM2's tokenizer."""
    header: dict[str, Any] = dict(read_gguf_header(default_model()).metadata)
    tokens = header["tokenizer.ggml.tokens"][:VOCABULARY]
    known = set(tokens)
    return {
        "general.architecture": "llama",
        "general.name": "random",
        "general.file_type": 1,
        "llama.context_length": 4096,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": HIDDEN,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": KV_HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.freq_base": 10000.0,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "llama.vocab_size": VOCABULARY,
        "tokenizer.ggml.model": header["tokenizer.ggml.model"],
        "tokenizer.ggml.pre": header["tokenizer.ggml.pre"],
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": header["tokenizer.ggml.token_type"][:VOCABULARY],
        "tokenizer.ggml.merges": [
            merge
            for merge in header["tokenizer.ggml.merges"]
            if merge.replace(" ", "") in known and set(merge.split(" ")) <= known
        ],
        "tokenizer.ggml.bos_token_id": header["tokenizer.ggml.bos_token_id"],
        "tokenizer.ggml.eos_token_id": header["tokenizer.ggml.eos_token_id"],
    }


def _matrix(shape: tuple[int, int]) -> Tensor:
    def data() -> mx.array:
        return mx.random.normal(shape, mx.float16, scale=shape[1] ** -0.5)

    return Tensor("F16", shape, data)


def _ones() -> Tensor:
    return Tensor("F32", (WIDTH,), lambda: mx.ones((WIDTH,)))
