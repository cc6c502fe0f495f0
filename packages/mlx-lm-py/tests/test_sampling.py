import math
from collections import Counter
from typing import Any

import mlx_core_py as mx
import pytest
from mlx_lm_py.sample_utils import make_sampler

PROBABILITIES = [0.05, 0.4, 0.1, 0.3, 0.15]
DRAWS = 4000


def draw(**options: float) -> dict[int, float]:
    mx.random.seed(3)
    logprobs = mx.broadcast_to(mx.log(mx.array(PROBABILITIES)), (DRAWS, len(PROBABILITIES)))
    tokens = make_sampler(**options)(logprobs)  # type: ignore[arg-type]
    assert tokens.shape == (DRAWS,)
    return {token: n / DRAWS for token, n in Counter(tokens.tolist()).items()}


def check(found: dict[int, float], kept: list[int], temp: float) -> None:
    weights = {i: PROBABILITIES[i] ** (1 / temp) for i in kept}
    total = sum(weights.values())
    assert found.keys() == weights.keys()
    for token, weight in weights.items():
        p = weight / total
        # Five standard deviations.
        assert abs(found[token] - p) <= 5 * math.sqrt(p * (1 - p) / DRAWS)


def test_greedy() -> None:
    assert draw() == {1: 1.0}
    assert draw(temp=0, top_p=0.9) == {1: 1.0}


@pytest.mark.parametrize("temp", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"top_p": 1.0}, [0, 1, 2, 3, 4]),
        ({"top_p": 0.39}, [1]),
        ({"top_p": 0.41}, [1, 3]),
        ({"top_p": 0.8}, [1, 3, 4]),
        ({"min_p": 0.3}, [1, 3, 4]),
        ({"min_p": 1.0}, [1]),
        ({"top_k": 1}, [1]),
        ({"top_k": 2}, [1, 3]),
        ({"top_k": 50}, [0, 1, 2, 3, 4]),
        ({"top_p": 0.9, "min_p": 0.2, "top_k": 2}, [1, 3]),
    ],
)
def test_distribution(temp: float, options: dict[str, float], kept: list[int]) -> None:
    check(draw(temp=temp, **options), kept, temp)


def test_a_seed_repeats() -> None:
    assert draw(temp=1.0, top_p=0.9) == draw(temp=1.0, top_p=0.9)


@pytest.mark.parametrize(
    ("name", "value"),
    [("temp", -1), ("temp", math.nan), ("temp", math.inf), ("top_p", -0.1), ("top_p", 1.1),
     ("min_p", -0.1), ("min_p", 2), ("top_p", math.nan), ("top_k", -1)],
)  # fmt: skip
def test_wrong_arguments(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        make_sampler(**{name: value})


@pytest.mark.parametrize("top_p", [0.0, 0.9])
def test_a_tiny_temperature_is_greedy(top_p: float) -> None:
    logprobs = mx.log(mx.array([[0.2, 0.3, 0.5]]))
    assert make_sampler(1e-320, top_p)(logprobs).tolist() == [2]
