"""Schedules: functions from the number of the step to a learning rate.

Source: https://ml-explore.github.io/mlx/build/html/python/optimizers/schedulers.html
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import mlx_core_py as mx

__all__ = [
    "cosine_decay",
    "exponential_decay",
    "join_schedules",
    "linear_schedule",
    "step_decay",
]


def __dir__() -> list[str]:
    return __all__


Schedule = Callable[[mx.array], mx.array]


def exponential_decay(init: float, decay_rate: float) -> Schedule:
    """Multiply by a factor at each step.

    Args:
        init: The value of step 0.
        decay_rate: The factor.

    Returns:
        A function of the step.

    Example:
        >>> schedule = optim.exponential_decay(1.0, 0.5)
        >>> [schedule(step).item() for step in (0, 1, 3)]
        [1.0, 0.5, 0.125]
    """

    def schedule(step: mx.array) -> mx.array:
        return init * mx.power(mx.array(decay_rate, mx.float32), step)

    return schedule


def step_decay(init: float, decay_rate: float, step_size: int) -> Schedule:
    """Multiply by a factor every few steps.

    Args:
        init: The value of step 0.
        decay_rate: The factor.
        step_size: After how many steps to multiply.

    Returns:
        A function of the step.

    Raises:
        ValueError: If ``step_size`` is less than one.

    Example:
        >>> schedule = optim.step_decay(1.0, 0.5, 10)
        >>> [schedule(step).item() for step in (0, 9, 10, 25)]
        [1.0, 1.0, 0.5, 0.25]
    """
    if step_size < 1:
        raise ValueError(f"step_size must be at least 1, but is {step_size}")

    def schedule(step: mx.array) -> mx.array:
        return init * mx.power(mx.array(decay_rate, mx.float32), mx.array(step) // step_size)

    return schedule


def cosine_decay(init: float, decay_steps: int, end: float = 0.0) -> Schedule:
    """Go down along half a wave of a cosine [1].

    [1]: https://arxiv.org/abs/1608.03983

    Args:
        init: The value of step 0.
        decay_steps: How many steps the way down has.
        end: The value after them. Default: ``0.0``.

    Returns:
        A function of the step.

    Raises:
        ValueError: If ``decay_steps`` is less than one.

    Example:
        >>> schedule = optim.cosine_decay(1.0, 100)
        >>> [round(schedule(step).item(), 3) for step in (0, 50, 100, 200)]
        [1.0, 0.5, 0.0, 0.0]
    """
    if decay_steps < 1:
        raise ValueError(f"decay_steps must be at least 1, but is {decay_steps}")

    def schedule(step: mx.array) -> mx.array:
        angle = mx.minimum(step, decay_steps) * (math.pi / decay_steps)
        return end + (0.5 * (init - end)) * (1.0 + mx.cos(angle))

    return schedule


def linear_schedule(init: float, end: float, steps: int) -> Schedule:
    """Go from one value to another in equal steps, and stay there.

    Args:
        init: The value of step 0.
        end: The value of step ``steps``, and of those after it.
        steps: How many steps the way has.

    Returns:
        A function of the step.

    Raises:
        ValueError: If ``steps`` is less than one.

    Example:
        >>> schedule = optim.linear_schedule(0.0, 1.0, 4)
        >>> [schedule(step).item() for step in (0, 1, 4, 9)]
        [0.0, 0.25, 1.0, 1.0]
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, but is {steps}")

    def schedule(step: mx.array) -> mx.array:
        return mx.minimum(step, steps) * ((end - init) / steps) + init

    return schedule


def join_schedules(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """Follow one schedule after the other.

    Args:
        schedules: The schedules. Each is given the steps since it began.
        boundaries: At which steps all but the first begin, in rising order.

    Returns:
        A function of the step.

    Raises:
        ValueError: If there are no schedules, or not one boundary between each two, or the
            boundaries do not rise.

    Example:
        >>> warmup = optim.linear_schedule(0.0, 1.0, 10)
        >>> schedule = optim.join_schedules([warmup, optim.cosine_decay(1.0, 100)], [10])
        >>> [round(schedule(step).item(), 3) for step in (0, 5, 10, 60)]
        [0.0, 0.5, 1.0, 0.5]
    """
    schedules, boundaries = list(schedules), list(boundaries)
    if not schedules:
        raise ValueError("schedules must hold at least one schedule")
    if len(boundaries) != len(schedules) - 1:
        raise ValueError(
            f"boundaries must have {len(schedules) - 1} elements, one less than schedules, "
            f"but has {len(boundaries)}"
        )
    if any(b <= a for a, b in itertools.pairwise(boundaries)):
        raise ValueError(f"boundaries must rise, but are {boundaries}")

    def schedule(step: mx.array) -> mx.array:
        value = schedules[0](step)
        for boundary, following in zip(boundaries, schedules[1:], strict=True):
            # Before it begins, a schedule is asked for its beginning, which is not used.
            since = mx.maximum(mx.array(step).astype(mx.int32) - boundary, 0)
            value = mx.where(mx.array(step) < boundary, value, following(since))
        return value

    return schedule
