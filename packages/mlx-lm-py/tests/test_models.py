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
        ("minimax_m2", {"attn_type_list": [0, 1]}, "'attn_type_list' .* MiniMax-Text-01"),
        (
            "minimax_m2",
            {"layer_types": ["linear_attention"] * 2},
            "'layer_types' .* MiniMax-Text-01",
        ),
        ("dbrx", {"ffn_config": {"moe_normalize_expert_weights": 2.0}}, "expert_weights' .* is 2"),
        ("plamo", {"n_shared_head": 3}, r"'n_shared_head' \(3\) must divide"),
        ("openelm", {"ffn_with_glu": False}, "'ffn_with_glu' .* only True is supported"),
        ("openelm", {"num_kv_heads": [2]}, "'num_kv_heads' .* one entry for each layer"),
        ("nemotron_nas", {"block_configs": [{}] * 3}, "'block_configs' .* for each layer"),
        (
            "nemotron_nas",
            {"block_configs": [{"attention": {"window_length": 3, "no_op": True}}] * 4},
            "'window_length' .* not supported",
        ),
        ("nemotron_nas", {"block_configs": [{}] * 4}, "'n_heads_in_group' .* must divide"),
        ("gemma4_text", {"use_bidirectional_attention": "all"}, "'use_bidirectional_attention'"),
        ("gemma4_text", {"num_kv_shared_layers": 6}, "'num_kv_shared_layers' .* no layer"),
        ("gemma3n_text", {"intermediate_size": [64]}, "'intermediate_size' .* each of the 5"),
        ("gemma3n_text", {"activation_sparsity_pattern": 1.0}, "not in \\[0, 1\\)"),
        ("gemma3n_text", {"altup_active_idx": 3}, "'altup_active_idx' .* is 3"),
        ("glm_moe_dsa", {"indexer_types": ["shared"] * 3}, "'indexer_types' .* 'full' at first"),
        ("deepseek_v32", {"index_topk": 0}, "'index_topk' .* is 0"),
        ("spark2_5", {"attention_bias": True}, "'attention_bias' .* only False"),
        ("bailing_moe", {"use_bias": True}, "'use_bias' .* only False"),
        ("bailing_moe_v3", {"kda_safe_gate": False}, "'kda_safe_gate' .* only True"),
        ("bailing_moe_linear", {"group_norm_size": 7}, r"'group_norm_size' \(7\) must divide"),
        ("nanbeige", {"loop_share_kv": True}, "'loop_share_kv' .* only False"),
        ("iquestloopcoder", {"loop_num": 3}, "'loop_num' .* only 2"),
        ("baichuan_m1", {"conv_window": 3}, "'conv_window' .* only 2"),
        ("baichuan_m1", {"num_swa_attention_heads": 5}, "multiple of 5 heads"),
        ("minimax_m3", {"swiglu_limit": 3.0}, "'swiglu_limit' .* only 7.0"),
        ("nanbeige", {"num_loops": 0}, "'num_loops' .* is 0"),
        ("rwkv7", {"head_dim": 5}, r"'head_dim' \(5\) must divide"),
        ("longcat_flash", {"zero_expert_type": "x"}, "'zero_expert_type' .* only 'identity'"),
        ("longcat_flash", {"num_hidden_layers": 3}, "not twice 'num_layers'"),
        ("step3p5", {"rope_theta": [1e3]}, "'rope_theta' .* of each of 4 layers"),
        ("step3p5", {"moe_layers_enum": "x"}, "'moe_layers_enum' .* numbers"),
        ("afm7", {"num_kv_reuse_layers": 4}, "'num_kv_reuse_layers' leaves no layer"),
        ("deepseek_v41", {"engram_layer_ids": [1]}, r"'engram_layer_ids' .* only \[\]"),
        ("deepseek_v41", {"scoring_func": "x"}, "'scoring_func' 'x' is not supported"),
        ("deepseek_v41", {"o_groups": 3}, r"multiple of 'o_groups' \(3\)"),
        ("deepseek_v41", {"compress_ratios": [0, 2, 2, 3, 2]}, "'compress_ratios' .* not 3 after"),
        ("deepseek_v41", {"compress_ratios": [0, 2, 2, True, 2]}, "'compress_ratios' .* no int"),
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


def _renamed(name: str, *pairs: tuple[str, str]) -> dict[str, mx.array]:
    """The weights of a fixture under the names that mlx-lm has for them."""
    weights = {}
    for key, value in read_weights(name).items():
        for theirs, ours in pairs:
            key = key.replace(theirs, ours)
        weights[key] = value
    return weights


def test_step_under_the_names_of_mlx_lm() -> None:
    """mlx-lm has added the one that norms are short of."""
    weights = _renamed(
        "step3p5",
        (".moe.gate.", ".mlp.gate.gate."),
        (".moe.router_bias", ".mlp.gate.router_bias"),
        (".moe.", ".mlp.switch_mlp."),
        (".share_expert.", ".mlp.share_expert."),
    )
    weights = {k: v + 1 if k.endswith("norm.weight") else v for k, v in weights.items()}
    model = make(read_config("step3p5"))
    model.load_weights(list(model.sanitize(weights).items()))
    tokens, logits = read_expected("step3p5")
    close(model(tokens), logits, 2e-3)


def test_gemma4_under_the_names_of_mlx_lm() -> None:
    weights: dict[str, mx.array] = {}
    for key, value in read_weights("gemma4_moe").items():
        stem = key.rpartition(".")[0]
        if key.endswith("experts.gate_up_proj"):
            gate, up = mx.split(value, 2, axis=1)
            weights |= {
                f"{stem}.switch_glu.gate_proj.weight": gate,
                f"{stem}.switch_glu.up_proj.weight": up,
            }
        elif key.endswith("experts.down_proj"):
            weights[f"{stem}.switch_glu.down_proj.weight"] = value
        else:
            weights[key] = value
    model = make(read_config("gemma4_moe"))
    model.load_weights(list(model.sanitize(weights).items()))
    tokens, logits = read_expected("gemma4_moe")
    close(model(tokens), logits, 2e-3)


def test_ling_may_have_an_output_layer_of_unit_columns() -> None:
    config, weights = read_config("bailing_moe"), read_weights("bailing_moe")
    tokens, _ = read_expected("bailing_moe")
    head = weights["lm_head.weight"]
    unit = head / mx.sqrt((head * head).sum(axis=0, keepdims=True))
    logits = []
    for change, one in ({"norm_head": True}, head), ({}, unit):
        model = make(config | change)
        model.load_weights(list(model.sanitize(weights | {"lm_head.weight": one}).items()))
        logits.append(model(tokens))
    close(logits[0], logits[1])


def test_a_step_of_one_position_lends_and_chooses_as_many_do() -> None:
    """With fewer keys than are chosen, a layer attends to all of them."""
    dense = make(read_config("deepseek_v32") | {"index_topk": 48})
    sparse = make(read_config("deepseek_v32"))
    for model in (dense, sparse):
        model.load_weights(list(model.sanitize(read_weights("deepseek_v32")).items()))
    tokens, _ = read_expected("deepseek_v32")
    close(dense(tokens[:, :12]), sparse(tokens[:, :12]))
    assert mx.abs(dense(tokens) - sparse(tokens)).max() > 0.1
