"""What is particular to one model."""

from typing import Any

import mlx_core_py as mx
import pytest
from mlx_lm_py.models import make_model as make
from tiny_models import close, read_config, read_expected, read_weights


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("mistral", {"sliding_window": 0}, r"'sliding_window' .* is 0"),
        ("qwen2_moe", {"num_experts_per_tok": 7}, r"'num_experts_per_tok' .* is 7"),
        ("gemma2", {"layer_types": ["full_attention"]}, "for each of the 4 layers"),
        ("gemma2", {"layer_types": ["x"] * 4}, "must name full_attention or sliding_attention"),
        ("glm", {"partial_rotary_factor": 2.0, "rope_parameters": None}, "factor' .* is 2.0"),
        ("deepseek_v3", {"n_group": 3}, r"'n_group' \(3\) .* must divide"),
        ("deepseek_v3", {"kv_lora_rank": -1}, "'kv_lora_rank' .* is -1"),
        ("gpt2", {"n_head": 3}, "width of 32, no multiple of its 3 heads"),
        ("granite", {"logits_scaling": 0}, "'logits_scaling' .* must be positive, not 0"),
        ("smollm3", {"no_rope_layer_interval": 0}, "'no_rope_layer_interval' .* positive"),
        ("smollm3", {"no_rope_layers": [1]}, "'no_rope_layers' .* each of the 4 layers"),
        ("qwen2_moe", {"decoder_sparse_step": 0}, "'decoder_sparse_step' .* positive"),
        ("ernie4_5_moe", {"moe_layer_interval": 0}, "'moe_layer_interval' .* positive"),
        ("gemma2", {"query_pre_attn_scalar": 0}, "'query_pre_attn_scalar' .* positive"),
        ("cohere2", {"sliding_window_pattern": 0}, "'sliding_window_pattern' .* positive"),
        ("hunyuan_v1_dense", {"rope_parameters": {"alpha": "x"}}, "'alpha' .* type float"),
        ("cohere", {"use_qk_norm": True}, "'use_qk_norm' .* not supported"),
        ("phi", {"qk_layernorm": True}, "'qk_layernorm' .* not supported"),
        ("stablelm", {"qk_layernorm": True}, "'qk_layernorm' .* not supported"),
        ("gemma", {"rope_parameters": 3}, "'rope_parameters' .* must be an object"),
        ("phi3", {"num_hidden_layers": 2.0}, "must be of type int, not float"),
        ("phi3", {"rms_norm_eps": float("nan")}, "'rms_norm_eps' .* finite"),
        ("phi3", {"rms_norm_eps": -1.0}, "'rms_norm_eps' .* negative"),
    ],
)
def test_wrong_configurations(name: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(read_config(name) | change)


def test_internlm3_is_llama_with_two_flags() -> None:
    """transformers has no class of it; with these flags it is Llama's."""
    config = read_config("llama") | {"model_type": "internlm3", "bias": True, "qkv_bias": True}
    model = make(config)
    model.load_weights(list(read_weights("llama").items()))
    tokens, logits = read_expected("llama")
    close(model(tokens), logits, 2e-3)


def test_mimo_is_qwen2_beside_layers_that_are_left_out() -> None:
    model = make(read_config("qwen2") | {"model_type": "mimo"})
    more = {"model.mtp_layers.0.mlp.up_proj.weight": mx.zeros((2, 2))}
    model.load_weights(list(model.sanitize(read_weights("qwen2") | more).items()))
    tokens, logits = read_expected("qwen2")
    close(model(tokens), logits, 2e-3)
