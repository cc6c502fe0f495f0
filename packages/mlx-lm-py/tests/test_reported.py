"""What other programs were reported to get wrong in checkpoints: one test for each kind.

Those that belong to a layer, a cache, a tokenizer or a format are beside its other tests.
"""

from pathlib import Path
from typing import Any

import mlx_core_py as mx
import pytest
from mlx_core_py.utils import tree_flatten
from mlx_lm_py import convert, generate, load, load_model
from mlx_lm_utils_py import Tokenizer
from tiny_models import (
    close,
    make_folder,
    make_model,
    make_tokenizer,
    read_config,
    read_expected,
    read_weights,
)
from tokenizers.processors import TemplateProcessing


@pytest.mark.parametrize("outer", [{}, {"tie_word_embeddings": False}])
def test_only_the_text_part_says_that_the_head_is_tied(outer: dict[str, Any]) -> None:
    """https://github.com/ml-explore/mlx-lm/pull/648"""
    config = {k: v for k, v in read_config("qwen2_vl").items() if k != "tie_word_embeddings"}
    assert config["text_config"]["tie_word_embeddings"]
    weights = {k: v for k, v in read_weights("qwen2_vl").items() if "lm_head" not in k}
    tokens, logits = read_expected("qwen2_vl")
    close(load_model(weights, config | outer)(tokens), logits, 2e-3)


@pytest.mark.parametrize("name", ["qwen3_next", "qwen3_5", "qwen3_5_moe"])
@pytest.mark.parametrize("is_converted", [False, True])
def test_norms_are_one_more_once(name: str, is_converted: bool) -> None:
    """https://github.com/ml-explore/mlx-lm/issues/1442: with and without tokens further ahead."""
    weights = read_weights(name)
    if is_converted:
        ends = ("_layernorm.weight", "q_norm.weight", "k_norm.weight", "model.norm.weight")
        weights = {k: v + 1 if k.endswith(ends) else v for k, v in weights.items()}
        weights = {
            k: v.transpose(0, 2, 1) if "conv1d.weight" in k else v for k, v in weights.items()
        }
    ahead = {
        "mtp.norm.weight": mx.zeros((32,)),
        "mtp.layers.0.input_layernorm.weight": mx.zeros((32,)),
        "mtp.fc.weight": mx.zeros((32, 64)),
    }
    tokens, logits = read_expected(name)
    for more in ({}, ahead):
        close(load_model(weights | more, read_config(name))(tokens), logits, 2e-3)


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_settings_of_single_layers(digits: int) -> None:
    """https://github.com/jundot/omlx/issues/3537"""
    config = read_config("gemma4_moe")
    config["per_layer_config"] = {
        key.zfill(digits): value for key, value in config["per_layer_config"].items()
    }
    tokens, logits = read_expected("gemma4_moe")
    close(load_model(read_weights("gemma4_moe"), config)(tokens), logits, 2e-3)


# Apart by what bfloat16 and float16 have in common there.
BIASES = mx.array([9.0 + i / 1000 for i in range(8)])


def router_biases(model: Any) -> list[mx.array]:
    return [v for k, v in tree_flatten(model.parameters()) if k.endswith("correction_bias")]


@pytest.mark.parametrize("dtype", [mx.bfloat16, mx.float16])
def test_biases_of_routers_stay_in_float32(tmp_path: Path, dtype: mx.Dtype) -> None:
    """https://github.com/sgl-project/sglang/pull/37133"""
    folder = make_folder(tmp_path, "deepseek_v3")
    weights = {
        k: BIASES if k.endswith("correction_bias") else v
        for k, v in read_weights("deepseek_v3").items()
    }
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    model: Any = load(folder, dtype=dtype)[0]
    convert(str(folder), str(tmp_path / "out"), dtype=str(dtype).rpartition(".")[2])
    again: Any = load(tmp_path / "out")[0]
    for made in (model, again):
        assert made.model.embed_tokens.weight.dtype == dtype
        (bias,) = router_biases(made)
        assert mx.array_equal(bias, BIASES)


@pytest.mark.parametrize(
    "name", ["consolidated.safetensors", "adapters.safetensors", "._model.safetensors"]
)
def test_files_that_lie_beside_the_model(tmp_path: Path, name: str) -> None:
    """https://github.com/Blaizzy/mlx-vlm/issues/1464"""
    folder = make_folder(tmp_path)
    if name.startswith("."):
        (folder / name).write_bytes(b"\0\5\26\7")
        (folder / "model.safetensors").rename(folder / "weights.00.safetensors")
    else:
        mx.save_safetensors(str(folder / name), {"layers.0.attention.wq.weight": mx.zeros((32,))})
    tokens, logits = read_expected("llama")
    close(load(folder)[0](tokens), logits, 2e-3)


def test_a_text_that_has_its_first_token() -> None:
    """https://github.com/vllm-project/vllm/issues/27515: a template may have written it."""
    raw = make_tokenizer()
    raw.post_processor = TemplateProcessing("</s> $A", None, [("</s>", 95)])
    tokenizer = Tokenizer(raw, {"bos_token": "</s>"}, chat_template="{{ bos_token }}ab")
    ids = tokenizer.encode("ab")
    assert ids[0] == 95
    message = {"role": "user", "content": "x"}
    assert tokenizer.apply_chat_template([message]) == ids
    text = tokenizer.apply_chat_template([message], tokenize=False)
    model = make_model()
    expected = generate(model, tokenizer, ids, max_tokens=8)
    assert generate(model, tokenizer, text, max_tokens=8) == expected
    assert generate(model, tokenizer, [95, *ids], max_tokens=8) != expected
