"""Distributions: against their distribution functions, with fixed keys.

A test of Kolmogorov and Smirnov, or of chi-square, with a key is one outcome: it holds or not, and
always will.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import random, special
from strategies import to_numpy

KEY = mx.random.key(2026)
COUNT = 40_000
Cdf = Callable[[np.ndarray], np.ndarray]


def vectorized(function: Callable[..., mx.array], *parameters: float) -> Cdf:
    """A distribution function of doubles out of one of ``special``, which has tests of its own."""

    def cdf(x: np.ndarray) -> np.ndarray:
        arrays = [mx.array(p, mx.float64) for p in parameters]
        return np.array(function(*arrays, mx.array(x.tolist(), mx.float64), stream=mx.cpu))

    return cdf


def ndtr(x: np.ndarray) -> np.ndarray:
    return vectorized(special.ndtr)(x)


def student(df: float) -> Cdf:
    tail = vectorized(special.betainc, df / 2, 0.5)
    return lambda t: np.where(t < 0, tail(df / (df + t * t)) / 2, 1 - tail(df / (df + t * t)) / 2)


def wald(mean: float, scale: float) -> Cdf:
    def cdf(x: np.ndarray) -> np.ndarray:
        root = np.sqrt(scale / x)
        behind = np.exp(2 * scale / mean) * ndtr(-root * (x / mean + 1))
        return np.asarray(ndtr(root * (x / mean - 1)) + behind)

    return cdf


def triangle(left: float, mode: float, right: float) -> Cdf:
    width = right - left
    return lambda x: np.where(
        x < mode,
        (x - left) ** 2 / (width * (mode - left)),
        1 - (right - x) ** 2 / (width * (right - mode)),
    )


def around_circle(kappa: float) -> Cdf:
    def cdf(x: np.ndarray) -> np.ndarray:
        grid = np.linspace(-np.pi, np.pi, 20001)
        density = np.exp(kappa * (np.cos(grid) - 1))
        sums = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
        return np.asarray(np.interp(x, grid, sums / sums[-1]))

    return cdf


CONTINUOUS: dict[str, tuple[str, tuple[float, ...], Cdf]] = {
    "exponential": ("exponential", (2.0,), lambda x: -np.expm1(-x / 2)),
    "gamma 0.3": ("gamma", (0.3, 2.0), lambda x: vectorized(special.gammainc, 0.3)(x / 2)),
    "gamma 1": ("gamma", (1.0, 1.0), lambda x: -np.expm1(-x)),
    "gamma 7.5": ("gamma", (7.5, 0.5), lambda x: vectorized(special.gammainc, 7.5)(x * 2)),
    "gamma 1000": ("gamma", (1000.0, 1.0), vectorized(special.gammainc, 1000.0)),
    "beta": ("beta", (0.5, 2.5), vectorized(special.betainc, 0.5, 2.5)),
    "chisquare": ("chisquare", (3.0,), lambda x: vectorized(special.gammainc, 1.5)(x / 2)),
    "f": ("f", (5.0, 7.0), lambda x: vectorized(special.betainc, 2.5, 3.5)(5 * x / (5 * x + 7))),
    "standard_t": ("standard_t", (3.0,), student(3.0)),
    "lognormal": ("lognormal", (0.5, 0.75), lambda x: ndtr((np.log(x) - 0.5) / 0.75)),
    "logistic": ("logistic", (1.0, 0.5), lambda x: 1 / (1 + np.exp(-(x - 1) / 0.5))),
    "cauchy": ("cauchy", (1.0, 0.5), lambda x: 0.5 + np.arctan((x - 1) / 0.5) / np.pi),
    "pareto": ("pareto", (3.0,), lambda x: 1 - (1 + x) ** -3.0),
    "rayleigh": ("rayleigh", (2.0,), lambda x: -np.expm1(-(x**2) / 8)),
    "weibull": ("weibull", (1.5,), lambda x: -np.expm1(-(x**1.5))),
    "wald": ("wald", (1.5, 2.5), wald(1.5, 2.5)),
    "triangular": ("triangular", (-1.0, 0.5, 2.0), triangle(-1.0, 0.5, 2.0)),
    "vonmises": ("vonmises", (0.0, 2.0), around_circle(2.0)),
    "vonmises 0": ("vonmises", (0.0, 0.0), lambda x: (x + np.pi) / (2 * np.pi)),
    "vonmises 300": ("vonmises", (0.0, 300.0), around_circle(300.0)),
}


def statistic(x: np.ndarray, cdf: Cdf) -> float:
    """The largest distance between the distribution functions, times the root of the number."""
    x = np.sort(x.astype(np.float64).ravel())
    expected = cdf(x)
    below = expected - np.arange(len(x)) / len(x)
    above = np.arange(1, len(x) + 1) / len(x) - expected
    return float(max(below.max(), above.max()) * math.sqrt(len(x)))


@pytest.mark.parametrize("case", CONTINUOUS)
def test_kolmogorov_smirnov(case: str) -> None:
    name, parameters, cdf = CONTINUOUS[case]
    x = to_numpy(getattr(random, name)(*parameters, shape=(COUNT,), key=KEY))
    # A larger one happens once in 3000 keys.
    assert statistic(x, cdf) < 2.1


# What draws proposals does it without kernels in another way.
@pytest.mark.parametrize("case", ["gamma 0.3", "gamma 7.5", "vonmises", "vonmises 0"])
def test_operations_of_mlx_draw_the_same(case: str, built_of_operations: Any) -> None:
    name, parameters, cdf = CONTINUOUS[case]
    draw = getattr(random, name)
    kernel = to_numpy(draw(*parameters, shape=(5000,), key=KEY))
    built = built_of_operations(lambda key: draw(*parameters, shape=(5000,), key=key), KEY)
    close = np.isclose(kernel, built, rtol=1e-4, atol=1e-4)
    # A comparison of two numbers that agree in all their digits may come out either way.
    assert close.mean() > 0.999
    assert statistic(built, cdf) < 2.1


def log_choose(n: float, k: np.ndarray) -> np.ndarray:
    log_gamma = np.vectorize(math.lgamma, otypes=[float])
    return np.asarray(log_gamma(n + 1.0) - log_gamma(k + 1.0) - log_gamma(n - k + 1.0))


def poisson(mean: float) -> Cdf:
    return lambda k: np.exp(k * math.log(mean) - mean - np.vectorize(math.lgamma)(k + 1.0))


def binomial(n: int, p: float) -> Cdf:
    return lambda k: np.where(
        k <= n,
        np.exp(log_choose(n, np.minimum(k, n)) + k * math.log(p) + (n - k) * math.log1p(-p)),
        0,
    )


def failures(n: float, p: float) -> Cdf:
    log_gamma = np.vectorize(math.lgamma, otypes=[float])
    return lambda k: np.exp(
        log_gamma(k + n)
        - log_gamma(k + 1.0)
        - math.lgamma(n)
        + n * math.log(p)
        + k * math.log1p(-p)
    )


DISCRETE: dict[str, tuple[str, tuple[float, ...], Cdf]] = {
    "poisson 0.3": ("poisson", (0.3,), poisson(0.3)),
    "poisson 9.5": ("poisson", (9.5,), poisson(9.5)),
    "poisson 10": ("poisson", (10.0,), poisson(10.0)),
    "poisson 200": ("poisson", (200.0,), poisson(200.0)),
    "binomial 5": ("binomial", (5, 0.3), binomial(5, 0.3)),
    "binomial 40 0.9": ("binomial", (40, 0.9), binomial(40, 0.9)),
    "binomial 40 0.4": ("binomial", (40, 0.4), binomial(40, 0.4)),
    "binomial 1000": ("binomial", (1000, 0.7), binomial(1000, 0.7)),
    "negative_binomial": ("negative_binomial", (3.5, 0.4), failures(3.5, 0.4)),
    "geometric": ("geometric", (0.3,), lambda k: np.where(k > 0, 0.3 * 0.7 ** (k - 1), 0)),
}


def chi_square(x: np.ndarray, masses: Cdf) -> tuple[float, int]:
    """Pearson's statistic and its degrees of freedom; rare values are counted together."""
    values = np.arange(0, int(x.max()) + 200, dtype=np.float64)
    expected = masses(values) * x.size
    counts = np.bincount(x.astype(np.int64), minlength=len(values)).astype(np.float64)
    common = expected >= 10
    observed = np.append(counts[common], counts[~common].sum())
    wanted = np.append(expected[common], x.size - expected[common].sum())
    if wanted[-1] < 5:
        observed, wanted = observed[:-1], wanted[:-1]
    return float(((observed - wanted) ** 2 / wanted).sum()), len(wanted) - 1


