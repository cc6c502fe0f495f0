"""Muse.

https://huggingface.co/docs/transformers/model_doc/muse_glimmer,
https://huggingface.co/docs/transformers/model_doc/muse_spark.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import gemma as gguf
from mlx_lm_py.models.gguf_names import INTERLEAVED, LAYER, QK_NORM, SANDWICH, GGUFNames
from mlx_lm_py.models.rules import Convert, Rule
from mlx_lm_py.models.spec import Attention, Decoder, Layer, Norm, Router, each

from .common import change_attention, decoder, kinds, layer_types, plain, refuse, renamed
from .qwen import experts_of, fused_experts

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


def spark(c: Config) -> Decoder:
    """Glimmer with narrow experts, and gates between the hidden state and what parts add."""
    refuse(c, num_shared_experts=0)
    usual = {
        "intermediate_size": 16384,
        "qk_scale_factor": 5.4730064863875,
        "output_multiplier": 0.1767766952966369,
    }
    c = Config({**usual, **{name: value for name, value in c.values.items() if value is not None}})
    model = glimmer(c)
    eps = c("post_norm_eps", 1e-8)
    scaled = Norm(eps, kind="scaled", offset=1.0)
    norm = model.layers[0].norm
    router = Router(
        "sigmoid",
        normalize=True,
        logit_scale=c("output_multiplier", float),
        scale=c("routed_scaling_factor", 1.0),
        bias=True,
    )
    experts = dataclasses.replace(
        experts_of(c, router),
        latent=c("moe_hidden_size", 4096),
        latent_in_norm=norm,
        expert_norm=scaled,
    )
    types = kinds(c, ["sparse"] * c.depth, "sparse", "dense", name="mlp_layer_types")
    base = c.rope(base=5e5).base

    def change(layer: Layer) -> Layer:
        assert isinstance(layer.mixer, Attention)
        rope = layer.mixer.rope
        # Layers tell only whether there are positions.
        rope = None if rope is None else dataclasses.replace(rope, base=base)
        return dataclasses.replace(
            change_attention(layer, rope=rope, head_norm=Norm(layer.norm.eps, weight=False)),
            after=Norm(eps, weight=False),
            after_ffn=scaled,
            gates=c.positive("residual_gate_temperature", 0.3),
        )

    return each(
        each(model, change),
        lambda one: dataclasses.replace(one, ffn=experts),
        [i for i, kind in enumerate(types) if kind == "sparse"],
    )


_KEPT = re.compile(r"(.*)\.add_(attn|ffn)_(alpha|beta)$")
_GATES = {"attn": "post_attention_residual_gate", "ffn": "post_feedforward_residual_gate"}
_ZERO_CENTRED = (
    "input_layernorm.weight",
    "pre_feedforward_layernorm.weight",
    "post_feedforward_layernorm.weight",
    "mlp.pre_expert_norm.weight",
    "mlp.experts.post_expert_norm.weight",
)


def _of_mlx_lm(c: Config) -> Convert:
    """mlx-lm keeps what gates and norms come to, and four projections as one with other rows."""
    temperature = c.positive("residual_gate_temperature", 0.3)
    sizes = [c.heads, c.kv_heads, c.kv_heads, c.heads]

    def halves(rows: mx.array) -> mx.array:
        """Rows of a head that rotate together lie side by side."""
        parted = rows.reshape(-1, c.head_dim // 2, 2, *rows.shape[1:])
        return parted.swapaxes(1, 2).reshape(rows.shape)

    def load(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        if not any(_KEPT.match(name) for name in weights):
            return weights
        loaded: dict[str, mx.array] = {}
        for name, value in weights.items():
            kept = _KEPT.match(name)
            stem, fused, kind = name.partition("qkvg_proj.")
            if kept:
                # The other one follows from it.
                if kept[3] == "beta":
                    share = value.astype(mx.float32)
                    gate = temperature * (mx.log(share) - mx.log1p(-share))
                    loaded[f"{kept[1]}.{_GATES[kept[2]]}.gate"] = gate
            elif name.endswith(_ZERO_CENTRED):
                loaded[name] = value - 1
            elif fused:
                cuts = [sum(sizes[:i]) * c.head_dim for i in (1, 2, 3)]
                q, k, v, g = mx.split(value, cuts, axis=0)
                parts = {"q": halves(q), "k": halves(k), "v": v, "gate": g}
                loaded |= {f"{stem}{part}_proj.{kind}": own for part, own in parts.items()}
            else:
                for part in ("gate", "up", "down"):
                    name = name.replace(f".experts.{part}_proj.", f".switch_mlp.{part}_proj.")
                loaded[name] = value
        return loaded

    return Convert(load, lambda weights: weights)


_SPARK: Sequence[Rule] = (
    *renamed(
        ("mlp.pre_expert_proj", "mlp.fc1_latent_proj"),
        ("mlp.pre_expert_norm", "mlp.latent_in_norm"),
        ("mlp.experts.post_expert_norm", "mlp.expert_norm"),
        ("mlp.post_expert_proj", "mlp.fc2_latent_proj"),
    ),
    fused_experts(".mlp.experts.", ".mlp.switch_mlp."),
)

_NORMS = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
_GGUF = GGUFNames(
    {**LAYER, **QK_NORM, **SANDWICH, "attn_gate": "self_attn.gate_proj"},
    INTERLEAVED,
    # The last norm is not less one.
    changes=dict.fromkeys(_NORMS, lambda value, c: value - 1),
    rules=gguf.muse_rules,
    entries=gguf.muse_entries,
)

ARCHITECTURES = {
    "muse_glimmer": Architecture(glimmer, gguf=_GGUF),
    "muse_spark": Architecture(spark, lambda c: (_of_mlx_lm(c), *_SPARK)),
}
