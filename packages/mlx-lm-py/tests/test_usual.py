"""What configurations leave out is what transformers takes for it."""

from typing import Any

import pytest
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.registry import ALIASES, FAMILIES, find_architecture, make_model
from mlx_lm_py.models.towers import text_config
from mlx_lm_py.models.usual import usual_entries, usual_sizes
from tiny_models import read_config

# Those whose heads have another entry for their width, or several.
OTHER_WIDTHS = {
    *("bailing_hybrid", "deepseek_v32", "glm_moe_dsa", "longcat_flash", "mamba2", "step3p5"),
}


def classes() -> dict[str, Any]:
    transformers: Any = pytest.importorskip("transformers")
    known = {*FAMILIES, *ALIASES}
    return {
        kind: transformers.CONFIG_MAPPING[kind] for kind in known & {*transformers.CONFIG_MAPPING}
    }


def test_the_width_of_a_head() -> None:
    for kind, cls in classes().items():
        width = getattr(cls, "head_dim", None)
        if isinstance(width, int) and kind not in OTHER_WIDTHS:
            assert usual_entries({"model_type": kind})["head_dim"] == width, kind


def test_the_base_of_positions() -> None:
    found = 0
    for kind, cls in classes().items():
        base = usual_entries({"model_type": kind}).get("rope_theta")
        if base is not None:
            found += 1
            # That of a whole is the one of its text part.
            assert base == cls.sub_configs.get("text_config", cls).default_theta, kind
    assert found > 5


@pytest.mark.parametrize(
    "kind",
    [
        *("gemma3_text", "gemma3n_text", "gemma4_text", "llama4_text", "ministral3", "mistral"),
        *("qwen2_vl_text", "qwen2_5_vl_text", "qwen3_vl_text", "qwen3_5_text"),
    ],
)
def test_sizes_of_text_parts(kind: str) -> None:
    values = classes()[kind]().to_dict()
    sizes = usual_sizes(kind)
    assert len(sizes) == 8
    for name, value in sizes.items():
        expected = values[name]
        assert value == (expected[0] if isinstance(expected, list) else expected), name


def test_gemma_3_4b() -> None:
    """Its file has no more than this of its text part."""
    transformers: Any = pytest.importorskip("transformers")
    part = {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "model_type": "gemma3_text",
        "num_hidden_layers": 34,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "sliding_window": 1024,
    }
    whole = {"model_type": "gemma3", "text_config": part, "vision_config": {}}
    theirs = transformers.CONFIG_MAPPING["gemma3_text"](**part)
    values = text_config(whole)
    spec = find_architecture("gemma3").spec(Config(usual_entries(values) | values))
    assert spec.vocab_size == theirs.vocab_size
    assert spec.context_length >= theirs.max_position_embeddings
    for layer, kind in zip(spec.layers, theirs.layer_types, strict=True):
        mixer: Any = layer.mixer
        assert mixer.heads == theirs.num_attention_heads
        assert mixer.kv_heads == theirs.num_key_value_heads
        assert mixer.head_dim == theirs.head_dim
        assert mixer.window == (1024 if kind == "sliding_attention" else None)
        assert mixer.rope.base == theirs.rope_parameters[kind]["rope_theta"]


@pytest.mark.parametrize(
    ("change", "windows"),
    [
        ({"model_type": "mistral"}, [9, 9]),
        ({"model_type": "llama"}, [None, None]),
        ({"layer_types": ["full_attention", "sliding_attention"]}, [None, 9]),
        ({"model_type": "ministral", "layer_types": ["full_attention"] * 2}, [None, None]),
    ],
)
def test_where_llama_has_a_window(change: dict[str, Any], windows: list[int | None]) -> None:
    model: Any = make_model(read_config("llama") | {"sliding_window": 9} | change)
    assert [layer.window for layer in model.layers] == windows