def is_likely(x: np.ndarray, masses: Cdf) -> bool:
    value, freedom = chi_square(x, masses)
    tail = special.gammaincc(mx.array(freedom / 2, mx.float64), value / 2, stream=mx.cpu).item()
    return bool(tail > 1e-4)


@pytest.mark.parametrize("case", DISCRETE)
def test_chi_square(case: str) -> None:
    name, parameters, masses = DISCRETE[case]
    x = to_numpy(getattr(random, name)(*parameters, shape=(COUNT,), key=KEY))
    assert x.dtype == np.int32
    assert is_likely(x, masses)


@pytest.mark.parametrize("case", ["poisson 9.5", "poisson 200", "binomial 40 0.9", "binomial 1000"])
def test_operations_of_mlx_count_the_same(case: str, built_of_operations: Any) -> None:
    name, parameters, masses = DISCRETE[case]
    draw = getattr(random, name)
    kernel = to_numpy(draw(*parameters, shape=(5000,), key=KEY))
    built = built_of_operations(lambda key: draw(*parameters, shape=(5000,), key=key), KEY)
    assert (kernel == built).mean() > 0.999
    assert is_likely(built, masses)


@pytest.fixture
def built_of_operations(tmp_path: Any) -> Any:
    """Evaluates a function of a key by operations of MLX, of which exported functions consist."""

    def run(function: Callable[[mx.array], mx.array], key: mx.array) -> np.ndarray:
        path = str(tmp_path / "draw.mlxfn")
        mx.export_function(path, function, key)
        (result,) = mx.import_function(path)(key)
        return to_numpy(result)

    return run


