"""mlx-lm: prompt, greedy steps and a batch of its architectures with tiny weights."""

from importlib import import_module
from typing import Any

import mlx.core as mx
from cases import ARCHITECTURES
from common import fill, run
from mlx_lm.models.cache import make_prompt_cache

# What the configurations of all of them ask for: each takes what it knows.
CONFIG: dict[str, Any] = {
    # Sizes.
    "vocab_size": 100,
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "dim_model_base"), 64),
    **dict.fromkeys(("intermediate_size", "n_inner", "mlp_hidden_size"), 128),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 64),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layer", "n_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "n_kv_heads"), 2),
    **dict.fromkeys(("head_dim", "head_size", "kv_channels", "query_pre_attn_scalar"), 16),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx"), 256),
    # Multi-head latent attention.
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim"), 8),
    **dict.fromkeys(("kv_lora_rank", "v_head_dim"), 16),
    "q_lora_rank": 32,
    # Mixtures of experts.
    **dict.fromkeys(("num_experts", "num_local_experts"), 4),
    "num_experts_per_tok": 2,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "norm_topk_prob": True,
    # Which layers look how far.
    "layer_types": ["full_attention", "sliding_attention"],
    "sliding_window": 8,
    "sliding_window_pattern": 2,
    # Numbers.
    **dict.fromkeys(("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_eps"), 1e-5),
    **dict.fromkeys(("rope_theta", "rope_local_base_freq"), 10000.0),
    **dict.fromkeys(("rope_pct", "rotary_pct"), 0.25),
    **dict.fromkeys(("embedding_multiplier", "residual_multiplier", "logits_scaling"), 1.0),
    **dict.fromkeys(("scale_emb", "logit_scale"), 1.0),
    "attention_multiplier": 0.25,
    "attn_logit_softcapping": 50.0,
    "final_logit_softcapping": 30.0,
    "partial_rotary_factor": 0.5,
    "scale_depth": 1.4,
    # Options.
    **dict.fromkeys(("attention_bias", "mlp_bias", "use_bias", "bias", "qkv_bias"), False),
    **dict.fromkeys(("use_qkv_bias", "use_qk_norm", "qk_layernorm", "layer_norm_bias"), True),
    "use_parallel_residual": True,
    "tie_word_embeddings": False,
    "rope_traditional": False,
    "rope_scaling": None,
    "hidden_act": "silu",
}


def computed(name: str) -> dict[str, Any]:
    module = import_module(f"mlx_lm.models.{name}")
    model = fill(module.Model(module.ModelArgs.from_dict({**CONFIG, "model_type": name})))
    cache = make_prompt_cache(model)
    # As many tokens as make a sliding window move.
    logits = model(mx.array([[1, 2, 3, 4, 5, 9, 8, 7, 6]]), cache=cache)
    all_logits, tokens = [logits[0]], []
    for _ in range(3):
        token = mx.argmax(logits[:, -1], axis=-1)
        tokens.append(token.item())
        logits = model(token[:, None], cache=cache)
        all_logits.append(logits[0])
    batch = model(mx.array([[1, 2, 3, 4], [9, 8, 7, 6]]))
    return {"tokens": tokens, "logits": mx.concatenate(all_logits), "batch": batch}


run([(name, lambda name=name: computed(name)) for name in ARCHITECTURES])  # type: ignore[misc]
