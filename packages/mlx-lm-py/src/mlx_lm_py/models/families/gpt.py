"""The line of GPT-2: norms by mean and deviation, biases, feed-forward layers without gates."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import biases, gpt_entries
from mlx_lm_py.models.gguf_names import LAYER, GGUFNames
from mlx_lm_py.models.rules import Drop, Rename, Rule, Split, Transpose
from mlx_lm_py.models.spec import Attention, Decoder, Layer, Mlp, Norm, Rope, each

from .common import change_attention, decoder, kinds, refuse, renamed

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _hidden(c: Config) -> int:
    return c("n_inner", 0) or 4 * c.width


def _norm(c: Config, name: str = "layer_norm_epsilon") -> Norm:
    return Norm(c(name, 1e-5), kind="layer", bias=True)


def gpt2(c: Config) -> Decoder:
    """https://openai.com/index/better-language-models: learned positions."""
    mixer = c.attention(qkv_bias=True, out_bias=True)
    mlp = Mlp(_hidden(c), c.act("gelu_new"), gated=False, bias=True)
    return decoder(c, Layer(mixer, mlp, _norm(c)), tied=True, positions=c.context)


def gpt_bigcode(c: Config) -> Decoder:
    """https://arxiv.org/abs/2301.03988: one head of keys and values."""
    kv_heads = 1 if c("multi_query", True) else c.heads
    mixer = Attention(c.heads, kv_heads, c.head_dim, qkv_bias=True, out_bias=True)
    mlp = Mlp(_hidden(c), c.act("gelu_pytorch_tanh"), gated=False, bias=True)
    return decoder(c, Layer(mixer, mlp, _norm(c)), tied=True, positions=c.context)


def gpt_neox(c: Config) -> Decoder:
    """https://arxiv.org/abs/2204.06745: both parts side by side, a quarter of a head rotates."""
    bias = c("attention_bias", True)
    mixer = Attention(c.heads, c.heads, c.head_dim, c.rope(0.25), qkv_bias=bias, out_bias=bias)
    mlp = Mlp(c.hidden, c.act("gelu"), gated=False, bias=True)
    layer = Layer(mixer, mlp, _norm(c, "layer_norm_eps"))
    if c("use_parallel_residual", True):
        layer = dataclasses.replace(layer, order="parallel2")
    return decoder(c, layer)


def gptj(c: Config) -> Decoder:
    """Both parts on one norm; neighbours in the first dimensions of a head rotate together."""
    rope = Rope(c("rotary_dim", 64), interleaved=True, context=c.context)
    mlp = Mlp(_hidden(c), c.act("gelu_new"), gated=False, bias=True)
    layer = Layer(c.attention(rope), mlp, _norm(c), order="parallel")
    return decoder(c, layer, head_bias=True)


def starcoder2(c: Config) -> Decoder:
    """https://arxiv.org/abs/2402.19173: rotary positions and a window."""
    bias = c("use_bias", True)
    window = c("sliding_window", 0) if "sliding_window" in c else None
    mixer = c.attention(c.rope(), qkv_bias=bias, out_bias=bias, window=window)
    mlp = Mlp(c.hidden, c.act("gelu_pytorch_tanh"), gated=False, bias=bias)
    return decoder(c, Layer(mixer, mlp, _norm(c, "norm_epsilon")), tied=True)


def opt(c: Config) -> Decoder:
    """https://arxiv.org/abs/2205.01068: learned positions, of which two are none."""
    refuse(
        c,
        do_layer_norm_before=True,
        layer_norm_elementwise_affine=True,
        _remove_final_layer_norm=False,
        word_embed_proj_dim=c.width,
    )
    bias = c("enable_bias", True)
    mixer = c.attention(qkv_bias=bias, out_bias=bias)
    mlp = Mlp(c("ffn_dim", 4 * c.width), c.act("relu"), gated=False, bias=bias)
    layer = Layer(mixer, mlp, _norm(c))
    return decoder(c, layer, tied=True, positions=c.context + 2, first_position=2)


