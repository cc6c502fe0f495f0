"""Evaluation computes the arrays of a tree."""

from collections.abc import Callable

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close

X = mx.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("evaluate", [mx.eval, mx.async_eval])
def test_eval_passes_over_what_is_no_array(evaluate: Callable[..., None]) -> None:
    x = mx.exp(X)
    evaluate()
    evaluate(3, "text", None, [x, {"a": (x + 1,)}])
    assert close(x, np.exp([1, 2, 3]))


def test_eval_inside_of_compile_is_an_error() -> None:
    with pytest.raises(ValueError, match="eval"):
        mx.compile(lambda x: mx.eval(x + 1))(X)
