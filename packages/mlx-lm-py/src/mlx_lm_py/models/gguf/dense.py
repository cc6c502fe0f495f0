"""What GGUF files do not say of models that attend and have no experts of their own kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Convert, Rule

from .metadata import Metadata

__all__ = [
    "biases",
    "gemma_entries",
    "glm_entries",
    "gpt_entries",
    "granite_entries",
    "llama_entries",
    "loop_entries",
    "ministral_entries",
    "old_entries",
    "olmo_entries",
    "openelm_entries",
    "phi_entries",
    "plamo_changes",
    "plamo_entries",
    "scale_entries",
    "stablelm_entries",
    "talkie_changes",
    "talkie_rules",
    "xielu_entries",
    "xielu_rules",
]


def __dir__() -> list[str]:
    return __all__


Entries = dict[str, Any]
_XIELU = ("alpha_p", "alpha_n", "beta", "eps")


def biases(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """One flag for all biases."""
    return {"use_bias": config["attention_bias"]}


def gemma_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """The largest ones divide by the share of the width that a head has."""
    largest = config["num_hidden_layers"] == {"gemma2": 46, "gemma3": 62}.get(m.architecture)
    heads = config["num_attention_heads"]
    scalar = config["hidden_size"] // heads if largest else config["head_dim"]
    local = m("rope.freq_base_swa", float, 10000.0)
    return {"query_pre_attn_scalar": scalar, "rope_local_base_freq": local}


def glm_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Norms of queries and keys are there or not, and some layers have no experts."""
    return {
        "use_qk_norm": m.has("blk.0.attn_q_norm.weight"),
        "first_k_dense_replace": next(iter(m.layers("ffn_gate_inp.weight")), m.depth),
    }


def granite_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """The scale of logits divides; files without one of attention have the usual one."""
    usual = float(config["head_dim"] ** -0.5)
    return {
        "logits_scaling": config.get("logit_scale", 1.0),
        "attention_multiplier": m("attention.scale", float, usual),
    }


def llama_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Those with experts are Mixtral's, and those with a window Mistral's."""
    if not config.get("num_experts"):
        return {"model_type": "mistral"} if "sliding_window" in config else {}
    return {"model_type": "mixtral", "moe_intermediate_size": config["intermediate_size"]}


def loop_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """How often the layers are used."""
    return {
        "num_loops": m("num_loops", int, 1),
        "skip_loop_final_norm": m("skip_loop_final_norm", bool, False),
    }


def ministral_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Queries grow by a share of the logarithm."""
    scaling = dict(config.get("rope_scaling") or {})
    share = m("attention.temperature_scale", float, 0.0)
    if not scaling or not share:
        return {}
    weight = m("rope.scaling.yarn_log_multiplier", float, 0.0)
    if weight:
        scaling |= {"mscale": 1.0, "mscale_all_dim": weight}
    return {"rope_scaling": scaling | {"llama_4_scaling_beta": share}}


def olmo_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Those with windows are the third."""
    return {"model_type": "olmo3"} if "sliding_window" in config else {}


def openelm_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Numbers of heads and features of each layer, under names of its own."""
    width = config["hidden_size"]
    return {
        "model_dim": width,
        "num_transformer_layers": m.depth,
        "max_context_length": config["max_position_embeddings"],
        "num_query_heads": m.each("attention.head_count"),
        "num_kv_heads": m.each("attention.head_count_kv"),
        "ffn_multipliers": [one / width for one in m.each("feed_forward_length")],
        "ffn_dim_divisor": 1,
        "rope_freq_constant": config["rope_theta"],
        "normalize_qk_projections": m.has("blk.0.attn_q_norm.weight"),
        "share_input_output_layers": config["tie_word_embeddings"],
    }


def phi_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """The output layer has a bias or not."""
    return {"lm_head_bias": m.has("output.bias")}


def gpt_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """The names of GPT-2."""
    return {
        "n_inner": config["intermediate_size"],
        "multi_query": config["num_key_value_heads"] == 1,
        "use_parallel_residual": m("use_parallel_residual", bool, True),
    }


def old_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Names of the same in older configurations."""
    eps = config.get("rms_norm_eps", config.get("layer_norm_epsilon"))
    return {
        "rotary_emb_base": config["rope_theta"],
        "layer_norm_epsilon": eps,
        "bias": config["attention_bias"],
        "rms_norm_eps": eps,
    }


def scale_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """MiniCPM's scales, of which files have what they come to."""
    width, depth = config["hidden_size"], config["num_hidden_layers"]
    return {
        "scale_emb": m("embedding_scale", float, 12.0),
        "scale_depth": m("residual_scale", float, 1.4 / math.sqrt(depth)) * math.sqrt(depth),
        "dim_model_base": round(width / m("logit_scale", float, width / 256)),
    }


def plamo_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """The base of layers with a window, and how often there is one without."""
    return {
        "rope_local_theta": m("rope.freq_base_swa", float, 10000.0),
        "sliding_window_pattern": m("attention.sliding_window_pattern", int, 8),
    }


def plamo_changes() -> dict[str, Callable[[mx.array, Config], mx.array]]:
    """Norms after parts, which hold a fraction of one more than a checkpoint's.

    Returns:
        What undoes it.
    """
    return {
        "post_attention_norm": lambda value, c: value - 1 / 5,
        "post_ffw_norm": lambda value, c: value - 1 / 5**1.5,
    }


def talkie_changes() -> dict[str, Callable[[mx.array, Config], mx.array]]:
    """Queries and keys that rotate the usual way, by the sign of their second halves.

    Returns:
        What undoes it.
    """

    def turn(value: mx.array, c: Config) -> mx.array:
        heads = mx.unflatten(value, 0, (-1, 2, c.head_dim // 2))
        signs = mx.array([1.0, -1.0], value.dtype)[:, None, None]
        return (heads * signs).reshape(value.shape)

    return {
        "attn_q": turn,
        "attn_k": turn,
        "attn_q_norm.weight": lambda value, c: value.flatten(),
    }


def talkie_rules(c: Config) -> Sequence[Rule]:
    """What logits are multiplied by is a weight of checkpoints.

    Args:
        c: The configuration.

    Returns:
        The rule.
    """
    gain = mx.array([c("logit_scale", 1.0)])
    return (Convert(lambda weights: {**weights, "lm_head_gain.w_g": gain}, dict),)


def stablelm_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """Those with both parts side by side have one norm."""
    return {
        "use_qkv_bias": config["attention_bias"],
        "use_parallel_residual": not m.has("blk.0.ffn_norm.weight"),
    }


def xielu_entries(m: Metadata, config: Mapping[str, Any]) -> Entries:
    """The numbers of Apertus' activation, which are weights of its checkpoints."""
    return {"xielu": {name: m.numbers(f"xielu.{name}") for name in _XIELU}}


def xielu_rules(c: Config) -> Sequence[Rule]:
    """Make these numbers weights.

    Args:
        c: The configuration.

    Returns:
        The rule.
    """
    numbers: dict[str, list[float]] = c("xielu", {})

    def add(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        return weights | {
            f"model.layers.{i}.mlp.act_fn.{name}": mx.array([value] if "alpha" in name else value)
            for name, values in numbers.items()
            for i, value in enumerate(values)
        }

    return (Convert(add, dict),)
