import json
import sys
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py.utils import tree_flatten
from mlx_lm_utils_py import context_length, initialize_rope

CASES = json.loads((Path(__file__).parent / "fixtures" / "rope.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["scaling"]["rope_type"])
def test_agrees_with_transformers(case: dict[str, Any]) -> None:
    rope = initialize_rope(
        case["dims"],
        case["base"],
        scaling_config=case["scaling"],
        max_position_embeddings=case["context"],
    )
    rotated = rope(mx.array(case["x"], dtype=mx.float32), offset=case["offset"])
    np.testing.assert_allclose(np.array(rotated), case["expected"], rtol=1e-4, atol=2e-5)


def test_factors_stretch_the_wavelengths() -> None:
    x = mx.random.normal((1, 2, 3, 8))
    plain = initialize_rope(8, scaling_config={"rope_type": "linear", "factor": 4.0})
    factors = initialize_rope(8, scaling_config={"type": "factors", "factors": [4.0] * 4})
    np.testing.assert_allclose(
        np.array(factors(x, offset=7)), np.array(plain(x, offset=7)), rtol=1e-5, atol=1e-5
    )


def test_traditional_rotates_neighbours() -> None:
    halves = initialize_rope(8, scaling_config={"type": "factors", "factors": [1, 2, 3, 4]})
    pairs = initialize_rope(8, 10000.0, True, {"type": "factors", "factors": [1, 2, 3, 4]})
    x = np.random.default_rng(0).normal(size=(1, 1, 3, 8)).astype(np.float32)
    neighbours = x.reshape(1, 1, 3, 2, 4).swapaxes(-1, -2).reshape(x.shape)
    expected = np.array(halves(mx.array(x), offset=3))
    expected = expected.reshape(1, 1, 3, 2, 4).swapaxes(-1, -2).reshape(x.shape)
    rotated = np.array(pairs(mx.array(neighbours), offset=3))
    np.testing.assert_allclose(rotated, expected, rtol=1e-5, atol=1e-5)


def test_only_the_rotated_dimensions_change_magnitude() -> None:
    scaling = {"type": "yarn", "factor": 4.0, "attention_factor": 3.0}
    rope = initialize_rope(4, scaling_config=scaling, max_position_embeddings=64)
    rotated = np.array(rope(mx.ones((1, 1, 2, 6))))
    np.testing.assert_allclose(rotated[..., 4:], 1.0)
    np.testing.assert_allclose((rotated[..., :4] ** 2).sum(-1), 9 * 4, rtol=1e-5)


@pytest.mark.parametrize(
    ("share", "factor", "offset"), [(0.25, 1.0, 0), (0.5, 3.0, 7), (1.0, 2.0, 50)]
)
def test_a_proportion_of_the_pairs(share: float, factor: float, offset: int) -> None:
    scaling = {"rope_type": "proportional", "partial_rotary_factor": share, "factor": factor}
    rope = initialize_rope(16, 100.0, scaling_config=scaling)
    x = np.random.default_rng(0).standard_normal((1, 1, 5, 16)).astype(np.float32)
    speeds = 100.0 ** (-np.arange(8) / 8) / factor
    speeds[int(share * 8) :] = 0
    angles = (offset + np.arange(5))[:, None] * speeds
    a, b = x[..., :8], x[..., 8:]
    turned = [a * np.cos(angles) - b * np.sin(angles), b * np.cos(angles) + a * np.sin(angles)]
    got = np.array(rope(mx.array(x), offset=offset))
    np.testing.assert_allclose(got, np.concatenate(turned, -1), rtol=1e-4, atol=1e-4)


def test_has_no_parameters() -> None:
    rope = initialize_rope(
        8, scaling_config={"type": "yarn", "factor": 2.0, "original_max_position_embeddings": 16}
    )
    assert tree_flatten(rope.parameters()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dims": 7}, "dims"),
        ({"dims": 8, "base": 0.0}, "base"),
        ({"dims": 8, "scaling_config": {"type": "martian"}}, "'martian' is not supported"),
        ({"dims": 8, "scaling_config": {"type": "dynamic"}, "max_position_embeddings": 8},
         "no 'factor'"),
        ({"dims": 8, "scaling_config": {"type": "longrope", "short_factor": [1.0] * 4},
          "max_position_embeddings": 8}, "'long_factor' .* list of 4"),
        ({"dims": 8, "scaling_config": {"type": ["yarn"]}}, "is not supported"),
        ({"dims": 8, "scaling_config": {"type": "linear"}}, "no 'factor'"),
        ({"dims": 8, "scaling_config": {"type": "linear", "factor": 0}}, "'factor' .* positive"),
        ({"dims": 8, "scaling_config": {"type": "linear", "factor": "2"}}, "'factor' .* number"),
        ({"dims": 8, "scaling_config": {"type": "yarn", "factor": 2}}, "original_max_position"),
        ({"dims": 8, "base": 1.0}, "base"),
        ({"dims": 8, "scaling_config": {"type": "factors", "factors": [1.0]}}, "list of 4"),
        ({"dims": 8, "scaling_config": {"type": "factors", "factors": [1, 1, 1, "a"]}}, "number"),
        ({"dims": 8, "scaling_config": {"type": "llama3", "factor": 2, "low_freq_factor": 4,
          "high_freq_factor": 4}}, "high_freq_factor"),
    ],
)  # fmt: skip
def test_wrong_configurations(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        initialize_rope(**arguments)


@pytest.mark.parametrize("beta", [5e-324, 1e308])
def test_the_ends_of_the_range_of_floats(beta: float) -> None:
    scaling = {"type": "yarn", "factor": 2.0, "beta_fast": beta, "truncate": True}
    initialize_rope(8, scaling_config=scaling, max_position_embeddings=16)
    with pytest.raises(ValueError, match=r"'factor' .* finite"):
        initialize_rope(8, scaling_config={"type": "linear", "factor": 10**400})


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        (None, 100),
        ({"rope_type": "default"}, 100),
        ({"rope_type": "linear", "factor": 4}, 400),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 50}, 200),
        ({"rope_type": "llama3", "factor": 4.0, "original_max_position_embeddings": 10}, 100),
        ({"rope_type": "linear", "factor": 1e308}, sys.maxsize),
    ],
)
def test_context_length(scaling: dict[str, Any] | None, expected: int) -> None:
    assert context_length(100, scaling) == expected
