"""What a GGUF file says of the model in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlx_lm_py.models.spec import Attention, Decoder, Mlp, Moe, Rope

__all__ = ["GGUF_ARCHITECTURES", "WRITTEN", "gguf_metadata"]


def __dir__() -> list[str]:
    return __all__


GGUF_ARCHITECTURES = {
    "cohere": "command-r",
    "gemma3_text": "gemma3",
    "hunyuan_v1_dense": "hunyuan-dense",
    "internlm3": "llama",
    "mixtral": "llama",
    "olmo3": "olmo2",
    "qwen2_moe": "qwen2moe",
    "qwen3_moe": "qwen3moe",
}
"""The ``general.architecture`` of a ``model_type``, where it is another one."""

WRITTEN = frozenset(
    """
    cohere cohere2 ernie4_5 exaone4 gemma gemma2 gemma3_text glm4 granite hunyuan_v1_dense internlm3
    llama mixtral nemotron olmo olmo2 olmo3 olmoe phi3 qwen2 qwen2_moe qwen3 qwen3_moe seed_oss
    smollm3 stablelm starcoder2
    """.split()
)
"""The architectures of which all that a file must have is known; of others, what one may have."""

_NUMBERS = {
    "attention_multiplier": "attention.scale",
    "embedding_multiplier": "embedding_scale",
    "residual_multiplier": "residual_scale",
    "logits_scaling": "logit_scale",
    "logit_scale": "logit_scale",
}


def gguf_metadata(model_type: str, spec: Decoder, config: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a decoder as a GGUF file does.

    Args:
        model_type: The type of the model.
        spec: The decoder.
        config: Its configuration.

    Returns:
        The metadata by key.

    Raises:
        ValueError: If a GGUF file has no words for it.
    """
    architecture = GGUF_ARCHITECTURES.get(model_type, model_type)
    mixers = [layer.mixer for layer in spec.layers if isinstance(layer.mixer, Attention)]
    if len(mixers) < len(spec.layers):
        raise ValueError(f"models of type '{model_type}' are not written as GGUF files")
    first = next((mixer for mixer in mixers if mixer.window is None), mixers[0])
    ffns = [layer.ffn for layer in spec.layers if isinstance(layer.ffn, Mlp | Moe)]
    hidden = next((ffn.hidden for ffn in ffns if isinstance(ffn, Mlp)), 0)
    values: dict[str, Any] = {
        "context_length": spec.context_length,
        "embedding_length": spec.width,
        "block_count": len(spec.layers),
        "feed_forward_length": hidden
        or config.get("intermediate_size")
        or (ffns[0].hidden if ffns else 0),
        "attention.head_count": first.heads,
        "attention.head_count_kv": first.kv_heads,
        "attention.key_length": first.head_dim,
        "attention.value_length": first.head_dim,
        "vocab_size": spec.vocab_size,
    }
    suffix = "_rms" if spec.norm.kind == "rms" else ""
    values[f"attention.layer_norm{suffix}_epsilon"] = float(spec.norm.eps)
    windows = [mixer for mixer in mixers if mixer.window is not None]
    if windows:
        values["attention.sliding_window"] = windows[0].window
        values |= _local_base(first.rope, windows[0].rope)
    if first.clip is not None:
        values["attention.clamp_kqv"] = float(first.clip)
    if first.softcap is not None:
        values["attn_logit_softcapping"] = float(first.softcap)
    if spec.softcap is not None:
        values["final_logit_softcapping"] = float(spec.softcap)
    values |= {key: float(config[name]) for name, key in _NUMBERS.items() if config.get(name)}
    for ffn in ffns:
        if isinstance(ffn, Moe):
            values["expert_count"] = ffn.experts
            values["expert_used_count"] = ffn.top_k
            values["expert_feed_forward_length"] = ffn.hidden
            if ffn.shared:
                values["expert_shared_feed_forward_length"] = ffn.shared
    # A layer without positions says nothing of those of the others.
    rope = next((mixer.rope for mixer in [first, *mixers] if mixer.rope is not None), None)
    if rope is not None:
        values |= _rope(rope, spec.context_length)
    return {
        "general.architecture": architecture,
        **{f"{architecture}.{key}": value for key, value in values.items()},
    }


def _local_base(full: Rope | None, local: Rope | None) -> dict[str, float]:
    if full is None or local is None or full.base == local.base:
        return {}
    return {"rope.freq_base_swa": float(local.base)}


def _rope(rope: Rope, context: int) -> dict[str, Any]:
    values: dict[str, Any] = {"rope.freq_base": float(rope.base), "rope.dimension_count": rope.dims}
    scaling = rope.scaling or {}
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    # Those that are factors of wavelengths are a tensor.
    if kind in ("default", "llama3", "factors"):
        return values
    if kind not in ("linear", "yarn", "longrope"):
        raise ValueError(f"positions of type {kind!r} are not written as GGUF files")
    original = scaling.get("original_max_position_embeddings") or rope.context or context
    values["rope.scaling.type"] = kind
    values["rope.scaling.original_context_length"] = int(original)
    if "factor" in scaling:
        values["rope.scaling.factor"] = float(scaling["factor"])
    own = scaling.get("attention_factor")
    if own is not None and kind == "longrope":
        values["rope.scaling.attn_factor"] = float(own)
    elif own is not None or set(scaling) & {"mscale", "mscale_all_dim", "beta_fast", "beta_slow"}:
        raise ValueError("positions of type 'yarn' with settings of their own are not written")
    return values
