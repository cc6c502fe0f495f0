"""Tells the shape of the model: a process of `worker`."""

from __future__ import annotations

from typing import Any

from mlx_lm_py.loading import default_model
from mlx_lm_py.loading.gguf import gguf_config
from mlx_lm_utils_py import read_gguf_header

from .worker import serve


def answer() -> dict[str, Any]:
    """The attributes of `model.Model`."""
    path = default_model()
    config = gguf_config(read_gguf_header(path))
    width, heads = config["hidden_size"], config["num_attention_heads"]
    return {
        "path": str(path),
        "vocabulary": config["vocab_size"],
        "layers": config["num_hidden_layers"],
        "width": width,
        "cached": width // heads * config["num_key_value_heads"],
        "hidden": config["intermediate_size"],
    }


if __name__ == "__main__":
    serve(answer)
