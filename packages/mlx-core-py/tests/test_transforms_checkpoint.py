"""Checkpointed functions run again for the gradient."""

from typing import Any

import mlx_core_py as mx
import numpy as np
from comparing import close

X = mx.array([1.0, 2.0, 3.0])


def test_checkpoint_runs_again_for_the_gradient() -> None:
    calls = []

    def fun(tree: dict[str, mx.array], scale: float = 1.0) -> dict[str, Any]:
        calls.append(scale)
        return {"y": mx.sin(tree["x"]) * scale, "scale": scale}

    checkpointed = mx.checkpoint(fun)
    gradient = mx.grad(lambda tree: mx.sum(checkpointed(tree, scale=3.0)["y"]))({"x": X})
    assert close(gradient["x"], 3 * np.cos([1, 2, 3]))
    assert calls == [3.0, 3.0]
