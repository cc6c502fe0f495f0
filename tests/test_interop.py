"""Arrays beside the libraries that programs use them with: `nox -s interop` installs these."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest

VALUES = np.array([[1.5, -2.0], [0.0, 7.25]], np.float32)


def peer(name: str) -> Any:
    """A library, or a skipped test where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip(name.partition(".")[0], reason="`nox -s interop` installs it")
        return importlib.import_module(name)


def run_python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# PyTorch


@pytest.mark.parametrize(
    "name", "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 complex64".split()
)
def test_torch_both_ways(name: str) -> None:
    torch = peer("torch")
    tensor = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(torch, name))
    for given in (tensor, tensor.T, tensor[:, ::2], tensor[1:], tensor[0, 0], tensor[:0]):
        for a in (mx.array(given), mx.from_dlpack(given)):
            assert str(a.dtype).endswith(name)
            assert a.tolist() == given.tolist()
            back = torch.from_dlpack(a)
            assert back.dtype == given.dtype
            assert torch.equal(back, given)


def test_torch_shares_the_memory_of_an_array() -> None:
    torch = peer("torch")
    a = mx.array(VALUES)
    tensor = torch.from_dlpack(a)
    tensor[0, 0] = 9.0
    assert a[0, 0].item() == 9.0
    assert torch.from_dlpack(a).data_ptr() == tensor.data_ptr()
    # A result gets other memory, however it is computed.
    a += 1
    mx.eval(a)
    assert tensor.tolist() == [[9.0, -2.0], [0.0, 7.25]]
    copied = torch.from_dlpack(a, copy=True)
    copied[...] = 0
    assert a.tolist() == [[10.0, -1.0], [1.0, 8.25]]


def test_torch_and_axes_that_run_backwards() -> None:
    torch = peer("torch")
    a = mx.arange(6).reshape(2, 3)
    for turned in (a[::-1], a[:, ::-1], a[::-1, ::-2], a[:1, ::-1], a[:1][::-1]):
        assert torch.from_dlpack(turned).tolist() == turned.tolist()


def test_torch_tensors_that_are_more_than_memory() -> None:
    torch = peer("torch")
    layer = torch.nn.Linear(2, 3)
    assert mx.array(layer.weight).tolist() == layer.weight.tolist()
    assert mx.from_dlpack(layer.weight).tolist() == layer.weight.tolist()
    z = torch.tensor([1 + 2j, -3.5j])
    assert mx.array(z.conj()).tolist() == [1 - 2j, 3.5j]
    assert mx.array(z.conj().imag).tolist() == [-2.0, 3.5]
    assert mx.from_dlpack(torch._neg_view(torch.ones(2))).tolist() == [-1.0, -1.0]
    with warnings.catch_warnings():
        # One of the layouts is in beta.
        warnings.simplefilter("ignore")
        layouts = (torch.eye(2).to_sparse(), torch.eye(2).to_sparse_csr())
    for sparse in layouts:
        for convert in (mx.array, mx.from_dlpack):
            with pytest.raises(TypeError, match="to_dense"):
                convert(sparse)
    with pytest.raises((BufferError, ValueError, RuntimeError, TypeError)):
        mx.array(torch.ones(2, device="meta"))


def test_torch_doubles() -> None:
    torch = peer("torch")
    tensor = torch.tensor([0.1, 2.0**24 + 1], dtype=torch.float64)
    assert mx.array(tensor).dtype == mx.float32
    assert mx.array(tensor, mx.float64).tolist() == tensor.tolist()
    assert mx.array(tensor.to(torch.complex128)).dtype == mx.complex64


def test_torch_operators() -> None:
    torch = peer("torch")
    a = mx.array([1.0, 2.0])
    for result in (torch.ones(2) + a, a + torch.ones(2), torch.ones(2, requires_grad=True) + a):
        assert isinstance(result, mx.array)
        assert result.tolist() == [2.0, 3.0]
    assert (a.astype(mx.bfloat16) * torch.ones(2)).dtype == mx.bfloat16
    assert torch.tensor(np.asarray(a)).tolist() == [1.0, 2.0]
    assert torch.as_tensor(a).tolist() == [1.0, 2.0]


def test_torch_collates_arrays() -> None:
    torch = peer("torch")
    collate = torch.utils.data.default_collate
    batch = collate([{"x": mx.array([1.0, 2.0]), "y": 3}, {"x": mx.array([4.0, 5.0]), "y": 6}])
    assert isinstance(batch["x"], mx.array)
    assert batch["x"].tolist() == [[1.0, 2.0], [4.0, 5.0]]
    assert batch["y"].tolist() == [3, 6]
    loader = torch.utils.data.DataLoader([(mx.array([i]), i) for i in range(4)], batch_size=2)
    assert [x.tolist() for x, _ in loader] == [[[0], [1]], [[2], [3]]]


