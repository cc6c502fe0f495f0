"""Llama (https://arxiv.org/abs/2407.21783) and what differs from it by a number or a flag."""

from __future__ import annotations

import dataclasses

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import biases, granite_entries, llama_entries
from mlx_lm_py.models.gguf_names import LAYER, QK_NORM, GGUFNames
from mlx_lm_py.models.rules import Rename
from mlx_lm_py.models.spec import Decoder, Mlp, each

from .common import change_attention, decoder, plain, renamed, sliding

__all__ = ["ARCHITECTURES", "ernie", "granite", "hunyuan_dense", "llama"]


def __dir__() -> list[str]:
    return __all__


def llama(c: Config) -> Decoder:
    """Llama and Mistral, some of which have a window, in all layers or in those that are named."""
    bias = c("attention_bias", False)
    # What is called Llama says where there is a window, or has none.
    everywhere = "layer_types" not in c and c("model_type", "mistral") != "llama"
    chosen = range(c.depth) if everywhere else sliding(c)
    window = c("sliding_window", 0) if "sliding_window" in c else None
    layer = plain(
        c,
        qkv_bias=bias,
        # Qwen models that became Llama ones have biases before attention alone.
        out_bias=c("attention_out_bias", bias),
        mlp_bias=c("mlp_bias", False),
    )
    return each(decoder(c, layer), lambda one: change_attention(one, window=window), chosen)


def cwm(c: Config) -> Decoder:
    """Code World Model (https://arxiv.org/abs/2510.02387): each fourth layer has no window."""
    rope = c.rope(base=1e6)
    if rope.scaling is None:
        context = {"low_freq_factor": 1.0, "original_max_position_embeddings": 8192}
        scaling = {"rope_type": "llama3", "factor": 16.0, "high_freq_factor": 4.0, **context}
        rope = dataclasses.replace(rope, scaling=scaling)
    layer = plain(c, norm=c.norm(default=1e-5), rope=rope, mlp_bias=c("mlp_bias", False))
    model = decoder(c, layer)
    usual = [i for i in range(c.depth) if i % 4]
    chosen = sliding(c) if "layer_types" in c else usual
    window = c("sliding_window", 8192)
    return each(model, lambda one: change_attention(one, window=window), chosen)


def arcee(c: Config) -> Decoder:
    """AFM of Arcee: a squared ReLU without a gate."""
    bias = c("attention_bias", False)
    layer = plain(c, norm=c.norm(default=1e-5), qkv_bias=bias, out_bias=bias)
    mlp = Mlp(c.hidden, c.act("relu2"), gated=False, bias=c("mlp_bias", False))
    return decoder(c, dataclasses.replace(layer, ffn=mlp))


def smollm3(c: Config) -> Decoder:
    """Each fourth layer has no positions."""
    bias = c("attention_bias", False)
    layer = plain(
        c,
        norm=c.norm(default=1e-6),
        rope=c.rope(base=2e6),
        qkv_bias=bias,
        out_bias=bias,
        mlp_bias=c("mlp_bias", False),
    )
    model = decoder(c, layer, tied=True)
    interval = c.positive("no_rope_layer_interval", 4)
    rotated = c("no_rope_layers", [int((i + 1) % interval != 0) for i in range(c.depth)])
    if len(rotated) != c.depth:
        raise ValueError(
            f"'no_rope_layers' in the configuration must be of each of the {c.depth} layers"
        )
    without = [i for i, flag in enumerate(rotated) if not flag]
    if c("use_sliding_window", False):
        window = c("sliding_window", int)
        model = each(model, lambda one: change_attention(one, window=window), sliding(c))
    return each(model, lambda one: change_attention(one, rope=None), without)


def seed_oss(c: Config) -> Decoder:
    """Biases before attention, and a width of heads of its own."""
    layer = plain(
        c,
        norm=c.norm(default=1e-6),
        qkv_bias=c("attention_bias", True),
        out_bias=c("attention_out_bias", False),
        mlp_bias=c("mlp_bias", False),
    )
    return decoder(c, layer)


def internlm3(c: Config) -> Decoder:
    """Two flags for biases."""
    bias = c("bias", False)
    qkv_bias = c("qkv_bias", False)
    return decoder(
        c, plain(c, norm=c.norm(default=1e-6), qkv_bias=qkv_bias, out_bias=bias, mlp_bias=bias)
    )


