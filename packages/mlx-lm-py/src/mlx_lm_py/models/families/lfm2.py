"""LFM2 (https://arxiv.org/abs/2511.23404)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import states
from mlx_lm_py.models.gguf_names import BIAS, EXPERTS, LAYER, QK_NORM, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule, Stack
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Router, ShortConv, each

from .common import CONVOLUTIONS, decoder, renamed
from .qwen import experts_of

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def lfm2(c: Config) -> Decoder:
    """Short convolutions in most layers, attention in the others."""
    norm = c.norm("norm_eps", 1e-5)
    layer = Layer(c.attention(c.rope(base=1e6), qk_norm=norm), Mlp(_hidden(c)), norm)
    tied = c("tie_embedding", True)
    model = decoder(Config({"tie_word_embeddings": tied, **c.values}), layer)
    attends = c("full_attn_idxs", list(range(c.depth)))
    types = c("layer_types", ["full_attention" if i in attends else "conv" for i in range(c.depth)])
    if len(types) != c.depth or not set(types) <= {"full_attention", "conv"}:
        raise ValueError(
            "'layer_types' in the configuration must name full_attention or conv for each of the "
            f"{c.depth} layers, not {types}"
        )
    conv = ShortConv(c("conv_L_cache", 3), c("conv_bias", False))
    return each(
        model,
        lambda one: dataclasses.replace(one, mixer=conv),
        [i for i, kind in enumerate(types) if kind == "conv"],
    )


def lfm2_moe(c: Config) -> Decoder:
    """Experts, chosen by sigmoids with a bias, after the first layers."""
    model = lfm2(Config({"block_auto_adjust_ff_dim": False, **c.values}))
    router = Router(
        "sigmoid",
        normalize=c("norm_topk_prob", True),
        scale=c("routed_scaling_factor", 1.0),
        bias=c("use_expert_bias", True),
    )
    experts = experts_of(c, router)
    sparse = range(c("num_dense_layers", 2), c.depth)
    return each(model, lambda one: dataclasses.replace(one, ffn=experts), sparse)


def _hidden(c: Config) -> int:
    hidden = c(c.first("block_ff_dim", "intermediate_size"), int)
    if c("block_auto_adjust_ff_dim", True):
        factor = c("block_ffn_dim_multiplier", 1.0)
        multiple = c.positive("block_multiple_of", 256)
        hidden = int(factor * int(2 * hidden / 3))
        hidden = -(-hidden // multiple) * multiple
    return hidden


_LAYER = "model.layers.*."

_RULES: Sequence[Rule] = (
    Rename("model.embedding_norm", "model.norm"),
    *(
        Rename(f"{_LAYER}{theirs}", f"{_LAYER}{ours}")
        for theirs, ours in (
            ("operator_norm", "input_layernorm"),
            ("ffn_norm", "post_attention_layernorm"),
            ("feed_forward.w1", "mlp.gate_proj"),
            ("feed_forward.w3", "mlp.up_proj"),
            ("feed_forward.w2", "mlp.down_proj"),
            ("self_attn.out_proj", "self_attn.o_proj"),
            ("self_attn.q_layernorm", "self_attn.q_norm"),
            ("self_attn.k_layernorm", "self_attn.k_norm"),
        )
    ),
    CONVOLUTIONS,
)

_EXPERTS: tuple[Rule, ...] = (
    *renamed(
        ("feed_forward.gate", "mlp.gate"),
        ("feed_forward.expert_bias", "mlp.gate.e_score_correction_bias"),
    ),
    *(
        Stack(f"{_LAYER}feed_forward.experts.*.{theirs}", f"{_LAYER}mlp.switch_mlp.{ours}_proj")
        for theirs, ours in (("w1", "gate"), ("w3", "up"), ("w2", "down"))
    ),
)

_GGUF = GGUFNames(
    LAYER
    | QK_NORM
    | EXPERTS
    | BIAS
    | {f"shortconv.{part}": f"conv.{part}" for part in ("in_proj", "conv", "out_proj")},
    changes=states.STATE_CHANGES,
    # The last norm has the name of another one.
    outside={"token_embd_norm": "model.norm"},
    entries=states.lfm2_entries,
    each_layer=True,
)

ARCHITECTURES = {
    "lfm2": Architecture(lfm2, _RULES, gguf=_GGUF),
    "lfm2_moe": Architecture(lfm2_moe, (*_EXPERTS, *_RULES), gguf=_GGUF),
}