CALLS: dict[str, Callable[..., mx.array]] = {
    **{
        name: lambda name=name, parameters=parameters, **k: getattr(random, name)(*parameters, **k)
        for name, parameters, _ in (*CONTINUOUS.values(), *DISCRETE.values())
    },
    "dirichlet": lambda **k: random.dirichlet(mx.array([0.5, 1.0, 4.0]), **k),
    "multinomial": lambda **k: random.multinomial(20, mx.array([0.2, 0.3, 0.5]), **k),
    "rademacher": lambda **k: random.rademacher(**k),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_key_decides_the_numbers(name: str) -> None:
    draw = CALLS[name]
    one = to_numpy(draw(shape=(3, 50), key=KEY))
    assert one.shape[:2] == (3, 50)
    assert np.array_equal(to_numpy(draw(shape=(3, 50), key=KEY)), one)
    assert not np.array_equal(to_numpy(draw(shape=(3, 50), key=mx.random.key(1))), one)
    mx.random.seed(3)
    first = to_numpy(draw(shape=(50,)))
    second = to_numpy(draw(shape=(50,)))
    mx.random.seed(3)
    assert np.array_equal(to_numpy(draw(shape=(50,))), first)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", CALLS)
def test_keys_are_mapped(name: str) -> None:
    draw = CALLS[name]
    keys = mx.random.split(KEY, 3)
    got = to_numpy(mx.vmap(lambda key: draw(shape=(40,), key=key))(keys))
    for one, key in zip(got, keys, strict=True):
        expected = to_numpy(draw(shape=(40,), key=key))
        assert np.isclose(one, expected, rtol=1e-4, atol=1e-5).mean() > 0.97


@pytest.mark.parametrize("name", CALLS)
def test_shapes(name: str) -> None:
    draw = CALLS[name]
    tail = (3,) if name in ("dirichlet", "multinomial") else ()
    assert draw().shape == tail
    assert draw(shape=()).shape == tail
    assert draw(shape=(0, 2)).shape == (0, 2, *tail)
    assert draw(shape=[2]).shape == (2, *tail)


def test_parameters_broadcast() -> None:
    means = mx.array([[1.0], [100.0]])
    x = random.poisson(means, (2, 4000), key=KEY)
    assert to_numpy(x.mean(1)) == pytest.approx([1.0, 100.0], rel=0.05)
    assert random.gamma(mx.array([1.0, 2.0]), mx.array([[1.0], [2.0], [3.0]])).shape == (3, 2)
    with pytest.raises(ValueError, match="broadcast"):
        random.poisson(means, (3, 5))


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16, mx.float32], ids=str)
def test_types(dtype: mx.Dtype) -> None:
    for name, parameters, _ in CONTINUOUS.values():
        draw = getattr(random, name)
        assert draw(*parameters, dtype=dtype).dtype == dtype
        assert draw(*parameters, dtype=None).dtype == mx.float32
        with pytest.raises(ValueError, match="floating"):
            draw(*parameters, dtype=mx.int32)
    for name, parameters, _ in DISCRETE.values():
        assert getattr(random, name)(*parameters, dtype=mx.int64).dtype == mx.int64
        assert getattr(random, name)(*parameters, dtype=dtype).dtype == dtype


