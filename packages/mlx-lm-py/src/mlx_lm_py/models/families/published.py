"""Models whose code is published beside their weights: variations on Llama, some with experts."""

from __future__ import annotations

from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.experts import spark_entries
from mlx_lm_py.models.gguf_names import LAYER, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule, Split, Stack
from mlx_lm_py.models.spec import Attention, Decoder, Layer, Mlp, Moe, Norm, Rope, Router, each

from .common import (
    change_attention,
    decoder,
    layer_types,
    plain,
    refuse,
    renamed,
    ropes,
    sliding,
)
from .glm import SHARED
from .llama import llama
from .qwen import EXPERTS, experts_of, sparse

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def klear(c: Config) -> Decoder:
    """Klear (https://huggingface.co/Kwai-Klear): a layer weighs experts against the shared one."""
    norm = c.norm(default=1e-5)
    bias = c("attention_bias", False)
    layer = plain(c, norm=norm, qkv_bias=bias, out_bias=bias, qk_norm=norm)
    router = Router("sigmoid", normalize=c("norm_topk_prob", True), bias=True)
    shared = c("n_shared_experts", 1) * c("moe_intermediate_size", int)
    return sparse(c, decoder(c, layer), experts_of(c, router, shared=shared, mixed=True))


_KLEAR_MLP = "model.layers.*.mlp."
_KLEAR: Sequence[Rule] = (
    *EXPERTS,
    # mlx-lm keeps the name where it stacks them.
    *(
        Rename(
            f"model.layers.*.mlp.experts.{name}",
            f"model.layers.*.mlp.switch_mlp.{name}",
            undone=False,
        )
        for name in ("gate_proj", "up_proj", "down_proj")
    ),
    SHARED,
    *renamed(("mlp.expert_bias", "mlp.gate.e_score_correction_bias")),
)


def lille(c: Config) -> Decoder:
    """Lille (https://github.com/Nikityyy/lille): a norm within each part, neighbours rotate."""
    hidden = 256 * round(int(8 * c.width / 3) / 256)
    heads, kv_heads = c.heads, c("n_kv_heads", int)
    context = c("block_size", 512)
    rope = Rope(c.head_dim, c("rope_theta", 10000.0), interleaved=True, context=context)
    norm = c.norm("layer_norm_eps", 1e-5)
    layer = Layer(Attention(heads, kv_heads, c.head_dim, rope), Mlp(hidden), norm)
    return decoder(Config({"max_position_embeddings": context, **c.values}), layer, tied=True)


def _lille_rules(c: Config) -> Sequence[Rule]:
    keys = c("n_kv_heads", int) * c.head_dim
    names = tuple(f"model.layers.*.self_attn.{part}_proj" for part in "qkv")
    return (
        Rename("transformer.tok_embeddings", "model.embed_tokens"),
        Rename("transformer.norm", "model.norm"),
        Rename("transformer.layers", "model.layers"),
        *renamed(
            ("attention.norm", "input_layernorm"),
            ("feed_forward.norm", "post_attention_layernorm"),
            ("attention.out_proj", "self_attn.o_proj"),
            ("feed_forward", "mlp"),
        ),
        Split("model.layers.*.attention.qkv_proj", names, (c.heads * c.head_dim, keys, keys)),
    )


def spark(c: Config) -> Decoder:
    """Spark 2.5: three windows to one layer without, a gate for each head, GELU."""
    refuse(c, attention_bias=False, gate_attn_act_mode="sigmoid", headwise_attn_output_gate=True)
    full, local = ropes(c)
    bias = c("mlp_bias", False)
    layer = plain(c, norm=c.norm(default=1e-6), rope=full, act="gelu", mlp_bias=bias, gate="head")
    window = c("sliding_window", int)
    if "layer_types" not in c:
        c = Config({**c.values, "layer_types": layer_types(c, 4)})
    return each(
        decoder(c, layer, tied=True),
        lambda one: change_attention(one, rope=local, window=window),
        sliding(c),
    )


