import importlib
import subprocess
import sys
from typing import Any

import mlx_core_py as mx
import pytest
from mlx_lm_py import load_model
from mlx_lm_py.models import make_model
from mlx_lm_py.models.registry import ALIASES, FAMILIES, find_architecture
from mlx_lm_py.models.towers import has_other_parts, text_config
from tiny_models import IN_GGUF, MODELS, close, read_config, read_expected, read_weights

# Their checkpoints come with code of their own: `test_models` says what they are compared with.
WITHOUT_TRANSFORMERS = {"internlm3", "mimo"}

UNIT_HEADS = {"baichuan_m1"}


def test_every_architecture_has_a_fixture() -> None:
    """So that `test_architectures` is of all of them, but for those that transformers has not."""
    tried = {text_config(read_config(name))["model_type"] for name in MODELS}
    assert {ALIASES.get(name, name) for name in tried} == FAMILIES.keys() - WITHOUT_TRANSFORMERS


def test_names_of_gguf_files() -> None:
    """Whatever can be read from one is."""
    tried = {text_config(read_config(name))["model_type"] for name in IN_GGUF}
    readable = {name for name in FAMILIES if find_architecture(name).gguf is not None}
    assert {ALIASES.get(name, name) for name in tried} == readable - WITHOUT_TRANSFORMERS


def test_every_architecture_of_a_family_is_registered() -> None:
    for family in set(FAMILIES.values()):
        module = importlib.import_module(f"mlx_lm_py.models.families.{family}")
        assert module.ARCHITECTURES.keys() == {n for n, f in FAMILIES.items() if f == family}


def test_aliases() -> None:
    assert not ALIASES.keys() & FAMILIES.keys()
    assert set(ALIASES.values()) <= FAMILIES.keys()


@pytest.mark.parametrize("name", [n for n in MODELS if not has_other_parts(read_config(n))])
def test_weights_become_those_of_the_checkpoint_again(name: str) -> None:
    model = make_model(read_config(name))
    weights = read_weights(name)
    saved = model.checkpoint(model.sanitize(dict(weights)))
    # Some names have no prefix in the one place and one in the other.
    assert len(saved) == len(weights)
    for key, value in saved.items():
        if name in UNIT_HEADS and key == "lm_head.weight":
            # It is used, and saved, with rows of length one.
            close(value * mx.linalg.norm(weights[key], axis=-1, keepdims=True), weights[key])
            continue
        assert mx.array_equal(value, weights[key]), key


def test_families_are_imported_on_demand() -> None:
    code = (
        "import sys, mlx_lm_py.cli; from mlx_lm_py.models.registry import *\n"
        "from mlx_lm_py.models.registry import FAMILIES, find_architecture\n"
        "files = {f'mlx_lm_py.models.families.{name}' for name in FAMILIES.values()}\n"
        "assert not files & sys.modules.keys()\n"
        "find_architecture('llama')\n"
        "assert files & sys.modules.keys() == {'mlx_lm_py.models.families.llama'}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", ["martian", ["llama"], "registry", ".llama", "common", ""])
def test_unknown_architectures(kind: Any) -> None:
    with pytest.raises(ValueError, match=r"is not supported; \d+ are"):
        make_model(read_config("llama") | {"model_type": kind})


@pytest.mark.parametrize(
    ("whole", "name"),
    [
        ("pixtral", "mistral"),
        ("qwen3_vl", "qwen3"),
        ("kimi_vl", "deepseek_v3"),
        ("kimi_k25", "deepseek_v3"),
        ("qwen3_vl_moe", "qwen3_moe"),
    ],
)
def test_a_text_part_without_a_name(whole: str, name: str) -> None:
    """It is the one that models of images of that type have."""
    inner = {key: value for key, value in read_config(name).items() if key != "model_type"}
    config = {"model_type": whole, "vision_config": {}, "text_config": inner}
    weights = {f"language_model.{key}": value for key, value in read_weights(name).items()}
    tokens, logits = read_expected(name)
    close(load_model(weights, config)(tokens), logits, 2e-3)


def test_the_text_part_of_pixtral() -> None:
    """It leaves out the number of heads."""
    inner = {"model_type": "mistral", "hidden_size": 5120}
    assert text_config({"model_type": "pixtral", "text_config": inner})["num_attention_heads"] == 32
