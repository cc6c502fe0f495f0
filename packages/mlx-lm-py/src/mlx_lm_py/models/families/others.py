"""Families of one."""

from __future__ import annotations

import dataclasses

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf_names import EXPERTS, LAYER, POST_NORMS, QK_NORM, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule, Stack
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Norm, Router, each

from .common import change_attention, decoder, layer_types, plain, sliding
from .qwen import experts_of, sparse

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def stablelm(c: Config) -> Decoder:
    """StableLM (https://arxiv.org/abs/2402.17834): a quarter of a head rotates."""
    if c("qk_layernorm", False):
        raise ValueError("'qk_layernorm' in the configuration is not supported")
    norm = Norm(c("layer_norm_eps", 1e-5), kind="layer", bias=True)
    layer = plain(c, norm=norm, rope=c.rope(0.25), qkv_bias=c("use_qkv_bias", False))
    if c("use_parallel_residual", False):
        layer = dataclasses.replace(layer, order="parallel")
    return decoder(c, layer)


def nemotron(c: Config) -> Decoder:
    """Nemotron (https://arxiv.org/abs/2402.16819): norms less one, squared ReLU without a gate."""
    norm = Norm(c("norm_eps", 1e-5), kind="layer", bias=True, offset=1.0)
    bias = c("attention_bias", False)
    mixer = c.attention(c.rope(0.5), qkv_bias=bias, out_bias=bias)
    mlp = Mlp(c.hidden, c.act("relu2"), gated=False, bias=c("mlp_bias", False))
    return decoder(c, Layer(mixer, mlp, norm))


def exaone4(c: Config) -> Decoder:
    """EXAONE 4 (https://arxiv.org/abs/2507.11407): norms after each part."""
    norm = c.norm(default=1e-5)
    layer = dataclasses.replace(plain(c, norm=norm, qk_norm=norm), order="post")
    model = decoder(c, layer)
    if "sliding_window" not in c:
        return model
    window, pattern = c("sliding_window", int), 4
    full = [i for i, kind in enumerate(layer_types(c, pattern)) if kind == "full_attention"]
    model = each(model, lambda one: change_attention(one, rope=None), full)
    return each(model, lambda one: change_attention(one, window=window), sliding(c, pattern))


def mixtral(c: Config) -> Decoder:
    """Mixtral (https://arxiv.org/abs/2401.04088): the weights of the chosen experts sum to one."""
    window = c("sliding_window", 0) if "sliding_window" in c else None
    layer = plain(c, norm=c.norm(default=1e-5), rope=c.rope(base=1e6), window=window)
    return sparse(c, decoder(c, layer), experts_of(c, Router(before=False)))


_MIXTRAL: tuple[Rule, ...] = (
    Rename("model.layers.*.block_sparse_moe", "model.layers.*.mlp"),
    *(
        Stack(f"model.layers.*.mlp.experts.*.{theirs}", f"model.layers.*.mlp.switch_mlp.{ours}")
        for theirs, ours in (("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj"))
    ),
)

_INTERLEAVED = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}

ARCHITECTURES = {
    "exaone4": Architecture(
        exaone4,
        gguf=GGUFNames(LAYER | QK_NORM | POST_NORMS),
    ),
    "mixtral": Architecture(mixtral, _MIXTRAL, gguf=GGUFNames(LAYER | EXPERTS, _INTERLEAVED)),
    "nemotron": Architecture(nemotron, gguf=GGUFNames(norms_hold_one=True)),
    "stablelm": Architecture(stablelm, gguf=GGUFNames()),
}
