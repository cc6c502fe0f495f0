"""Special functions against values of 17 digits and SciPy's, and their derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import special

# Computed with 30 digits, of operands that floats hold exactly.
# name: [(operand, result)]
UNARY: dict[str, list[tuple[float, float]]] = {
    "gammaln": [
        (-2.5, -0.056243716497674051),
        (-0.75, 1.5757045971498584),
        (0.0625, 2.7396316219462034),
        (0.5, 0.57236494292470009),
        (1.0, 0.0),
        (1.0009765625, -0.00056290317999120463),
        (1.5, -0.12078223763524522),
        (1.9990234375, -0.0004125677359714894),
        (2.25, 0.12487171489239659),
        (7.75, 8.0254583963159839),
        (8.5, 9.5492672573009977),
        (25.0, 54.784729398112319),
        (1000.0, 5905.2204232091812),
        (-20.5, -42.70719597482576),
    ],
    "gamma": [
        (-2.5, -0.94530872048294188),
        (-0.75, -4.8341465442958777),
        (0.0625, 15.481281081592398),
        (0.5, 1.772453850905516),
        (1.0, 1.0),
        (1.0009765625, 0.99943725522028108),
        (1.5, 0.88622692545275801),
        (1.9990234375, 0.99958751735839409),
        (2.25, 1.1330030963193463),
        (7.75, 3057.8226711926072),
        (8.5, 14034.407293483413),
        (25.0, 6.2044840173323944e23),
        (34.0, 8.6833176188118865e36),
        (-20.5, -2.8346565743913349e-19),
    ],
    "digamma": [
        (-2.5, 1.1031566406452432),
        (-0.75, -2.8941202000429321),
        (0.0625, -16.478853490060104),
        (0.5, -1.9635100260214235),
        (1.0, -0.57721566490153286),
        (1.0009765625, -0.57561042934062191),
        (1.5, 0.036489973978576521),
        (1.9990234375, 0.42215432390062859),
        (2.25, 0.57254646662373459),
        (7.75, 1.9817915626943456),
        (8.5, 2.0800908175794201),
        (25.0, 3.198742512851974),
        (1000.0, 6.9072551956488121),
        (-20.5, 3.0446168825125246),
    ],
    "erfc": [
        (-3.0, 1.9999779095030014),
        (-0.5, 1.5204998778130465),
        (0.0, 1.0),
        (0.25, 0.72367360983176307),
        (1.0, 0.15729920705028513),
        (2.5, 0.00040695201744495894),
        (5.0, 1.5374597944280349e-12),
        (9.0, 4.1370317465138102e-37),
    ],
    "erfcx": [
        (-3.0, 16205.988853999587),
        (-0.5, 1.9523604891825571),
        (0.0, 1.0),
        (0.25, 0.77034654773099674),
        (1.0, 0.427583576155807),
        (2.5, 0.21080636406114358),
        (5.0, 0.11070463773306863),
        (9.0, 0.062307724037774684),
        (50.0, 0.011281536265323773),
    ],
    "ndtr": [
        (-12.0, 1.776482112077679e-33),
        (-3.0, 0.0013498980316300945),
        (-0.5, 0.3085375387259869),
        (0.0, 0.5),
        (1.0, 0.84134474606854295),
        (4.0, 0.99996832875816688),
    ],
    "log_ndtr": [
        (-40.0, -804.60844201375379),
        (-12.0, -75.410673001568796),
        (-3.0, -6.6077262215103495),
        (-0.5, -1.1759117615936186),
        (0.0, -0.69314718055994531),
        (1.0, -0.17275377902344989),
        (4.0, -3.1671743377489264e-5),
        (8.0, -6.2209605742717858e-16),
    ],
    "i0": [
        (-3.0, 4.8807925858650241),
        (0.0, 1.0),
        (0.5, 1.0634833707413235),
        (7.5, 268.16131151518936),
        (8.5, 683.16192699011561),
        (80.0, 2.4751784043341705e33),
    ],
    "i1": [
        (-3.0, -3.9533702174026094),
        (0.0, 0.0),
        (0.5, 0.25789430539089632),
        (7.5, 249.58436542268814),
        (8.5, 641.61990254006676),
        (80.0, 2.4596595795675409e33),
    ],
    "i0e": [
        (-3.0, 0.2430003541618254),
        (0.0, 1.0),
        (0.5, 0.64503527044915007),
        (7.5, 0.1483158300773955),
        (8.5, 0.1390018430548476),
        (800.0, 0.014106945005869184),
    ],
    "i1e": [
        (-3.0, -0.19682671329730085),
        (0.0, 0.0),
        (0.5, 0.1564208031848717),
        (7.5, 0.1380412115485542),
        (8.5, 0.13054935509459586),
        (800.0, 0.014098125406526997),
    ],
    "logit": [
        (9.5367431640625e-07, -13.862942657524135),
        (0.25, -1.0986122886681097),
        (0.5, 0.0),
        (0.5009765625, 0.0039062549670651),
        (0.75, 1.0986122886681097),
        (0.9990234375, 6.9304947659516265),
    ],
    "entr": [
        (9.5367431640625e-07, 1.3220733271788508e-5),
        (0.25, 0.34657359027997265),
        (0.5, 0.34657359027997265),
        (2.0, -1.3862943611198906),
    ],
    "ndtri": [
        (9.5367431640625e-07, -4.763001034267814),
        (0.03125, -1.8627318674216515),
        (0.25, -0.67448975019608174),
        (0.75, 0.67448975019608174),
        (0.9990234375, 3.0972690781987845),
    ],
}
# name: [(operand, operand, result)]
BINARY: dict[str, list[tuple[float, float, float]]] = {
    "beta": [
        (0.5, 0.5, 3.1415926535897932),
        (2.0, 3.5, 0.063492063492063492),
        (10.0, 0.125, 5.6810225643190073),
    ],
    "betaln": [
        (0.5, 0.5, 1.1447298858494002),
        (2.0, 3.5, -2.7568403652716421),
        (100.0, 50.0, -96.309521239407143),
    ],
    "gammainc": [
        (0.5, 0.25, 0.52049987781304654),
        (2.0, 5.0, 0.9595723180054872),
        (100.0, 90.0, 0.15822098918643017),
        (1000.0, 1010.0, 0.62767894473699473),
    ],
    "gammaincc": [
        (0.5, 0.25, 0.47950012218695346),
        (2.0, 5.0, 0.040427681994512803),
        (2.0, 60.0, 5.3414715652448774e-25),
        (100.0, 90.0, 0.84177901081356983),
    ],
    "zeta": [
        (1.5, 1.0, 2.6123753486854883),
        (2.0, 0.25, 17.197329154507111),
        (4.0, 10.0, 0.00038665021738164473),
        (30.0, 2.0, 9.3132743241966818e-10),
    ],
    "polygamma": [
        (0, 2.5, 0.70315664064524319),
        (1, 0.5, 4.9348022005446793),
        (1, 12.0, 0.086901872871768391),
        (2, 1.5, -0.82879664423432),
        (5, 3.0, 0.20616743813389677),
    ],
    "xlogy": [
        (2.0, 3.0, 2.1972245773362194),
        (0.5, 0.25, -0.69314718055994531),
    ],
    "xlog1py": [
        (2.0, 9.5367431640625e-07, 1.9073477233183765e-6),
        (0.5, 0.25, 0.11157177565710488),
    ],
    "rel_entr": [
        (0.5, 0.25, 0.34657359027997265),
        (0.5, 0.5009765625, -0.00097561006563087472),
    ],
    "kl_div": [
        (0.5, 0.25, 0.096573590279972655),
        (0.5, 0.5009765625, 9.5243436912528016e-7),
    ],
}
# [(a, b, x, result)]
BETAINC = [
    (0.5, 0.5, 0.25, 0.33333333333333333),
    (2.0, 3.0, 0.75, 0.94921875),
    (50.0, 20.0, 0.625, 0.054231576053873401),
]


# Of the result, where nothing cancels; half precision rounds operands and results.
TOLERANCES = {mx.float32: 2e-7, mx.float64: 1e-12, mx.float16: 1e-3, mx.bfloat16: 8e-3}
# Those that only kernels of this library compute.
CPU_ONLY = ("gammainc", "gammaincc")


def numbers(values: list[float], dtype: mx.Dtype) -> tuple[mx.array, list[bool]]:
    """The operands that the type holds exactly, and which they are."""
    rounded = mx.array(values, dtype).astype(mx.float64, stream=mx.cpu).tolist()
    return mx.array(values, dtype), [a == b for a, b in zip(values, rounded, strict=True)]


def compare(got: mx.array, expected: list[float], exact: list[bool], tolerance: float) -> None:
    limit = {mx.float16: 65000.0, mx.bfloat16: 3e38, mx.float32: 3e38}.get(got.dtype, math.inf)
    least = {mx.float16: 6e-5}.get(got.dtype, 1e-37)
    for mine, theirs, is_exact in zip(got.tolist(), expected, exact, strict=True):
        if is_exact and least < abs(theirs) < limit:
            assert mine == pytest.approx(theirs, rel=tolerance, abs=0), theirs


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, dtype: mx.Dtype) -> None:
    operands, expected = zip(*UNARY[name], strict=True)
    x, exact = numbers(list(operands), dtype)
    got = getattr(special, name)(x, stream=mx.cpu)
    assert got.dtype == dtype
    compare(got, list(expected), exact, TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str, dtype: mx.Dtype) -> None:
    first, second, expected = zip(*BINARY[name], strict=True)
    (x, x_exact), (y, y_exact) = numbers(list(first), dtype), numbers(list(second), dtype)
    got = getattr(special, name)(x, y, stream=mx.cpu)
    assert got.dtype == dtype
    exact = [a and b for a, b in zip(x_exact, y_exact, strict=True)]
    compare(got, list(expected), exact, TOLERANCES[dtype])


@pytest.mark.parametrize("order", [0, 1, 2, 5])
def test_polygamma_of_a_known_order(order: int) -> None:
    for n, x, expected in BINARY["polygamma"]:
        if n == order:
            got = special.polygamma(order, mx.array(x)).item()
            assert got == pytest.approx(expected, rel=2e-7)


def test_betainc() -> None:
    for a, b, x, expected in BETAINC:
        got = special.betainc(mx.array(a), b, x, stream=mx.cpu).item()
        assert got == pytest.approx(expected, rel=2e-7)


def test_multigammaln() -> None:
    a = 3.5
    expected = 0.5 * 3 * math.log(math.pi) + sum(math.lgamma(a - i / 2) for i in range(3))
    assert special.multigammaln(mx.array(a), 3).item() == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match="d must be from 1 to 1000"):
        special.multigammaln(mx.array(a), 0)


def test_names_of_functions_of_mlx() -> None:
    x = mx.array([-0.5, 0.0, 0.75])
    assert special.erf(x).tolist() == mx.erf(x).tolist()
    assert special.erfinv(x).tolist() == mx.erfinv(x).tolist()
    assert special.expit(x).tolist() == mx.sigmoid(x).tolist()
    assert special.lgamma is special.gammaln or special.lgamma(x).tolist() == (
        special.gammaln(x).tolist()
    )


INF, NAN = math.inf, math.nan
POLES: list[tuple[str, tuple[float, ...], float]] = [
    *[("gammaln", (x,), INF) for x in (0.0, -0.0, -1.0, -7.0, INF)],
    *[("gamma", (x,), NAN) for x in (-1.0, -7.0, -INF, NAN)],
    *[
        ("gamma", (0.0,), INF),
        ("gamma", (-0.0,), -INF),
        ("gamma", (INF,), INF),
        ("gamma", (200.0,), INF),
    ],
    *[("digamma", (0.0,), -INF), ("digamma", (-0.0,), INF), ("digamma", (-3.0,), NAN)],
    *[
        ("digamma", (INF,), INF),
        ("erfc", (INF,), 0.0),
        ("erfc", (-INF,), 2.0),
        ("erfc", (NAN,), NAN),
    ],
    *[("erfcx", (INF,), 0.0), ("erfcx", (-INF,), INF), ("erfcx", (-30.0,), INF)],
    *[("ndtr", (INF,), 1.0), ("ndtr", (-INF,), 0.0), ("log_ndtr", (-INF,), -INF)],
    *[("log_ndtr", (INF,), 0.0), ("ndtri", (0.0,), -INF), ("ndtri", (1.0,), INF)],
    *[("ndtri", (0.5,), 0.0), ("ndtri", (1.5,), NAN), ("ndtri", (-0.5,), NAN)],
    *[
        ("logit", (0.0,), -INF),
        ("logit", (1.0,), INF),
        ("logit", (1.5,), NAN),
        ("logit", (-1.0,), NAN),
    ],
    *[("i0", (INF,), INF), ("i0e", (INF,), 0.0), ("i1", (-INF,), -INF), ("i0", (NAN,), NAN)],
    *[("entr", (0.0,), 0.0), ("entr", (-1.0,), -INF), ("entr", (NAN,), NAN)],
    *[("xlogy", (0.0, 0.0), 0.0), ("xlogy", (0.0, NAN), NAN), ("xlogy", (1.0, 0.0), -INF)],
    *[("xlog1py", (0.0, -1.0), 0.0), ("xlog1py", (0.0, NAN), NAN), ("xlog1py", (1.0, -1.0), -INF)],
    *[("rel_entr", (0.0, 0.0), 0.0), ("rel_entr", (1.0, 0.0), INF), ("rel_entr", (-1.0, 1.0), INF)],
    *[("rel_entr", (NAN, 1.0), NAN), ("kl_div", (0.0, 2.0), 2.0), ("kl_div", (1.0, -1.0), INF)],
    *[("zeta", (1.0, 2.0), INF), ("zeta", (0.5, 2.0), NAN), ("zeta", (2.0, 0.0), INF)],
    *[("zeta", (2.0, -1.5), NAN), ("zeta", (NAN, 1.0), NAN), ("zeta", (INF, 1.0), 1.0)],
    *[("beta", (0.0, 1.0), INF), ("polygamma", (-1.0, 1.0), NAN), ("polygamma", (1.5, 1.0), NAN)],
    *[("gammainc", (2.0, 0.0), 0.0), ("gammainc", (2.0, INF), 1.0), ("gammainc", (0.0, 1.0), 1.0)],
    *[
        ("gammainc", (-1.0, 1.0), NAN),
        ("gammainc", (1.0, -1.0), NAN),
        ("gammaincc", (2.0, 0.0), 1.0),
    ],
    *[("betainc", (2.0, 3.0, 0.0), 0.0), ("betainc", (2.0, 3.0, 1.0), 1.0)],
    *[("betainc", (2.0, 3.0, 1.5), NAN), ("betainc", (-2.0, 3.0, 0.5), NAN)],
]


@pytest.mark.parametrize(("name", "operands", "expected"), POLES)
def test_special_values(name: str, operands: tuple[float, ...], expected: float) -> None:
    # Not alone, as vectors take another way where all lanes do.
    arrays = [mx.array([a, 0.5, 0.75, 0.25] * 5) for a in operands]
    got = getattr(special, name)(*arrays, stream=mx.cpu)[0].item()
    assert math.isnan(got) if math.isnan(expected) else got == expected, got


DERIVATIVES: dict[str, tuple[tuple[float, ...], tuple[int, ...]]] = {
    "beta": ((1.5, 2.5), (0, 1)),
    "betainc": ((1.5, 2.5, 0.4), (2,)),
    "betaln": ((1.5, 2.5), (0, 1)),
    "digamma": ((2.3,), (0,)),
    "entr": ((0.3,), (0,)),
    "erfc": ((0.7,), (0,)),
    "erfcx": ((0.7,), (0,)),
    "gamma": ((-1.4,), (0,)),
    "gammainc": ((2.5, 1.7), (1,)),
    "gammaincc": ((2.5, 1.7), (1,)),
    "gammaln": ((-1.4,), (0,)),
    "i0": ((1.3,), (0,)),
    "i0e": ((-1.3,), (0,)),
    "i1": ((1.3,), (0,)),
    "i1e": ((-1.3,), (0,)),
    "kl_div": ((0.3, 0.6), (0, 1)),
    "log_ndtr": ((-2.3,), (0,)),
    "logit": ((0.4,), (0,)),
    "ndtr": ((0.4,), (0,)),
    "ndtri": ((0.3,), (0,)),
    "rel_entr": ((0.3, 0.6), (0, 1)),
    "xlog1py": ((0.3, 0.6), (0, 1)),
    "xlogy": ((0.3, 0.6), (0, 1)),
    "zeta": ((2.3, 1.6), (1,)),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives(name: str) -> None:
    operands, argnums = DERIVATIVES[name]
    function: Callable[..., mx.array] = getattr(special, name)

    def value(*x: float) -> float:
        result: float = function(*[mx.array(a, mx.float64) for a in x], stream=mx.cpu).item()
        return result

    for argnum in argnums:
        step = 1e-5
        moved = [list(operands), list(operands)]
        moved[0][argnum] += step
        moved[1][argnum] -= step
        expected = (value(*moved[0]) - value(*moved[1])) / (2 * step)
        arrays = [mx.array(a) for a in operands]
        got = mx.grad(lambda *x: function(*x, stream=mx.cpu), argnums=argnum)(*arrays)
        assert got.item() == pytest.approx(expected, rel=2e-5)
        tangents = [mx.array(float(i == argnum)) for i in range(len(operands))]
        if len(argnums) == len(operands):
            (_, (along,)) = (
                None,
                mx.jvp(lambda *x: function(*x, stream=mx.cpu), arrays, tangents)[1],
            )
            assert along.item() == pytest.approx(expected, rel=2e-5)


def test_derivatives_of_polygamma() -> None:
    for n in (0, 1, 2):
        got = mx.grad(lambda x, n=n: special.polygamma(n, x))(mx.array(1.7)).item()
        assert got == pytest.approx(special.polygamma(n + 1, mx.array(1.7)).item(), rel=1e-6)
    second = mx.grad(mx.grad(special.gammaln))(mx.array(1.7)).item()
    assert second == pytest.approx(special.polygamma(1, mx.array(1.7)).item(), rel=1e-6)


def test_what_has_no_derivative_says_so() -> None:
    two = mx.array(2.0)
    for call, argument in (
        (lambda x: special.zeta(x, two), "x"),
        (lambda x: special.gammainc(x, two, stream=mx.cpu), "a"),
        (lambda x: special.betainc(two, x, 0.5, stream=mx.cpu), "b"),
    ):
        with pytest.raises(ValueError, match=f"no derivative with respect to {argument}"):
            mx.eval(mx.grad(call)(two))


def test_derivatives_at_edges() -> None:
    zero = mx.array(0.0)
    assert mx.grad(special.i1)(zero).item() == 0.5
    assert mx.grad(special.i1e)(zero).item() == 0.5
    assert mx.grad(lambda y: special.xlogy(zero, y))(zero).item() == 0
    assert mx.grad(special.erfc)(mx.array(30.0)).item() == 0
    # With the hazard of the tail, not 0 / 0.
    assert mx.grad(special.log_ndtr)(mx.array(-50.0)).item() == pytest.approx(50.02, rel=1e-4)


@pytest.mark.parametrize("name", ["gammaln", "digamma", "erfc", "i0e", "ndtri"])
def test_transforms(name: str) -> None:
    function = getattr(special, name)
    x = mx.array(np.linspace(0.1, 0.9, 12, dtype=np.float32).reshape(3, 4))
    expected = np.array(function(x))
    assert np.array_equal(np.array(mx.vmap(function)(x)), expected)
    assert np.array_equal(np.array(mx.vmap(function, 1, 1)(x)), expected)
    assert np.allclose(np.array(mx.compile(lambda a: function(a * 1) + 0)(x)), expected, rtol=1e-6)
    shapeless = mx.compile(function, shapeless=True)
    shapeless(x[:1])
    assert np.array_equal(np.array(shapeless(x)), expected)


def test_operands_of_vmap_broadcast() -> None:
    x, q = mx.array([2.0, 3.0]), mx.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    got = mx.vmap(special.zeta, (0, None))(x, q[0])
    expected = special.zeta(x[:, None], q[0][None])
    assert np.array_equal(np.array(got), np.array(expected))
    got = mx.vmap(special.zeta, (0, 1))(mx.array([2.0, 3.0, 4.0]), q)
    expected = special.zeta(mx.array([2.0, 3.0, 4.0])[:, None], q.T)
    assert np.array_equal(np.array(got), np.array(expected))


def test_exported_functions_are_built_of_operations_of_mlx(tmp_path: Any) -> None:
    path = str(tmp_path / "function.mlxfn")
    x = mx.array([0.5, 1.25, 3.5, 9.0])
    mx.export_function(path, lambda a: special.gammaln(a) + special.erfc(a), x)
    (got,) = mx.import_function(path)(x)
    expected = [math.lgamma(a) + math.erfc(a) for a in x.tolist()]
    assert np.allclose(np.array(got), expected, rtol=1e-5)


def test_arguments() -> None:
    with pytest.raises(ValueError, match="complex"):
        special.gammaln(mx.array([1j]))
    with pytest.raises(ValueError, match="n must be an integer"):
        special.polygamma(-1, mx.array(1.0))
    assert special.gammaln(mx.array([3, 4])).dtype == mx.float32
    assert special.beta(2, mx.array([1.0], mx.float16)).dtype == mx.float16
    assert special.gammaln(mx.zeros((0, 3))).shape == (0, 3)


SCIPY = [*UNARY, "expit"]


@pytest.mark.parametrize("name", SCIPY)
def test_scipy(name: str) -> None:
    scipy_special = pytest.importorskip("scipy.special", reason="SciPy is an independent answer")
    generator = np.random.default_rng(0)
    x = np.concatenate(
        [
            generator.uniform(-9, 9, 2000),
            generator.uniform(0, 1, 2000),
            10 ** generator.uniform(-20, 20, 500),
        ]
    ).astype(np.float32)
    with np.errstate(all="ignore"):
        expected = getattr(scipy_special, name)(x.astype(np.float64)).astype(np.float32)
    got = np.array(getattr(special, name)(mx.array(x), stream=mx.cpu))
    normal = ~(np.abs(expected) < 1e-37)
    assert np.allclose(got[normal], expected[normal], rtol=5e-7, atol=0, equal_nan=True)
