"""DeepSeek-V3.2 (https://arxiv.org/abs/2512.02556) and GLM-5, which attend to chosen keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.latent import INDEXER, sparse_entries
from mlx_lm_py.models.spec import Decoder, Index, Mla

from .deepseek import GGUF_LATENT, deepseek_rules, deepseek_v3

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def deepseek_v32(c: Config) -> Decoder:
    """DeepSeek-V3 that attends to the keys which an indexer chooses."""
    model = deepseek_v3(Config({"q_lora_rank": 1536, "first_k_dense_replace": 3, **c.values}))
    halves = c("indexer_rope_interleave", False)
    return _chosen(c, model, [False] * c.depth, interleaved=halves, heads=64)


def glm_moe_dsa(c: Config) -> Decoder:
    """Layers may attend to what the indexer of an earlier one chose; neighbours rotate in it."""
    defaults = {
        "q_lora_rank": 2048,
        "qk_nope_head_dim": 192,
        "v_head_dim": 256,
        "n_group": 1,
        "topk_group": 1,
        "rms_norm_eps": 1e-5,
        "routed_scaling_factor": 2.5,
        **c.values,
    }
    types: list[str] = c("mlp_layer_types", [])
    if types:
        defaults["first_k_dense_replace"] = types.count("dense")
    pattern = c.values.get("index_topk_pattern")
    if pattern is not None:
        kinds = ["shared" if one in ("S", "shared") else "full" for one in pattern]
    else:
        each_n, first = max(c("index_topk_freq", 1), 1), c("index_skip_topk_offset", 2)
        kinds = ["shared" if max(i - first + 1, 0) % each_n else "full" for i in range(c.depth)]
    kinds = c("indexer_types", kinds)
    if len(kinds) != c.depth or kinds[0] != "full":
        raise ValueError(f"'indexer_types' must be of each of {c.depth} layers, 'full' at first")
    model = deepseek_v3(Config(defaults))
    borrowed = [kind == "shared" for kind in kinds]
    return _chosen(c, model, borrowed, interleaved=c("indexer_rope_interleave", True), heads=32)


def _chosen(
    c: Config, model: Decoder, borrowed: Sequence[bool], *, interleaved: bool, heads: int
) -> Decoder:
    layers = []
    for layer, is_borrowed in zip(model.layers, borrowed, strict=True):
        assert isinstance(layer.mixer, Mla)
        assert layer.mixer.rope is not None
        index = Index(
            c("index_n_heads", heads),
            c("index_head_dim", 128),
            c("index_topk", 2048),
            dataclasses.replace(layer.mixer.rope, interleaved=interleaved),
            is_borrowed,
        )
        mixer = dataclasses.replace(layer.mixer, index=index)
        layers.append(dataclasses.replace(layer, mixer=mixer))
    return dataclasses.replace(model, layers=tuple(layers))


_GGUF = dataclasses.replace(
    GGUF_LATENT, layer={**GGUF_LATENT.layer, **INDEXER}, entries=sparse_entries
)

ARCHITECTURES = {
    "deepseek_v32": Architecture(deepseek_v32, deepseek_rules, gguf=_GGUF),
    "glm_moe_dsa": Architecture(glm_moe_dsa, deepseek_rules, gguf=_GGUF),
}
