"""Muse: Glimmer (https://huggingface.co/docs/transformers/model_doc/muse_glimmer)."""

from __future__ import annotations

import dataclasses

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.spec import Decoder, Norm

from .common import change_attention, decoder, layer_types, plain

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def glimmer(c: Config) -> Decoder:
    """Gated attention; windows with positions, and one layer of four that sees all without."""
    bare = Norm(c("rms_norm_eps", 1e-5), weight=False)
    norm = dataclasses.replace(bare, weight=True, offset=1.0)
    after = dataclasses.replace(norm, eps=c("post_norm_eps", 1e-8))
    layer = plain(
        c,
        norm=norm,
        qk_norm=bare,
        scale=c("qk_scale_factor", 3.87) * c.head_dim**-0.5,
        gate="feature",
    )
    layer = dataclasses.replace(layer, order="sandwich", after=after, after_ffn=after)
    # Counted from the last one.
    seen = [(c.depth - 1 - i) % 4 == 0 for i in range(c.depth)]
    kinds = ["full_attention" if one else "sliding_attention" for one in seen]
    types = layer_types(Config({"layer_types": kinds, **c.values}))
    usual = [0.0 if one else c("rope_theta", 5e5) for one in seen]
    bases = c("layer_rope_theta", usual)
    if len(bases) != c.depth:
        raise ValueError(f"'layer_rope_theta' must be of each of the {c.depth} layers")
    window = c("sliding_window", 2048)
    model = decoder(
        c,
        layer,
        norm=dataclasses.replace(norm, offset=0.0),
        embed_norm=bare,
        logit_scale=c("output_multiplier", 0.19611613513818404),
        softcap=c("final_logit_softcapping", 20.0) or None,
    )
    layers = (
        change_attention(
            one,
            rope=dataclasses.replace(c.rope(), base=float(base)) if base else None,
            window=window if kind == "sliding_attention" else None,
        )
        for one, base, kind in zip(model.layers, bases, types, strict=True)
    )
    return dataclasses.replace(model, layers=tuple(layers))


ARCHITECTURES = {"muse_glimmer": Architecture(glimmer)}
