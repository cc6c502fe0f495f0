"""Layers of sizes of their own: OpenELM, and what is cut out of Llama (DeciLM, Nemotron-NAS)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import openelm_entries
from mlx_lm_py.models.gguf.per_layer import deci_entries
from mlx_lm_py.models.gguf_names import INTERLEAVED, LAYER, QK_NORM, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule, Split
from mlx_lm_py.models.spec import Attention, Decoder, Layer, Linear, Mlp, Rope

from .common import decoder, plain, refuse, renamed

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _of_layers(c: Config, name: str, kind: type | tuple[type, ...]) -> list[Any]:
    found = c(name, list)
    depth = c(c.first("num_transformer_layers", "num_hidden_layers"), int)
    if len(found) != depth or not all(isinstance(one, kind) for one in found):
        raise ValueError(f"{name!r} in the configuration must have one entry for each layer")
    return found


def _hidden(c: Config) -> list[int]:
    """As many features within a layer as a factor says, in whole steps."""
    step, width = c.positive("ffn_dim_divisor", 256), c("model_dim", int)
    hidden = []
    for factor in _of_layers(c, "ffn_multipliers", (int, float)):
        wanted = factor * width
        rounded = max(step, int(wanted + step / 2) // step * step)
        hidden.append(rounded + step if rounded < 0.9 * wanted else rounded)
    return hidden


def openelm(c: Config) -> Decoder:
    """OpenELM (https://arxiv.org/abs/2404.14619): more heads and features in later layers."""
    refuse(c, ffn_with_glu=True, activation_fn_name="swish")
    width = c("head_dim", int)
    norm = c.norm(default=1e-6)
    context = c("max_context_length", 2048)
    rope = Rope(width, c("rope_freq_constant", 10000.0), context=context)
    qk_norm = norm if c("normalize_qk_projections", True) else None
    sizes = zip(
        _of_layers(c, "num_query_heads", int),
        _of_layers(c, "num_kv_heads", int),
        _hidden(c),
        strict=True,
    )
    return Decoder(
        c.vocab_size,
        c("model_dim", int),
        tuple(
            Layer(Attention(heads, kv_heads, width, rope, qk_norm=qk_norm), Mlp(hidden), norm)
            for heads, kv_heads, hidden in sizes
        ),
        norm,
        context,
        tied=c("share_input_output_layers", True),
    )


def _openelm_rules(c: Config) -> Sequence[Rule]:
    rules: list[Rule] = [
        Rename("transformer.token_embeddings", "model.embed_tokens"),
        Rename("transformer.norm", "model.norm"),
        Rename("transformer.layers", "model.layers"),
        *renamed(
            ("attn_norm", "input_layernorm"),
            ("ffn_norm", "post_attention_layernorm"),
            ("attn.out_proj", "self_attn.o_proj"),
            ("attn.q_norm", "self_attn.q_norm"),
            ("attn.k_norm", "self_attn.k_norm"),
            ("ffn.proj_2", "mlp.down_proj"),
        ),
    ]
    for i, layer in enumerate(openelm(c).layers):
        assert isinstance(layer.mixer, Attention)
        assert isinstance(layer.ffn, Mlp)
        own, width = f"model.layers.{i}.", layer.mixer.head_dim
        rows = (layer.mixer.heads * width, *(layer.mixer.kv_heads * width,) * 2)
        names = tuple(f"{own}self_attn.{part}_proj" for part in "qkv")
        parts = (f"{own}mlp.gate_proj", f"{own}mlp.up_proj")
        rules.append(Split(f"{own}attn.qkv_proj", names, rows))
        rules.append(Split(f"{own}ffn.proj_1", parts, (layer.ffn.hidden,) * 2))
    return rules


def nemotron_nas(c: Config) -> Decoder:
    """Llama of which a search left out parts (https://arxiv.org/abs/2411.19146)."""
    c = Config({"intermediate_size": 1, **c.values})
    model = decoder(c, plain(c, norm=c.norm(default=1e-5), rope=c.rope(base=500000.0)))
    blocks = _of_layers(c, "block_configs", dict)
    layers = (_cut(c, one, Config(block)) for one, block in zip(model.layers, blocks, strict=True))
    return dataclasses.replace(model, layers=tuple(layers))


def _cut(c: Config, layer: Layer, block: Config) -> Layer:
    attention, ffn = Config(block("attention", {})), Config(block("ffn", {}))
    for name in ("window_length", "num_sink_tokens", "sparsify"):
        if name in attention or name in ffn:
            raise ValueError(f"'{name}' in 'block_configs' of the configuration is not supported")
    bias, mlp_bias = c("attention_bias", False), c("mlp_bias", False)
    mixer: Attention | Linear | None = None
    if attention("replace_with_linear", False):
        mixer = Linear(bias)
    elif not attention("no_op", False):
        share = attention.positive("n_heads_in_group", 1)
        if "n_heads_in_group" not in attention or c.heads % share:
            raise ValueError(f"'n_heads_in_group' in 'block_configs' must divide {c.heads} heads")
        assert isinstance(layer.mixer, Attention)
        mixer = dataclasses.replace(
            layer.mixer, kv_heads=c.heads // share, qkv_bias=bias, out_bias=bias
        )
    mlp: Mlp | Linear | None = None
    if ffn("replace_with_linear", False):
        mlp = Linear(mlp_bias)
    elif not ffn("no_op", False):
        # Two thirds of the factor, in whole steps of 256.
        hidden = int(2 * round(ffn("ffn_mult", float), 6) * c.width / 3)
        mlp = Mlp(-(-hidden // 256) * 256, c.act(), bias=mlp_bias)
    return dataclasses.replace(layer, mixer=mixer, ffn=mlp)


def _nas_rules(c: Config) -> Sequence[Rule]:
    """Names as published, and those of GGUF files; mlx-lm has others."""
    whole = (
        Rename(f"model.layers.{i}.self_attn.o_proj", f"model.layers.{i}.self_attn.linear", False)
        for i, layer in enumerate(nemotron_nas(c).layers)
        if isinstance(layer.mixer, Linear)
    )
    return (
        *whole,
        Rename("model.layers.*.self_attn.linear_attn", "model.layers.*.self_attn.linear", False),
        Rename("model.layers.*.mlp.linear_mlp", "model.layers.*.mlp.linear", False),
    )


ARCHITECTURES = {
    "nemotron-nas": Architecture(
        nemotron_nas,
        _nas_rules,
        gguf=GGUFNames(LAYER, INTERLEAVED, entries=deci_entries, each_layer=True),
    ),
    "openelm": Architecture(
        openelm,
        _openelm_rules,
        gguf=GGUFNames(
            {**LAYER, **QK_NORM, "attn_qkv": "attn.qkv_proj"},
            entries=openelm_entries,
            each_layer=True,
        ),
    ),
}
