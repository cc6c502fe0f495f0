"""Programs written for mlx-lm find what they import under its names."""

import importlib
from typing import Any

import mlx_lm_py
import pytest
from mlx_lm_py import cache, generation, loading, sampling


@pytest.mark.parametrize(
    ("module", "home", "names"),
    [
        ("mlx_lm_py", loading, ["load"]),
        ("mlx_lm_py", generation, ["generate", "stream_generate"]),
        (
            "mlx_lm_py.generate",
            generation,
            [
                "GenerationResponse",
                "generate",
                "generate_step",
                "speculative_generate_step",
                "stream_generate",
            ],
        ),
        (
            "mlx_lm_py.sample_utils",
            sampling,
            [
                "make_frequency_penalty",
                "make_logits_processors",
                "make_presence_penalty",
                "make_repetition_penalty",
                "make_sampler",
            ],
        ),
        ("mlx_lm_py.models.cache", cache, ["KVCache", "make_prompt_cache", "trim_prompt_cache"]),
    ],
)
def test_names(module: str, home: Any, names: list[str]) -> None:
    found = importlib.import_module(module)
    for name in names:
        assert getattr(found, name) is getattr(home, name)


def test_generate_is_the_function() -> None:
    assert mlx_lm_py.generate is generation.generate
