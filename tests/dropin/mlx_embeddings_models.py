"""mlx-embeddings: encoders with tiny weights."""

from importlib import import_module
from typing import Any

import mlx.core as mx
from common import bare_package, fill, run

bare_package("mlx_embeddings")

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 50,
    "max_position_embeddings": 64,
    "head_dim": 8,
}


def encoded(name: str) -> dict[str, Any]:
    module = import_module(f"mlx_embeddings.models.{name}")
    arguments = module.ModelArgs.from_dict({**SIZES, "model_type": name})
    model = fill(module.Model(arguments))
    model.eval()
    ids = mx.array([[1, 5, 9, 2], [3, 4, 0, 0]])
    mask = mx.array([[1, 1, 1, 1], [1, 1, 0, 0]])
    output = model(ids, attention_mask=mask)
    return {"states": output.last_hidden_state, "text": output.text_embeds}


NAMES = ("bert", "modernbert", "xlm_roberta", "qwen3")
run([(name, lambda name=name: encoded(name)) for name in NAMES])  # type: ignore[misc]