def _spark_rules(c: Config) -> Sequence[Rule]:
    keys = c.kv_heads * c.head_dim
    names = tuple(f"model.layers.*.self_attn.{part}_proj" for part in "qkv")
    return (
        Rename("model.embedding", "model.embed_tokens"),
        Split("model.layers.*.self_attn.q_k_v_proj", names, (c.heads * c.head_dim, keys, keys)),
        *renamed(
            ("self_attn.out_proj", "self_attn.o_proj"), ("self_attn.g_proj", "self_attn.gate_proj")
        ),
    )


def phixtral(c: Config) -> Decoder:
    """Phixtral (https://huggingface.co/mlabonne/phixtral-4x2_8): Phi-2 with experts."""
    width = c(c.first("n_embd", "model_dim"), 2560)
    sizes = {
        "hidden_size": width,
        "num_hidden_layers": c(c.first("n_layer", "num_layers"), 32),
        "num_attention_heads": c(c.first("n_head", "num_heads"), 32),
        "vocab_size": c(c.first("vocab_size", "num_vocab"), 51200),
    }
    c = Config({**c.values, **sizes})
    mixer = c.attention(Rope(c("rotary_dim", 32), context=c.context), qkv_bias=True, out_bias=True)
    experts = Moe(
        c("num_local_experts", 4),
        c("num_experts_per_tok", 2),
        4 * width,
        Router(before=False),
        c.act("gelu_new"),
        bias=True,
        router_bias=False,
        gated=False,
    )
    norm = Norm(c("layer_norm_epsilon", 1e-5), kind="layer", bias=True)
    return decoder(c, Layer(mixer, experts, norm, order="parallel"), head_bias=True)


def _phixtral_rules(c: Config) -> Sequence[Rule]:
    width = c(c.first("n_embd", "model_dim"), 2560)
    names = tuple(f"model.layers.*.self_attn.{part}_proj" for part in "qkv")
    switch = "model.layers.*.mlp.switch_mlp."
    return (
        Rename("transformer.embd.wte", "model.embed_tokens"),
        Rename("transformer.h", "model.layers"),
        Rename("lm_head.ln", "model.norm"),
        Rename("lm_head.linear", "lm_head"),
        Split("model.layers.*.mixer.Wqkv", names, (width,) * 3),
        *renamed(
            ("ln", "input_layernorm"),
            ("mixer.out_proj", "self_attn.o_proj"),
            ("moe.gate", "mlp.gate"),
            ("moe.switch_mlp", "mlp.switch_mlp"),
        ),
        Stack("model.layers.*.moe.mlp.*.fc1", f"{switch}up_proj"),
        Stack("model.layers.*.moe.mlp.*.fc2", f"{switch}down_proj"),
        Rename(f"{switch}fc1", f"{switch}up_proj", undone=False),
        Rename(f"{switch}fc2", f"{switch}down_proj", undone=False),
    )


def telechat3(c: Config) -> Decoder:
    """TeleChat3 (https://huggingface.co/Tele-AI): Llama with a name of its own for YaRN."""
    scaling = c.scaling()
    if scaling and scaling.get("rope_type", scaling.get("type")) == "telechat3-yarn":
        c = Config({**c.values, "rope_scaling": scaling | {"rope_type": "yarn"}})
    return llama(c)


ARCHITECTURES = {
    "Klear": Architecture(klear, _KLEAR),
    "lille-130m": Architecture(lille, _lille_rules),
    "phixtral": Architecture(phixtral, _phixtral_rules),
    "spark2_5": Architecture(
        spark,
        _spark_rules,
        gguf=GGUFNames(LAYER | {"attn_gate": "self_attn.gate_proj"}, entries=spark_entries),
    ),
    "telechat3": Architecture(telechat3),
}
