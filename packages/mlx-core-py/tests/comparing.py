"""What tests compare results with: arrays that are the same each time, and closeness."""

from typing import Any

import mlx_core_py as mx
import numpy as np


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers in float32, the same for the same seed."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def close(got: mx.array, expected: Any, rtol: float = 1e-5, atol: float = 1e-6) -> bool:
    """Whether all elements agree, relatively or absolutely."""
    return bool(np.allclose(np.array(got), np.array(expected), rtol, atol))