@pytest.mark.parametrize(
    ("name", "parameters", "argument"),
    [
        ("exponential", (-1.0,), "scale"), ("gamma", (0.0,), "a"), ("gamma", (1.0, -1.0), "scale"),
        ("beta", (1.0, 0.0), "b"), ("chisquare", (0.0,), "df"), ("poisson", (-1.0,), "lam"),
        ("binomial", (-1, 0.5), "n"), ("binomial", (5, 1.5), "p"), ("binomial", (2**25, 0.5), "n"),
        ("geometric", (0.0,), "p"), ("triangular", (1.0, 0.0, 2.0), "left"),
        ("negative_binomial", (3, 0.0), "p"), ("vonmises", (0.0, -1.0), "kappa"),
        ("bernoulli", (2.0,), "p"), ("multinomial", (-1, mx.array([1.0])), "n"),
    ],
)  # fmt: skip
def test_parameters_out_of_range(name: str, parameters: tuple[Any, ...], argument: str) -> None:
    with pytest.raises(ValueError, match=rf"\b{argument}\b"):
        getattr(random, name)(*parameters)


def test_parameters_out_of_range_among_others() -> None:
    got = random.gamma(mx.array([-1.0, 1.0, math.nan]), key=KEY).tolist()
    assert [math.isnan(x) for x in got] == [True, False, True]
    got = random.poisson(mx.array([-1.0, 1.0, math.nan, 0.0]), key=KEY).tolist()
    assert (got[0], got[2], got[3]) == (-1, -1, 0)
    assert got[1] >= 0
    got = random.binomial(mx.array([5.0, 5.0, 0.5]), mx.array([1.5, 1.0, 0.5]), key=KEY).tolist()
    assert got == [-1, 5, -1]
    assert random.geometric(mx.array([2.0, 1.0])).tolist() == [-1, 1]


