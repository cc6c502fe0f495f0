"""Elementwise and special functions and random distributions, a million numbers of float32."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import mlx_core_py as mx
import numpy as np

from .row import Row, evaluated

TITLE = "Special functions and distributions"
GOAL = 1.5
COUNT = 1_000_000

SCIPY = importlib.util.find_spec("scipy") is not None

# Names that NumPy has too, and the ranges of their operands.
NUMPY: dict[str, tuple[tuple[float, float], ...]] = {
    "cbrt": ((-9, 9),),
    "copysign": ((-9, 9), (-9, 9)),
    "exp2": ((-9, 9),),
    "fmax": ((-9, 9), (-9, 9)),
    "fmod": ((-9, 9), (1, 9)),
    "frexp": ((-9, 9),),
    "heaviside": ((-9, 9), (0, 1)),
    "hypot": ((-9, 9), (-9, 9)),
    "logaddexp2": ((-9, 9), (-9, 9)),
    "modf": ((-9, 9),),
    "nextafter": ((-9, 9), (-9, 9)),
    "signbit": ((-9, 9),),
    "sinc": ((-9, 9),),
    "spacing": ((-9, 9),),
}
# Those of scipy.special.
SPECIAL: dict[str, tuple[tuple[float, float], ...]] = {
    "beta": ((0.5, 5), (0.5, 5)),
    "betainc": ((0.5, 5), (0.5, 5), (0, 1)),
    "betaln": ((0.5, 5), (0.5, 5)),
    "digamma": ((0.1, 20),),
    "entr": ((0, 1),),
    "erfc": ((-3, 6),),
    "erfcx": ((-3, 6),),
    "expit": ((-9, 9),),
    "gamma": ((0.1, 20),),
    "gammainc": ((0.5, 9), (0, 9)),
    "gammaincc": ((0.5, 9), (0, 9)),
    "gammaln": ((0.1, 20),),
    "i0": ((-9, 9),),
    "i0e": ((-9, 9),),
    "i1": ((-9, 9),),
    "i1e": ((-9, 9),),
    "kl_div": ((0, 1), (0, 1)),
    "log_ndtr": ((-9, 9),),
    "logit": ((0, 1),),
    "ndtr": ((-5, 5),),
    "ndtri": ((0, 1),),
    "rel_entr": ((0, 1), (0, 1)),
    "xlog1py": ((0, 1), (0, 1)),
    "xlogy": ((0, 1), (0, 1)),
    "zeta": ((1.5, 9), (0.5, 9)),
}
# Distributions with the same name and parameters in NumPy's generator; what it draws is float64 or
# int64, but for two that draw float32.
DISTRIBUTIONS: dict[str, tuple[float, ...]] = {
    "beta": (2.0, 3.0),
    "binomial": (100, 0.4),
    "chisquare": (3.0,),
    "exponential": (1.0,),
    "f": (3.0, 5.0),
    "gamma": (2.5, 1.0),
    "geometric": (0.3,),
    "logistic": (0.0, 1.0),
    "lognormal": (0.0, 1.0),
    "negative_binomial": (5, 0.4),
    "pareto": (3.0,),
    "poisson": (20.0,),
    "rayleigh": (1.0,),
    "standard_t": (5.0,),
    "triangular": (0.0, 1.0, 2.0),
    "vonmises": (0.0, 2.0),
    "wald": (1.0, 2.0),
    "weibull": (1.5,),
}


def operands(ranges: tuple[tuple[float, float], ...]) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.uniform(low, high, COUNT).astype(np.float32) for low, high in ranges]


def functions(
    names: dict[str, tuple[tuple[float, float], ...]], ours: Any, theirs: Any, peer: str
) -> Iterator[Row]:
    for name, ranges in names.items():
        inputs = operands(ranges)
        arrays = [mx.array(x) for x in inputs]
        mx.eval(arrays)
        function = getattr(theirs, name)
        calls: dict[str, Callable[[], object]] = {
            "ours": evaluated(getattr(ours, name), *arrays),
            peer: partial(function, *inputs),
        }
        yield Row(name, calls)


def rows() -> Iterator[Row]:
    yield from functions(NUMPY, mx, np, "numpy")
    if SCIPY:
        import scipy.special

        yield from functions(SPECIAL, mx.special, scipy.special, "scipy")
    rng = np.random.default_rng(0)
    for name, parameters in DISTRIBUTIONS.items():
        key = mx.random.key(0)
        draw = getattr(rng, name)
        yield Row(
            f"random.{name}",
            {
                "ours": evaluated(getattr(mx.random, name), *parameters, shape=(COUNT,), key=key),
                "numpy": partial(draw, *parameters, COUNT),
            },
        )
    values = mx.arange(1000)
    yield Row(
        "random.choice",
        {
            "ours": evaluated(mx.random.choice, values, (COUNT,)),
            "numpy": lambda: rng.choice(1000, COUNT),
        },
    )
