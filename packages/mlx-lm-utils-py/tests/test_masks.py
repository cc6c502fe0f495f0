import mlx_core_py as mx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx_lm_utils_py import create_attention_mask, create_causal_mask


class Cache:
    def __init__(self, offset: int) -> None:
        self.offset = offset


@given(st.integers(1, 9), st.integers(0, 9), st.none() | st.integers(1, 12))
def test_causal(n: int, offset: int, window: int | None) -> None:
    expected = [
        [j <= i and (window is None or i - j < window) for j in range(offset + n)]
        for i in range(offset, offset + n)
    ]
    mask = create_causal_mask(n, offset, window)
    assert mask.dtype == mx.bool_
    assert mask.tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "name"), [((0,), "n"), ((1, -1), "offset"), ((1, 0, 0), "window_size")]
)
def test_wrong_arguments(arguments: tuple[int, ...], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        create_causal_mask(*arguments)


def test_attention_mask_is_the_cheapest() -> None:
    one, four = mx.zeros((1, 1, 8)), mx.zeros((1, 4, 8))
    assert create_attention_mask(one) is None
    assert create_attention_mask(one, Cache(5)) is None
    assert create_attention_mask(four, Cache(5)) == "causal"
    assert create_attention_mask(four, Cache(2), window_size=6) == "causal"


def test_attention_mask_of_a_window() -> None:
    mask = create_attention_mask(mx.zeros((1, 4, 8)), Cache(3), window_size=6)
    assert isinstance(mask, mx.array)
    assert mask.tolist() == create_causal_mask(4, 3, 6).tolist()
    single = create_attention_mask(mx.zeros((1, 1, 8)), Cache(6), window_size=6)
    assert isinstance(single, mx.array)
    assert single.tolist() == [[False] + [True] * 6]
