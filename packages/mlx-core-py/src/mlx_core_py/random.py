"""Random numbers, from the state of the thread or from a key.

``state`` is a list with the key that the next numbers come from; every thread finds its own there.
A compiled function that draws random numbers needs it among its ``inputs`` and ``outputs``, else it
draws the same ones each time.

Source: https://ml-explore.github.io/mlx/build/html/python/random.html
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, ParamSpec

from mlx_sys_py import Device, DeviceType, Stream, array, show_as, uint32
from mlx_sys_py import random as sys_random
from mlx_sys_py.random import key, split

__all__ = [
    "bernoulli",
    "beta",
    "binomial",
    "categorical",
    "cauchy",
    "chisquare",
    "choice",
    "dirichlet",
    "exponential",
    "f",
    "gamma",
    "geometric",
    "gumbel",
    "key",
    "laplace",
    "logistic",
    "lognormal",
    "multinomial",
    "multivariate_normal",
    "negative_binomial",
    "normal",
    "pareto",
    "permutation",
    "poisson",
    "rademacher",
    "randint",
    "rayleigh",
    "seed",
    "shuffle",
    "split",
    "standard_t",
    "state",
    "triangular",
    "truncated_normal",
    "uniform",
    "vonmises",
    "wald",
    "weibull",
]


def __dir__() -> list[str]:
    return __all__


P = ParamSpec("P")


class _Keys(threading.local):
    def __init__(self) -> None:
        # The layer below gives every thread numbers of its own to start from.
        self.key = sys_random.randint(0, 2**31 - 1, (2,)).astype(uint32)


_keys = _Keys()


class _State(list[array]):
    """One list for all threads, whose only item is the key of the thread that looks.

    A compiled function keeps the list and may be called in any thread.
    """

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[array]:
        yield _keys.key

    def __getitem__(self, index: Any) -> Any:
        return [_keys.key][index]

    def __setitem__(self, index: Any, value: Any) -> None:
        items = [_keys.key]
        items[index] = value
        if len(items) != 1:
            raise ValueError("the random state holds one key")
        (_keys.key,) = items

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None

    def __repr__(self) -> str:
        return repr([_keys.key])

    def __reduce__(self) -> Any:
        # A copy is a plain list with the key of now.
        return list, ([_keys.key],)


state: list[array] = _State()


def seed(seed: int) -> None:
    """Start the random state of this thread afresh.

    Args:
        seed: Integer from 0 up to, not including, ``2**64``.

    Raises:
        TypeError: If ``seed`` is not an integer.
        ValueError: If ``seed`` is out of range.

    Example:
        >>> mx.random.seed(7)
        >>> mx.random.state
        [array([0, 7], dtype=uint32)]
    """
    state[0] = key(seed)


def _from_state(draw: Callable[P, array]) -> Callable[P, array]:
    """Make ``draw`` take its key from the state where it is given none."""
    place = list(inspect.signature(draw).parameters).index("key")

    def next_key() -> array:
        # Not by way of the list: that would take longer than the numbers.
        keys = split(_keys.key)
        _keys.key = keys[0]
        second: array = keys[1]
        return second

    @functools.wraps(draw)
    def drawing(*args: Any, **kwargs: Any) -> array:
        if len(args) > place:
            if args[place] is None:
                args = (*args[:place], next_key(), *args[place + 1 :])
        elif kwargs.get("key") is None:
            kwargs["key"] = next_key()
        return draw(*args, **kwargs)

    return drawing


bernoulli: Final = _from_state(sys_random.bernoulli)
beta: Final = _from_state(sys_random.beta)
binomial: Final = _from_state(sys_random.binomial)
categorical: Final = _from_state(sys_random.categorical)
cauchy: Final = _from_state(sys_random.cauchy)
chisquare: Final = _from_state(sys_random.chisquare)
choice: Final = _from_state(sys_random.choice)
dirichlet: Final = _from_state(sys_random.dirichlet)
exponential: Final = _from_state(sys_random.exponential)
f: Final = _from_state(sys_random.f)
gamma: Final = _from_state(sys_random.gamma)
geometric: Final = _from_state(sys_random.geometric)
gumbel: Final = _from_state(sys_random.gumbel)
laplace: Final = _from_state(sys_random.laplace)
logistic: Final = _from_state(sys_random.logistic)
lognormal: Final = _from_state(sys_random.lognormal)
multinomial: Final = _from_state(sys_random.multinomial)
multivariate_normal: Final = _from_state(sys_random.multivariate_normal)
negative_binomial: Final = _from_state(sys_random.negative_binomial)
normal: Final = _from_state(sys_random.normal)
pareto: Final = _from_state(sys_random.pareto)
permutation: Final = _from_state(sys_random.permutation)
poisson: Final = _from_state(sys_random.poisson)
rademacher: Final = _from_state(sys_random.rademacher)
randint: Final = _from_state(sys_random.randint)
rayleigh: Final = _from_state(sys_random.rayleigh)
standard_t: Final = _from_state(sys_random.standard_t)
triangular: Final = _from_state(sys_random.triangular)
truncated_normal: Final = _from_state(sys_random.truncated_normal)
uniform: Final = _from_state(sys_random.uniform)
vonmises: Final = _from_state(sys_random.vonmises)
wald: Final = _from_state(sys_random.wald)
weibull: Final = _from_state(sys_random.weibull)


def shuffle(
    x: array,
    axis: int = 0,
    key: array | None = None,
    stream: Stream | Device | DeviceType | None = None,
) -> None:
    """Put the slices of an array into random order, in place.

    :func:`permutation` returns a new array instead.

    Args:
        x: Array, which changes.
        axis: Axis to shuffle. Default: 0.
        key: Key from :func:`key` or :func:`split`. Default: ``None``, from the state.
        stream: Stream or device to run on. Default: ``None``, the default stream.

    Raises:
        TypeError: If ``x`` is not an array.
        IndexError: If ``axis`` is out of bounds.
        ValueError: If ``x`` has no axes.

    Example:
        >>> x = mx.arange(4)
        >>> mx.random.shuffle(x)
        >>> mx.sort(x)
        array([0, 1, 2, 3], dtype=int32)

    See: NumPy ``numpy.random.Generator.shuffle``.
    """
    if not isinstance(x, array):
        raise TypeError(f"x is of type {type(x).__name__}; only an array can be shuffled in place")
    if x.ndim == 0:
        raise ValueError("x has no axis to shuffle along")
    x[...] = permutation(x, axis, key, stream)


show_as(__name__, globals(), "mlx_sys_py")
