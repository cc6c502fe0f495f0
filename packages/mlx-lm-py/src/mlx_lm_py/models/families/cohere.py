"""Command R and its successors (https://arxiv.org/abs/2504.00698)."""

from __future__ import annotations

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf_names import GGUFNames
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Norm, each

from .common import change_attention, decoder, layer_types, sliding

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def cohere(c: Config) -> Decoder:
    """Both parts on one norm, side by side; neighbours rotate together; scaled logits."""
    if c("use_qk_norm", False):
        raise ValueError("'use_qk_norm' in the configuration is not supported")
    bias = c("attention_bias", False)
    mixer = c.attention(c.rope(interleaved=True), qkv_bias=bias, out_bias=bias)
    norm = Norm(c("layer_norm_eps", 1e-5), kind="layer")
    layer = Layer(mixer, Mlp(c.hidden, c.act()), norm, order="parallel")
    return decoder(c, layer, tied=True, logit_scale=c("logit_scale", 0.0625))


def cohere2(c: Config) -> Decoder:
    """Three windows with positions to one layer that attends to everything without."""
    window = c("sliding_window", 4096)
    pattern = c.positive("sliding_window_pattern", 4)
    full = [i for i, kind in enumerate(layer_types(c, pattern)) if kind == "full_attention"]
    model = each(cohere(c), lambda layer: change_attention(layer, rope=None), full)
    return each(model, lambda layer: change_attention(layer, window=window), sliding(c, pattern))


ARCHITECTURES = {
    "cohere": Architecture(cohere, gguf=GGUFNames()),
    "cohere2": Architecture(cohere2, gguf=GGUFNames()),
}
