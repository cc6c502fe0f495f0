"""Llama under other names: InternLM2, EXAONE 3, Qwen 1; and MiniCPM, which has scales."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import old_entries, scale_entries
from mlx_lm_py.models.gguf_names import GGUFNames
from mlx_lm_py.models.rules import Rename, Rule, Split
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Norm

from .common import decoder, plain, renamed

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def internlm2(c: Config) -> Decoder:
    """https://arxiv.org/abs/2403.17297: queries beside the keys and values that they share."""
    bias = c("bias", False)
    return decoder(c, plain(c, norm=c.norm(default=1e-6), qkv_bias=bias, out_bias=bias))


def exaone(c: Config) -> Decoder:
    """https://arxiv.org/abs/2408.03541: the names of GPT-2."""
    c = Config({"num_hidden_layers": c("num_layers", 0) or None, **c.values})
    return decoder(c, plain(c, norm=Norm(c("layer_norm_epsilon", 1e-5))))


def qwen(c: Config) -> Decoder:
    """https://arxiv.org/abs/2309.16609: biases before attention, half the features within."""
    norm = Norm(c("layer_norm_epsilon", 1e-6))
    bias = not c("no_bias", True)
    rope = c.rope(base=c("rotary_emb_base", 10000.0))
    mixer = c.attention(rope, qkv_bias=True, out_bias=bias)
    return decoder(c, Layer(mixer, Mlp(c.hidden // 2, bias=bias), norm))


def minicpm(c: Config) -> Decoder:
    """https://arxiv.org/abs/2404.06395: scales of embeddings, depth and logits."""
    layer = plain(c, norm=c.norm(default=1e-5))
    depth = c("scale_depth", 1.0) / c.depth**0.5
    return decoder(
        c,
        dataclasses.replace(layer, residual=depth),
        tied=True,
        embed_scale=c("scale_emb", 1.0),
        logit_scale=c("dim_model_base", float(c.width)) / c.width,
    )


_ATTENTION = tuple(f"model.layers.*.self_attn.{name}_proj" for name in "qkv")


def _internlm2_rules(c: Config) -> Sequence[Rule]:
    width, share = c.head_dim, c.heads // c.kv_heads
    return (
        Rename("model.tok_embeddings", "model.embed_tokens"),
        Rename("output", "lm_head"),
        Split(
            "model.layers.*.attention.wqkv",
            _ATTENTION,
            (share * width, width, width),
            heads=c.kv_heads,
        ),
        *renamed(
            ("attention.wo", "self_attn.o_proj"),
            ("feed_forward.w1", "mlp.gate_proj"),
            ("feed_forward.w3", "mlp.up_proj"),
            ("feed_forward.w2", "mlp.down_proj"),
            ("attention_norm", "input_layernorm"),
            ("ffn_norm", "post_attention_layernorm"),
        ),
    )


_OUTSIDE = (
    Rename("transformer.wte", "model.embed_tokens"),
    Rename("transformer.ln_f", "model.norm"),
    Rename("transformer.h", "model.layers"),
    *renamed(("ln_1", "input_layernorm"), ("ln_2", "post_attention_layernorm")),
)


def _exaone_rules(c: Config) -> Sequence[Rule]:
    return (
        *_OUTSIDE,
        *renamed(
            ("attn.attention", "self_attn"),
            ("self_attn.out_proj", "self_attn.o_proj"),
            ("mlp.c_fc_0", "mlp.gate_proj"),
            ("mlp.c_fc_1", "mlp.up_proj"),
            ("mlp.c_proj", "mlp.down_proj"),
        ),
    )


def _qwen_rules(c: Config) -> Sequence[Rule]:
    return (
        *_OUTSIDE,
        Split("model.layers.*.attn.c_attn", _ATTENTION, (c.heads * c.head_dim,) * 3),
        *renamed(
            ("attn.c_proj", "self_attn.o_proj"),
            ("mlp.w1", "mlp.up_proj"),
            ("mlp.w2", "mlp.gate_proj"),
            ("mlp.c_proj", "mlp.down_proj"),
        ),
    )


_INTERLEAVED = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}

ARCHITECTURES = {
    "exaone": Architecture(exaone, _exaone_rules, gguf=GGUFNames(entries=old_entries)),
    "internlm2": Architecture(
        internlm2, _internlm2_rules, gguf=GGUFNames(interleaved=_INTERLEAVED, entries=old_entries)
    ),
    "minicpm": Architecture(
        minicpm, gguf=GGUFNames(interleaved=_INTERLEAVED, entries=scale_entries)
    ),
    "qwen": Architecture(qwen, _qwen_rules, gguf=GGUFNames(entries=old_entries)),
}
