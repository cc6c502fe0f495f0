"""DBRX (https://www.databricks.com/blog/introducing-dbrx-new-state-art-open-llm)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.experts import dbrx_entries
from mlx_lm_py.models.gguf_names import EXPERTS, LAYER, GGUFNames
from mlx_lm_py.models.rules import Convert, Rename, Rule, Split
from mlx_lm_py.models.spec import Decoder, Layer, Moe, Norm, Router

from .common import decoder, renamed

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _sizes(c: Config) -> tuple[Config, Config, Config]:
    """The usual names of the entries; the entries of attention and of experts."""
    own: dict[str, Any] = c("attn_config", {})
    experts: dict[str, Any] = c("ffn_config", {})
    attention = Config(own)
    usual = {
        "hidden_size": c("d_model", 2048),
        "num_hidden_layers": c("n_layers", 24),
        "num_attention_heads": c("n_heads", 16),
        "num_key_value_heads": attention("kv_n_heads", 1),
        "max_position_embeddings": c("max_seq_len", 2048),
        **({"rope_theta": own["rope_theta"]} if "rope_theta" in attention else {}),
    }
    return Config({**c.values, **usual}), attention, Config(experts)


def dbrx(c: Config) -> Decoder:
    """Bounded queries, keys and values; norms without biases; experts in all layers."""
    c, attention, ffn = _sizes(c)
    act: dict[str, Any] = ffn("ffn_act_fn", {"name": "silu"})
    power = ffn("moe_normalize_expert_weights", 0.0)
    if power not in (0.0, 1.0):
        raise ValueError(
            f"'moe_normalize_expert_weights' in the configuration is {power}; only 1 is supported"
        )
    clip = attention("clip_qkv", 0.0) or None
    mixer = c.attention(c.rope(base=10000.0), clip=clip)
    experts = Moe(
        ffn("moe_num_experts", 4),
        ffn("moe_top_k", 1),
        ffn("ffn_hidden_size", 3584),
        Router(normalize=power == 1.0),
        act.get("name", "silu"),
    )
    return decoder(c, Layer(mixer, experts, Norm(1e-5, kind="layer")))


_THEIRS = {"w1": "gate_proj", "v1": "up_proj", "w2": "down_proj"}


def _parted(experts: int) -> Convert:
    """Experts lie one below the other in one matrix; that of the last has features out as rows."""

    def load(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        loaded = {}
        for name, value in weights.items():
            stem, _, last = name.rpartition(".experts.mlp.")
            if stem:
                value = mx.unflatten(value, 0, (experts, -1))
                value = value.swapaxes(1, 2) if last == "w2" else value
                name = f"{stem}.switch_mlp.{_THEIRS[last]}.weight"
            loaded[name] = value
        return loaded

    def save(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        if any(".switch_mlp." in name and name.endswith(".scales") for name in weights):
            return weights
        ours = {value: key for key, value in _THEIRS.items()}
        saved = {}
        for name, value in weights.items():
            stem, _, last = name.rpartition(".switch_mlp.")
            if stem:
                last = ours[last.removesuffix(".weight")]
                value = value.swapaxes(1, 2) if last == "w2" else value
                value, name = value.flatten(0, 1), f"{stem}.experts.mlp.{last}"
            saved[name] = value
        return saved

    return Convert(load, save)


def _rules(c: Config) -> Sequence[Rule]:
    c, _, ffn = _sizes(c)
    keys = c.kv_heads * c.head_dim
    names = tuple(f"model.layers.*.self_attn.{part}_proj" for part in "qkv")
    return (
        Rename("transformer.wte", "model.embed_tokens"),
        Rename("transformer.norm_f", "model.norm"),
        Rename("transformer.blocks", "model.layers"),
        *renamed(
            ("norm_attn_norm.norm_1", "input_layernorm"),
            ("norm_attn_norm.norm_2", "post_attention_layernorm"),
            ("norm_attn_norm.attn.out_proj", "self_attn.o_proj"),
            ("ffn", "mlp"),
            ("mlp.router.layer", "mlp.gate"),
        ),
        Split("model.layers.*.norm_attn_norm.attn.Wqkv", names, (c.width, keys, keys)),
        _parted(ffn("moe_num_experts", 4)),
    )


_LAYER = LAYER | EXPERTS | {"attn_output_norm": "post_attention_layernorm"}

ARCHITECTURES = {"dbrx": Architecture(dbrx, _rules, gguf=GGUFNames(_LAYER, entries=dbrx_entries))}