def helium(c: Config) -> Decoder:
    """Neighbours rotate together."""
    layer = plain(
        c,
        norm=c.norm(default=1e-8),
        rope=c.rope(interleaved=True, base=100000.0),
        qkv_bias=c("attention_bias", False),
        mlp_bias=c("mlp_bias", False),
    )
    return decoder(c, layer)


def ernie(c: Config) -> Decoder:
    """Neighbours rotate together; one flag for all biases."""
    bias = c("use_bias", False)
    layer = plain(
        c,
        norm=c.norm(default=1e-5),
        rope=c.rope(interleaved=True, base=500000.0),
        qkv_bias=bias,
        out_bias=bias,
        mlp_bias=bias,
    )
    return decoder(c, layer, tied=True)


def granite(c: Config) -> Decoder:
    """Four multipliers."""
    bias = c("attention_bias", False)
    layer = plain(
        c,
        norm=c.norm(default=1e-6),
        scale=c("attention_multiplier", 1.0),
        qkv_bias=bias,
        out_bias=bias,
        mlp_bias=c("mlp_bias", False),
    )
    layer = dataclasses.replace(layer, residual=c("residual_multiplier", 1.0))
    return decoder(
        c,
        layer,
        embed_scale=c("embedding_multiplier", 1.0),
        logit_scale=1 / c.positive("logits_scaling", 1.0),
    )


def hyperclovax(c: Config) -> Decoder:
    """Granite whose logits are multiplied, and whose layers may have norms on both sides."""
    scale = c("attention_multiplier", 0.0) or c.head_dim**-0.5
    model = granite(Config({**c.values, "attention_multiplier": scale}))
    model = dataclasses.replace(model, logit_scale=c("logits_scaling", 1.0))
    if not c("use_post_norm", True):
        return model
    return each(model, lambda one: dataclasses.replace(one, order="sandwich"))


def hunyuan_dense(c: Config) -> Decoder:
    """Queries and keys are normalized after they are rotated, by a base that grew once."""
    rope = c.rope()
    if "alpha" in (rope.scaling or {}):
        alpha = Config(rope.scaling or {}).positive("alpha", 1.0)
        # One pair of dimensions has one wavelength, which no base changes.
        base = rope.base * alpha ** (rope.dims / (rope.dims - 2) if rope.dims > 2 else 0.0)
        rope = dataclasses.replace(rope, base=base, scaling=None)
    norm = c.norm(default=1e-5)
    bias = c("attention_bias", False)
    layer = plain(
        c,
        norm=norm,
        rope=rope,
        qkv_bias=bias,
        out_bias=bias,
        qk_norm=norm if c("use_qk_norm", True) else None,
        norm_after_rope=True,
    )
    return decoder(c, layer)


_INTERLEAVED = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}
_PERMUTED = GGUFNames(interleaved=_INTERLEAVED)
_HUNYUAN_NORMS = (
    Rename("model.layers.*.self_attn.query_layernorm", "model.layers.*.self_attn.q_norm"),
    Rename("model.layers.*.self_attn.key_layernorm", "model.layers.*.self_attn.k_norm"),
)

_CLOVA_NORMS = renamed(
    # The second is the first's name in the model.
    ("post_attention_layernorm", "pre_feedforward_layernorm"),
    ("post_norm1", "post_attention_layernorm"),
    ("post_norm2", "post_feedforward_layernorm"),
)

ARCHITECTURES = {
    "arcee": Architecture(arcee, gguf=_PERMUTED),
    "cwm": Architecture(cwm),
    "ernie4_5": Architecture(ernie, gguf=GGUFNames(entries=biases)),
    "granite": Architecture(granite, gguf=dataclasses.replace(_PERMUTED, entries=granite_entries)),
    "helium": Architecture(helium),
    "hunyuan_v1_dense": Architecture(
        hunyuan_dense,
        _HUNYUAN_NORMS,
        gguf=GGUFNames(LAYER | QK_NORM),
    ),
    "hyperclovax": Architecture(
        hyperclovax, lambda c: _CLOVA_NORMS if c("use_post_norm", True) else ()
    ),
    "internlm3": Architecture(internlm3, gguf=_PERMUTED),
    "llama": Architecture(llama, gguf=dataclasses.replace(_PERMUTED, entries=llama_entries)),
    "seed_oss": Architecture(
        seed_oss, gguf=GGUFNames(LAYER | {"post_attention_norm": "post_attention_layernorm"})
    ),
    "smollm3": Architecture(smollm3, gguf=_PERMUTED),
}