@pytest.mark.parametrize("first", ["mlx_core_py", "torch"])
def test_torch_may_be_imported_first_or_second(first: str) -> None:
    peer("torch")
    other = "torch" if first == "mlx_core_py" else "mlx_core_py"
    code = f"""
        import warnings
        warnings.simplefilter("ignore")
        import {first}, {other}
        import mlx_core_py as mx, torch
        print(torch.utils.data.default_collate([mx.array(1), mx.array(2)]).tolist())
    """
    assert run_python(code) == "[1, 2]\n"


# JAX and ml_dtypes


@pytest.mark.parametrize("name", "bool uint8 int8 int16 int32 float16 bfloat16 float32".split())
def test_jax_both_ways(name: str) -> None:
    jnp = peer("jax.numpy")
    given = jnp.array([[0, 1, 2], [3, 4, 5]]).astype(name)
    for a in (mx.array(given), mx.from_dlpack(given), mx.array(given.T).T):
        assert str(a.dtype).endswith(name)
        assert a.tolist() == given.tolist()
        back = jnp.from_dlpack(a)
        assert back.dtype == given.dtype
        assert (back == given).all()


def test_jax_operators_and_functions() -> None:
    jnp = peer("jax.numpy")
    a = mx.array([1.0, 2.0])
    result = a + jnp.ones(2)
    assert isinstance(result, mx.array)
    assert result.tolist() == [2.0, 3.0]
    assert (a.astype(mx.bfloat16) * jnp.ones(2, jnp.bfloat16)).dtype == mx.bfloat16
    assert jnp.asarray(np.asarray(a)).tolist() == [1.0, 2.0]
    assert jnp.from_dlpack(a[::-1]).tolist() == [2.0, 1.0]


def test_ml_dtypes() -> None:
    ml_dtypes = peer("ml_dtypes")
    values = np.array([[1.5, -2.0, 3.0], [0.0, 7.25, 1.0]]).astype(ml_dtypes.bfloat16)
    for given in (values, values.T, values[:, ::-2], values[:0], values[0, 0], values[0, 0, None]):
        a = mx.array(given)
        assert a.dtype == mx.bfloat16
        assert a.tolist() == np.asarray(given, np.float32).tolist()
    assert mx.array(values, mx.float32).dtype == mx.float32
    assert (mx.array([2.0, 2.0, 2.0], mx.bfloat16) * values).dtype == mx.bfloat16
    # Out again without loss: the bits, or float32.
    a = mx.array(values)
    assert np.frombuffer(bytes(a), ml_dtypes.bfloat16).tolist() == values.ravel().tolist()
    assert np.array(a).astype(ml_dtypes.bfloat16).tolist() == values.tolist()
    for name in ("float8_e4m3fn", "float8_e5m2"):
        with pytest.raises(TypeError, match=f"{name}.*astype"):
            mx.array(values.astype(getattr(ml_dtypes, name)))


# pandas, matplotlib, scikit-learn


def test_pandas() -> None:
    pd = peer("pandas")
    series = pd.Series([1.5, 2.5, 3.5])
    a = mx.array([2.0, 3.0, 4.0])
    assert mx.array(series).tolist() == [1.5, 2.5, 3.5]
    assert mx.array(pd.Series([1, 2])).tolist() == [1, 2]
    assert mx.array(pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]})).tolist() == [[1, 3], [2, 4]]
    assert isinstance(series * a, pd.Series)
    assert (series * a).tolist() == [3.0, 7.5, 14.0]
    assert (series + mx.array(1.0)).tolist() == [2.5, 3.5, 4.5]
    assert (series > a).tolist() == [False, False, False]
    assert pd.Series(a).tolist() == [2.0, 3.0, 4.0]
    assert pd.DataFrame({"x": a})["x"].tolist() == [2.0, 3.0, 4.0]
    with pytest.raises(TypeError, match="convert"):
        mx.array(pd.Series(["a", "b"]))


def test_matplotlib() -> None:
    peer("matplotlib").use("agg")
    pyplot = peer("matplotlib.pyplot")
    x = mx.linspace(0, 1, 5)
    figure, axes = pyplot.subplots()
    try:
        (line,) = axes.plot(x, x * x)
        assert np.asarray(line.get_ydata()).tolist() == (x * x).tolist()
        level = axes.axhline(mx.array(0.5))
        axes.axvline(x[1])
        axes.set_xlim(mx.array(-1.0), mx.array(2.0))
        axes.set_ylim(x[0], x[-1])
        axes.scatter(x, x, c=x)
        axes.bar(x, x)
        axes.hist(x, bins=3)
        axes.errorbar(x, x, yerr=x)
        axes.fill_between(x, x, 0)
        axes.imshow(mx.array(VALUES))
        axes.text(x[1], x[2], "here")
        figure.canvas.draw()
        assert axes.get_xlim()[0] <= -1.0 or axes.get_xlim()[1] >= 1.0
        assert [float(y) for y in level.get_ydata()] == [0.5, 0.5]
    finally:
        pyplot.close(figure)