GRADIENTS: dict[str, Callable[[mx.array], mx.array]] = {
    "exponential": lambda t: random.exponential(t, key=KEY),
    "gamma, scale": lambda t: random.gamma(2.0, t, key=KEY),
    "lognormal": lambda t: random.lognormal(t, 0.5, key=KEY),
    "logistic": lambda t: random.logistic(0.0, t, key=KEY),
    "cauchy": lambda t: random.cauchy(t, 1.0, key=KEY),
    "weibull": lambda t: random.weibull(t, key=KEY),
    "pareto": lambda t: random.pareto(t, key=KEY),
    "rayleigh": lambda t: random.rayleigh(t, key=KEY),
    "triangular": lambda t: random.triangular(0.0, t, 3.0, key=KEY),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_of_functions_of_uniform_numbers(name: str) -> None:
    draw = GRADIENTS[name]
    at, step = 1.3, 1e-2
    expected = (draw(mx.array(at + step)).item() - draw(mx.array(at - step)).item()) / (2 * step)
    assert mx.grad(draw)(mx.array(at)).item() == pytest.approx(expected, rel=1e-2)


def test_rejection_has_no_gradient() -> None:
    for draw in (
        lambda t: random.gamma(t, key=KEY),
        lambda t: random.beta(t, 1.0, key=KEY),
        lambda t: random.poisson(t, key=KEY, dtype=mx.float32),
    ):
        with pytest.raises(ValueError, match="no gradient"):
            mx.eval(mx.grad(draw)(mx.array(2.0)))


def test_dirichlet() -> None:
    alpha = mx.array([0.5, 1.0, 4.5])
    x = to_numpy(random.dirichlet(alpha, (COUNT,), key=KEY))
    assert np.allclose(x.sum(1), 1, atol=1e-6)
    # Each is beta-distributed.
    for i, a in enumerate((0.5, 1.0, 4.5)):
        assert statistic(x[:, i], vectorized(special.betainc, a, 6.0 - a)) < 2.1
    tiny = to_numpy(random.dirichlet(mx.full((4,), 1e-4), (100,), key=KEY))
    assert np.allclose(tiny.sum(1), 1, atol=1e-6)
    with pytest.raises(ValueError, match="alpha is a number"):
        random.dirichlet(mx.array(1.0), ())


def test_multinomial() -> None:
    p = np.array([0.1, 0.0, 0.6, 0.3])
    x = to_numpy(random.multinomial(50, mx.array(p), (5000,), key=KEY))
    assert (x.sum(1) == 50).all()
    assert (x >= 0).all()
    assert x.mean(0) == pytest.approx(50 * p, rel=0.02, abs=1e-9)
    assert x.var(0) == pytest.approx(50 * p * (1 - p), rel=0.1, abs=1e-9)
    assert random.multinomial(mx.array([1, 2]), mx.ones((3, 1, 2)) / 2).shape == (3, 2, 2)


def test_rademacher() -> None:
    x = to_numpy(random.rademacher((COUNT,), key=KEY))
    assert set(x.tolist()) == {-1, 1}
    assert abs(x.mean()) < 0.02
    with pytest.raises(ValueError, match="negative"):
        random.rademacher((2,), mx.uint8)


def test_choice() -> None:
    assert random.choice(5, (3, 4)).shape == (3, 4)
    assert random.choice(5).shape == ()
    x = to_numpy(random.choice(4, (COUNT,), p=mx.array([1.0, 0.0, 3.0, 4.0]), key=KEY))
    assert is_likely(x, lambda k: np.array([0.125, 0, 0.375, 0.5, *[0] * 300])[k.astype(int)])
    assert sorted(random.choice(6, (6,), replace=False, key=KEY).tolist()) == list(range(6))
    weighted = [
        random.choice(
            3, (2,), replace=False, p=mx.array([0.5, 0.5, 0.0]), key=mx.random.key(i)
        ).tolist()
        for i in range(20)
    ]
    assert all(sorted(pair) == [0, 1] for pair in weighted)
    rows = random.choice(mx.array([[1.0, 2.0], [3.0, 4.0]]), (5,), axis=1, key=KEY)
    assert rows.shape == (2, 5)
    assert np.array_equal(to_numpy(rows[1] - rows[0]), np.full(5, 2.0))


def test_choice_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing to choose from"):
        random.choice(0)
    with pytest.raises(ValueError, match="replace=True"):
        random.choice(3, (4,), replace=False)
    with pytest.raises(ValueError, match="one probability for each"):
        random.choice(3, (4,), p=mx.array([0.5, 0.5]))
    with pytest.raises(IndexError, match="axis 1"):
        random.choice(mx.arange(3), (2,), axis=1)
    assert random.choice(0, (0,)).shape == (0,)


def test_shuffle() -> None:
    x = mx.arange(12).reshape(6, 2)
    random.shuffle(x, key=KEY)
    assert x.tolist() == random.permutation(mx.arange(12).reshape(6, 2), key=KEY).tolist()
    assert sorted(x[:, 0].tolist()) == [0, 2, 4, 6, 8, 10]
    with pytest.raises(TypeError, match="only an array"):
        random.shuffle([1, 2])  # type: ignore[arg-type]


def test_proposals_do_not_depend_on_layout_or_threads() -> None:
    means = mx.array(np.linspace(0.1, 300, 6000, dtype=np.float32).reshape(60, 100))
    expected = to_numpy(random.poisson(means, key=KEY))
    assert np.array_equal(
        to_numpy(random.poisson(mx.array(np.array(means.T)).T, key=KEY)), expected
    )
    known = to_numpy(random.gamma(2.5, shape=(3000,), key=KEY))
    assert np.array_equal(known, to_numpy(random.gamma(mx.full((3000,), 2.5), key=KEY)))


@pytest.mark.parametrize("lam", [math.inf, 1e30, 2.0**31])
def test_means_that_no_count_can_hold_are_refused(lam: float) -> None:
    with pytest.raises(ValueError, match=r"lam is .*below 2\*\*31"):
        mx.random.poisson(lam)
    assert mx.random.poisson(2.0**30, key=mx.random.key(0)).item() > 0


def test_numbers_of_trials_that_float32_does_not_count_to_are_refused() -> None:
    for n in (-1, 2**24 + 2, 10**12):
        with pytest.raises(ValueError, match=r"n is .*from 0 to 2\*\*24"):
            mx.random.binomial(n, 0.5)
        with pytest.raises(ValueError, match=r"n is .*from 0 to 2\*\*24"):
            mx.random.multinomial(n, mx.array([0.5, 0.5]))


def test_a_number_cannot_be_shuffled() -> None:
    with pytest.raises(ValueError, match="x has no axis"):
        mx.random.shuffle(mx.array(1))