def gpt_neo(c: Config) -> Decoder:
    """Learned positions, a window in every other layer, and scores as they are."""
    sizes = {"num_hidden_layers": c("num_layers", 24), "num_attention_heads": c("num_heads", 16)}
    c = Config({**c.values, **sizes})
    mlp = Mlp(c("intermediate_size", 0) or 4 * c.width, c.act("gelu_new"), gated=False, bias=True)
    model = decoder(
        c,
        Layer(c.attention(out_bias=True, scale=1.0), mlp, _norm(c)),
        tied=True,
        positions=c.context,
    )
    turns: list[list[object]] = c("attention_types", [[["global", "local"], c.depth // 2]])
    listed = [kind for kinds, times in turns for kind in kinds * times]  # type: ignore[operator]
    types = kinds(c, listed, "global", "local", name="attention_layers")
    window = c("window_size", 256)
    local = [i for i, kind in enumerate(types) if kind == "local"]
    return each(model, lambda one: change_attention(one, window=window), local)


def falcon(c: Config) -> Decoder:
    """https://arxiv.org/abs/2311.16867: one head of keys or a few, both parts side by side."""
    refuse(c, alibi=False)
    bias = c("bias", False)
    mixer = Attention(c.heads, _falcon_heads(c), c.head_dim, c.rope(), qkv_bias=bias, out_bias=bias)
    mlp = Mlp(c("ffn_hidden_size", 4 * c.width), c.act("gelu"), gated=False, bias=bias)
    layer = Layer(mixer, mlp, _norm(c))
    if _has_two_norms(c):
        layer = dataclasses.replace(layer, order="parallel2")
    elif c("new_decoder_architecture", False) or c("parallel_attn", True):
        layer = dataclasses.replace(layer, order="parallel")
    return decoder(c, layer, tied=True)


def _has_two_norms(c: Config) -> bool:
    return c("new_decoder_architecture", False) and c("num_ln_in_parallel_attn", 2) == 2


def _falcon_heads(c: Config) -> int:
    if c("new_decoder_architecture", False):
        return c("num_kv_heads", c.heads)
    return 1 if c("multi_query", True) else c.heads


_ATTENTION = tuple(f"model.layers.*.self_attn.{name}_proj" for name in "qkv")
_NAMES = (
    Rename("transformer.h", "model.layers"),
    Rename("transformer.wte", "model.embed_tokens"),
    Rename("transformer.wpe", "model.embed_positions"),
    Rename("transformer.ln_f", "model.norm"),
    # The library gives its bare model without a prefix.
    Rename("h", "model.layers", undone=False),
    Rename("wte", "model.embed_tokens", undone=False),
    Rename("wpe", "model.embed_positions", undone=False),
    Rename("ln_f", "model.norm", undone=False),
    Rename("model.layers.*.ln_1", "model.layers.*.input_layernorm"),
    Rename("model.layers.*.ln_2", "model.layers.*.post_attention_layernorm"),
)
_MASKS = (Drop("transformer.h.*.attn.bias"), Drop("transformer.h.*.attn.masked_bias"))
_FORWARD = (
    Rename("model.layers.*.mlp.c_fc", "model.layers.*.mlp.up_proj"),
    Rename("model.layers.*.mlp.c_proj", "model.layers.*.mlp.down_proj"),
)
_MIXER = (Rename("model.layers.*.attn.c_proj", "model.layers.*.self_attn.o_proj"),)


def _gpt2_rules(c: Config) -> Sequence[Rule]:
    return (
        *_MASKS,
        *_NAMES,
        *(
            Transpose(f"model.layers.*.{part}")
            for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
        ),
        Split("model.layers.*.attn.c_attn", _ATTENTION, (c.width,) * 3),
        *_MIXER,
        *_FORWARD,
    )


def _bigcode_rules(c: Config) -> Sequence[Rule]:
    if c("multi_query", True):
        split = Split("model.layers.*.attn.c_attn", _ATTENTION, (c.width, c.head_dim, c.head_dim))
    else:
        split = Split("model.layers.*.attn.c_attn", _ATTENTION, (c.head_dim,) * 3, heads=c.heads)
    return (*_MASKS, *_NAMES, split, *_MIXER, *_FORWARD)


def _neox_rules(c: Config) -> Sequence[Rule]:
    return (
        Drop("gpt_neox.layers.*.attention.bias"),
        Drop("gpt_neox.layers.*.attention.masked_bias"),
        Drop("gpt_neox.layers.*.attention.rotary_emb"),
        Rename("gpt_neox.final_layer_norm", "model.norm"),
        Rename("gpt_neox.embed_in", "model.embed_tokens"),
        Rename("gpt_neox.layers", "model.layers"),
        Rename("embed_out", "lm_head"),
        Split(
            "model.layers.*.attention.query_key_value",
            _ATTENTION,
            (c.head_dim,) * 3,
            heads=c.heads,
        ),
        Rename("model.layers.*.attention.dense", "model.layers.*.self_attn.o_proj"),
        Rename("model.layers.*.mlp.dense_h_to_4h", "model.layers.*.mlp.up_proj"),
        Rename("model.layers.*.mlp.dense_4h_to_h", "model.layers.*.mlp.down_proj"),
    )


_GPTJ = (
    *_MASKS,
    *_NAMES,
    Rename("model.layers.*.attn", "model.layers.*.self_attn"),
    Rename("model.layers.*.self_attn.out_proj", "model.layers.*.self_attn.o_proj"),
    Rename("model.layers.*.mlp.fc_in", "model.layers.*.mlp.up_proj"),
    Rename("model.layers.*.mlp.fc_out", "model.layers.*.mlp.down_proj"),
)

_OPT = (
    Rename("model.decoder", "model"),
    Rename("model.final_layer_norm", "model.norm"),
    *renamed(
        ("self_attn_layer_norm", "input_layernorm"),
        ("final_layer_norm", "post_attention_layernorm"),
        ("self_attn.out_proj", "self_attn.o_proj"),
        ("fc1", "mlp.up_proj"),
        ("fc2", "mlp.down_proj"),
    ),
)
_NEO: tuple[Rule, ...] = (
    Drop("transformer.h.*.attn.attention.bias"),
    Drop("transformer.h.*.attn.attention.masked_bias"),
    *_NAMES,
    *renamed(("attn.attention", "self_attn"), ("self_attn.out_proj", "self_attn.o_proj")),
    *_FORWARD,
)


def _falcon_rules(c: Config) -> Sequence[Rule]:
    heads, width = _falcon_heads(c), c.head_dim
    norms = (("ln_attn", "input_layernorm"), ("ln_mlp", "post_attention_layernorm"))
    return (
        Rename("transformer.h", "model.layers"),
        Rename("transformer.word_embeddings", "model.embed_tokens"),
        Rename("transformer.ln_f", "model.norm"),
        Split(
            "model.layers.*.self_attention.query_key_value",
            _ATTENTION,
            (c.heads // heads * width, width, width),
            heads=heads,
        ),
        *renamed(
            *(norms if _has_two_norms(c) else ()),
            ("self_attention.dense", "self_attn.o_proj"),
            ("mlp.dense_h_to_4h", "mlp.up_proj"),
            ("mlp.dense_4h_to_h", "mlp.down_proj"),
        ),
    )


_GGUF = GGUFNames(outside={"position_embd": "model.embed_positions"}, entries=gpt_entries)

ARCHITECTURES = {
    "falcon": Architecture(falcon, _falcon_rules),
    "gpt2": Architecture(gpt2, _gpt2_rules, gguf=_GGUF),
    "gpt_bigcode": Architecture(gpt_bigcode, _bigcode_rules, gguf=_GGUF),
    "gpt_neo": Architecture(gpt_neo, _NEO),
    "gpt_neox": Architecture(gpt_neox, _neox_rules, gguf=_GGUF),
    "gptj": Architecture(gptj, _GPTJ),
    "opt": Architecture(opt, _OPT),
    "starcoder2": Architecture(starcoder2, _FORWARD, gguf=GGUFNames(LAYER, entries=biases)),
}