# einops


def test_einops() -> None:
    einops = peer("einops")
    values = np.arange(48, dtype=np.float32).reshape(2, 6, 4)
    x = mx.array(values)
    computations: list[Callable[[Any], Any]] = [
        lambda x: einops.rearrange(x, "b (h w) c -> b c h w", h=2),
        lambda x: einops.rearrange([x, x + 1], "n b s c -> b (n s) c"),
        lambda x: einops.reduce(x, "b (h w) c -> b h c", "mean", w=3),
        lambda x: einops.reduce(x, "b s c -> c", "max"),
        lambda x: einops.repeat(x, "b s c -> b s (c 2)"),
        lambda x: einops.repeat(x[0], "s c -> 3 s c"),
        lambda x: einops.einsum(x, x, "b i c, b j c -> b i j"),
        lambda x: einops.pack([x, x[:, 0]], "b * c")[0],
        lambda x: einops.asnumpy(x),
    ]
    for compute in computations:
        np.testing.assert_allclose(compute(x), compute(values), rtol=1e-6)
    assert isinstance(einops.rearrange(x, "b s c -> s (b c)"), mx.array)
    gradient = mx.grad(lambda x: mx.sum(einops.rearrange(x, "b s c -> s (b c)")[1] ** 2))(x)
    assert gradient[:, 1].tolist() == (2 * values[:, 1]).tolist()
    assert einops.parse_shape(x, "b _ c") == {"b": 2, "c": 4}


@pytest.mark.parametrize("first", ["mlx_core_py", "einops"])
def test_einops_may_be_imported_first_or_second(first: str) -> None:
    peer("einops")
    other = "einops" if first == "mlx_core_py" else "mlx_core_py"
    code = f"""
        import {first}, {other}
        import einops, einops._backends, inspect, mlx_core_py as mx
        print(einops.rearrange(mx.arange(4), "(a b) -> b a", a=2).tolist())
        assert "get_backend" in inspect.getsource(einops._backends)
        assert einops._backends.__loader__ is einops._backends.__spec__.loader
        assert type(einops._backends.__loader__).__name__ == "SourceFileLoader"
    """
    assert run_python(code) == "[[0, 2], [1, 3]]\n"


# SciPy


def test_scipy_on_arrays_of_numpy() -> None:
    special, stats = peer("scipy.special"), peer("scipy.stats")
    a = mx.array([0.5, 1.5, 0.25])
    np.testing.assert_allclose(special.expit(a), special.expit(np.asarray(a)))
    np.testing.assert_allclose(special.logsumexp(a), special.logsumexp(np.asarray(a)))
    np.testing.assert_allclose(stats.zscore(a), stats.zscore(np.asarray(a)), rtol=1e-6)
    np.testing.assert_allclose(stats.rankdata(a), [2, 3, 1])
    np.testing.assert_allclose(stats.pearsonr(a, a * 2).statistic, 1, rtol=1e-6)
    optimize, fft = peer("scipy.optimize"), peer("scipy.fft")
    np.testing.assert_allclose(fft.fft(a), fft.fft(np.asarray(a)), rtol=1e-6)
    target = mx.array([1.0, 2.0])
    found = optimize.minimize(
        lambda x: mx.sum((target - x) ** 2).item(), np.zeros(2), method="Nelder-Mead"
    )
    np.testing.assert_allclose(found.x, [1, 2], atol=0.05)


def test_scipy_by_the_array_api() -> None:
    peer("scipy")
    code = """
        import warnings
        warnings.simplefilter("ignore")
        import mlx_core_py as mx, numpy as np
        from scipy import special, stats
        x = np.array([0.5, 1.5, 0.25, 1.5], np.float32)
        y = np.array([1.0, 2.0, 0.0, 3.0], np.float32)
        a, b = mx.array(x), mx.array(y)
        for compute in (
            lambda x, y: special.logsumexp(x),
            lambda x, y: stats.zscore(x),
            lambda x, y: special.expit(x),
            lambda x, y: special.softmax(x),
        ):
            got = compute(a, b)
            assert isinstance(got, mx.array), type(got)
            np.testing.assert_allclose(got, compute(x, y), rtol=1e-5)
        print("ok")
    """
    assert run_python(code, SCIPY_ARRAY_API="1") == "ok\n"
