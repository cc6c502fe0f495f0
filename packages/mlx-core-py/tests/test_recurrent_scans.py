"""`fast.rnn_scan`, `gru_scan` and `lstm_scan`: all steps of a layer as one node of the graph."""

import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from hypothesis import given
from hypothesis import strategies as st

Arrays = tuple[Any, ...]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def rnn(x: Any, w: Any, h: Any, function: Callable[[Any], Any] = np.tanh) -> Arrays:
    states = []
    for t in range(x.shape[-2]):
        h = function(x[..., t, :] + h @ w.T)
        states.append(h)
    return (np.stack(states, -2),)


def relu_rnn(x: Any, w: Any, h: Any) -> Arrays:
    return rnn(x, w, h, lambda a: np.maximum(a, 0))


def gru(x: Any, w: Any, h: Any, bias: Any = 0.0) -> Arrays:
    states = []
    for t in range(x.shape[-2]):
        (xr, xz, xn), (hr, hz, hn) = np.split(x[..., t, :], 3, -1), np.split(h @ w.T, 3, -1)
        r, z = sigmoid(xr + hr), sigmoid(xz + hz)
        h = (1 - z) * np.tanh(xn + r * (hn + bias)) + z * h
        states.append(h)
    return (np.stack(states, -2),)


def lstm(x: Any, w: Any, h: Any, c: Any) -> Arrays:
    states, cells = [], []
    for t in range(x.shape[-2]):
        i, f, g, o = np.split(x[..., t, :] + h @ w.T, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
        cells.append(c)
    return np.stack(states, -2), np.stack(cells, -2)


# The formulas again, in operations of MLX, for gradients: a loop over steps.
def loop(cell: str, x: mx.array, w: mx.array, h: mx.array, other: mx.array | None) -> Arrays:
    states, cells = [], []
    for t in range(x.shape[-2]):
        sums = h @ w.T
        if cell in ("tanh", "relu"):
            a = x[..., t, :] + sums
            h = mx.tanh(a) if cell == "tanh" else mx.maximum(a, 0)
        elif cell == "gru":
            (xr, xz, xn), (hr, hz, hn) = mx.split(x[..., t, :], 3, -1), mx.split(sums, 3, -1)
            r, z = mx.sigmoid(xr + hr), mx.sigmoid(xz + hz)
            n = mx.tanh(xn + r * (hn if other is None else hn + other))
            h = (1 - z) * n + z * h
        else:
            i, f, g, o = mx.split(x[..., t, :] + sums, 4, -1)
            assert other is not None
            other = mx.sigmoid(f) * other + mx.sigmoid(i) * mx.tanh(g)
            h = mx.sigmoid(o) * mx.tanh(other)
            cells.append(other)
        states.append(h)
    return (mx.stack(states, -2), *([mx.stack(cells, -2)] if cells else []))


@dataclass(frozen=True)
class Scan:
    name: str
    gates: int
    formula: Callable[..., Arrays]

    def __call__(self, *inputs: Any) -> tuple[mx.array, ...]:
        if self.gates == 1:
            return (mx.fast.rnn_scan(*inputs, nonlinearity=self.name),)
        if self.name == "gru":
            return (mx.fast.gru_scan(*inputs),)
        return mx.fast.lstm_scan(*inputs)

    def loop(self, *inputs: mx.array) -> Arrays:
        x, w, h, *other = inputs
        return loop(self.name, x, w, h, other[0] if other else None)

    def inputs(
        self, leading: tuple[int, ...] = (2,), steps: int = 5, size: int = 4, seed: int = 0
    ) -> list[np.ndarray]:
        shapes = [
            (*leading, steps, self.gates * size),
            (self.gates * size, size),
            (*leading, size),
            *([(*leading, size)] if self.name == "lstm" else []),
            *([(size,)] if self.name == "gru" else []),
        ]
        arrays = [normal(*shape, seed=seed + i) for i, shape in enumerate(shapes)]
        arrays[1] *= size**-0.5
        return arrays

    def arrays(self, *args: Any, dtype: mx.Dtype = mx.float32, **kwargs: Any) -> list[mx.array]:
        return [mx.array(a).astype(dtype) for a in self.inputs(*args, **kwargs)]


SCANS = [
    Scan("tanh", 1, rnn),
    Scan("relu", 1, relu_rnn),
    Scan("gru", 3, gru),
    Scan("lstm", 4, lstm),
]
every_scan = pytest.mark.parametrize("scan", SCANS, ids=[scan.name for scan in SCANS])


def weighed(function: Callable[..., Arrays], results: slice = slice(None)) -> Any:
    """A scalar that depends on all elements of some results, each in another way."""

    def loss(*inputs: mx.array) -> mx.array:
        total = mx.array(0.0)
        for i, y in enumerate(tuple(function(*inputs))[results]):
            total = total + (y * mx.array(normal(*y.shape, seed=40 + i)).astype(y.dtype)).sum()
        return total

    return loss


def gradients(function: Callable[..., Arrays], inputs: list[mx.array], **kwargs: Any) -> Any:
    return mx.grad(weighed(function, **kwargs), argnums=tuple(range(len(inputs))))(*inputs)


@every_scan
@given(data=st.data())
def test_against_the_formula_in_double(scan: Scan, data: st.DataObject) -> None:
    leading = tuple(data.draw(st.lists(st.integers(1, 6), max_size=3)))
    steps, size = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 40))
    inputs = scan.inputs(leading, steps, size, seed=data.draw(st.integers(0, 99)))
    expected = scan.formula(*(a.astype(np.float64) for a in inputs))
    for y, e in zip(scan(*map(mx.array, inputs)), expected, strict=True):
        assert y.shape == e.shape
        assert close(y, e, 1e-4, 1e-5)


@every_scan
@given(data=st.data())
def test_gradients_are_those_of_the_loop(scan: Scan, data: st.DataObject) -> None:
    leading = tuple(data.draw(st.lists(st.integers(1, 4), max_size=2)))
    steps, size = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 36))
    inputs = scan.arrays(leading, steps, size, seed=data.draw(st.integers(0, 99)))
    results = data.draw(st.sampled_from([slice(None), slice(0, 1), slice(-1, None)]))
    got = gradients(scan, inputs, results=results)
    for g, e in zip(got, gradients(scan.loop, inputs, results=results), strict=True):
        assert g.shape == e.shape
        assert close(g, e, 1e-3, 1e-4)


# Rows are shared among the threads, or columns where there are few rows; weights are deeper than a
# block of a product, and panels narrower than a register.
@pytest.mark.parametrize(
    ("leading", "steps", "size"), [((70,), 3, 37), ((1,), 3, 500), ((3,), 4, 129), ((5,), 2, 16)]
)
@every_scan
def test_sizes_of_layers(scan: Scan, leading: tuple[int, ...], steps: int, size: int) -> None:
    inputs = scan.inputs(leading, steps, size)
    expected = scan.formula(*(a.astype(np.float64) for a in inputs))
    arrays = [mx.array(a) for a in inputs]
    for y, e in zip(scan(*arrays), expected, strict=True):
        assert close(y, e, 1e-4, 1e-4)
    for g, e in zip(gradients(scan, arrays), gradients(scan.loop, arrays), strict=True):
        assert close(g, e, 1e-2, 2e-3)


@every_scan
def test_gradients_against_finite_differences(scan: Scan) -> None:
    inputs = scan.inputs((2,), 3, 3)
    weights = [normal(2, 3, 3, seed=40 + i).astype(np.float64) for i in range(2)]

    def loss(*arrays: Any) -> float:
        results = scan.formula(*arrays)
        return sum(float((y * w).sum()) for y, w in zip(results, weights, strict=False))

    wide = [a.astype(np.float64) for a in inputs]
    for i, gradient in enumerate(gradients(scan, [mx.array(a) for a in inputs])):
        for place in np.ndindex(wide[i].shape):
            moved = [[a.copy() for a in wide] for _ in range(2)]
            moved[0][i][place] += 1e-6
            moved[1][i][place] -= 1e-6
            difference = (loss(*moved[0]) - loss(*moved[1])) / 2e-6
            assert gradient[place].item() == pytest.approx(difference, rel=1e-3, abs=1e-4)


@every_scan
def test_gradients_of_gradients(scan: Scan) -> None:
    inputs = scan.arrays((2,), 3, 3)

    def of_squares(function: Callable[..., Arrays]) -> Any:
        def loss(*inputs: mx.array) -> mx.array:
            first = mx.grad(weighed(function), argnums=tuple(range(len(inputs))))(*inputs)
            return sum(((g * g).sum() for g in first), mx.array(0.0))

        return mx.grad(loss, argnums=tuple(range(len(inputs))))(*inputs)

    for g, e in zip(of_squares(scan), of_squares(scan.loop), strict=True):
        assert close(g, e, 2e-3, 2e-3)


@every_scan
def test_forward_derivatives(scan: Scan) -> None:
    inputs = scan.arrays((2,), 3, 3)
    tangents = scan.arrays((2,), 3, 3, seed=9)
    got = mx.jvp(lambda *a: scan(*a), inputs, tangents)[1]
    expected = mx.jvp(lambda *a: scan.loop(*a), inputs, tangents)[1]
    for g, e in zip(got, expected, strict=True):
        assert close(g, e, 1e-3, 1e-4)


@every_scan
@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16])
def test_two_halves_are_the_whole(scan: Scan, dtype: mx.Dtype) -> None:
    """To the last bit: what a step hands to the next is what it gives."""
    x, w, h, *other = scan.arrays((3,), 9, 20, dtype=dtype)
    whole = scan(x, w, h, *other)
    first = scan(x[:, :4], w, h, *other)
    after = [y[:, -1] for y in first]
    second = scan(x[:, 4:], w, *(after if scan.name == "lstm" else [after[0], *other]))
    for y, a, b in zip(whole, first, second, strict=True):
        assert mx.array_equal(y, mx.concatenate([a, b], axis=1))


@every_scan
@pytest.mark.parametrize(("dtype", "tolerance"), [(mx.float16, 4e-3), (mx.bfloat16, 3e-2)])
def test_half_precision(scan: Scan, dtype: mx.Dtype, tolerance: float) -> None:
    inputs = scan.arrays((3,), 6, 21, dtype=dtype)
    wide = [a.astype(mx.float32) for a in inputs]
    for y, e in zip(scan(*inputs), scan(*wide), strict=True):
        assert y.dtype == dtype
        assert close(y.astype(mx.float32), e, tolerance, tolerance)
    for g, e in zip(gradients(scan, inputs), gradients(scan, wide), strict=True):
        assert g.dtype == dtype
        scale = mx.abs(e).max().item()
        assert close(g.astype(mx.float32), e, 10 * tolerance, 2 * tolerance * scale)


@every_scan
def test_vmap(scan: Scan) -> None:
    several = [scan.arrays((2,), 3, 5, seed=10 * i) for i in range(3)]
    stacked = [mx.stack(parts) for parts in zip(*several, strict=True)]
    count = len(stacked)
    # Each input has the axis, or is the same for all; where it has, in any place.
    cases: list[list[int | None]] = [
        [0] * count,
        [0, None, 0, *[0, None][: count - 3]],
        [0, None, None, *[None] * (count - 3)],
    ]
    if count > 3:
        cases.append([0, None, 0, None])
    for axes in cases:
        given = [a if axis == 0 else a[0] for a, axis in zip(stacked, axes, strict=True)]
        single = [
            [a[i] if axis == 0 else a for a, axis in zip(given, axes, strict=True)]
            for i in range(3)
        ]
        got = mx.vmap(lambda *a: scan(*a), in_axes=tuple(axes))(*given)
        for k, y in enumerate(got):
            assert close(y, mx.stack([scan(*one)[k] for one in single]), 1e-5, 1e-6)
        per_item = mx.vmap(
            mx.grad(weighed(scan), argnums=tuple(range(count))), in_axes=tuple(axes)
        )(*given)
        for k, g in enumerate(per_item):
            assert close(g, mx.stack([gradients(scan, one)[k] for one in single]), 1e-4, 1e-5)


@every_scan
def test_compiled(scan: Scan) -> None:
    inputs = scan.arrays()
    step = mx.compile(lambda *a: gradients(scan, list(a)))
    for g, e in zip(step(*inputs), gradients(scan, inputs), strict=True):
        assert close(g, e)
    # Differentiated after it was compiled.
    compiled = mx.compile(lambda *a: scan(*a))
    compiled(*inputs)
    for g, e in zip(gradients(compiled, inputs), gradients(scan, inputs), strict=True):
        assert close(g, e)


@every_scan
def test_compiled_for_all_shapes(scan: Scan) -> None:
    compiled = mx.compile(lambda *a: scan(*a), shapeless=True)
    for leading, steps in [((2,), 5), ((3,), 2), ((1,), 9)]:
        inputs = scan.arrays(leading, steps)
        for y, e in zip(compiled(*inputs), scan(*inputs), strict=True):
            assert mx.array_equal(y, e)


@every_scan
def test_checkpoints(scan: Scan) -> None:
    inputs = scan.arrays()
    got = gradients(mx.checkpoint(lambda *a: scan(*a)), inputs)
    for g, e in zip(got, gradients(scan, inputs), strict=True):
        assert close(g, e)


@every_scan
def test_exported(scan: Scan, tmp_path: Any) -> None:
    inputs = scan.arrays()
    path = str(tmp_path / "scan.mlxfn")
    mx.export_function(path, lambda *a: scan(*a), *inputs)
    for y, e in zip(mx.import_function(path)(*inputs), scan(*inputs), strict=True):
        assert close(y, e, 1e-5, 1e-6)


@every_scan
def test_layouts_of_inputs(scan: Scan) -> None:
    inputs = scan.arrays((2, 3), 4, 5)
    expected = scan(*inputs)
    others = [
        [mx.contiguous(a.T).T for a in inputs],
        [mx.repeat(a, 2, axis=-1)[..., ::2] for a in inputs],
        [a[::-1][::-1] for a in inputs],
    ]
    for arrays in others:
        for y, e in zip(scan(*arrays), expected, strict=True):
            assert mx.array_equal(y, e)
        for g, e in zip(gradients(scan, arrays), gradients(scan, inputs), strict=True):
            assert close(g, e)


@every_scan
def test_types_are_promoted(scan: Scan) -> None:
    inputs = scan.arrays()
    half = [inputs[0].astype(mx.bfloat16), *inputs[1:]]
    for y in scan(*half):
        assert y.dtype == mx.float32
    double = [a.astype(mx.float64) for a in inputs]
    with mx.stream(mx.cpu):
        for y, e in zip(scan(*double), scan(*inputs), strict=True):
            assert y.dtype == mx.float64
            assert close(y, e, 1e-4, 1e-5)


@every_scan
def test_special_numbers_stay(scan: Scan) -> None:
    inputs = scan.inputs((3,), 3, 4)
    inputs[0][1, 1] = np.nan
    y = np.array(scan(*map(mx.array, inputs))[0])
    assert np.isnan(y[1, 1:]).all()
    assert np.isfinite(y[[0, 2]]).all()
    assert np.isfinite(y[1, 0]).all()
    # What saturates has gradients that are numbers.
    inputs = scan.inputs((3,), 3, 4)
    if scan.name != "relu":
        inputs[0] *= 1e30
    for g in gradients(scan, [mx.array(a) for a in inputs]):
        assert np.isfinite(np.array(g)).all()


@every_scan
def test_empty(scan: Scan) -> None:
    for leading, steps in [((2,), 0), ((0,), 3), ((2, 0), 3)]:
        inputs = scan.arrays(leading, steps)
        for y in scan(*inputs):
            assert y.shape == (*leading, steps, 4)
        for g, a in zip(gradients(scan, inputs), inputs, strict=True):
            assert g.shape == a.shape
            assert not mx.any(g)


@every_scan
def test_wrong_shapes(scan: Scan) -> None:
    x, w, h, *other = scan.arrays()
    with pytest.raises(ValueError, match="weight must have the shape"):
        scan(x, w[:-1], h, *other)
    with pytest.raises(ValueError, match="weight must have the shape"):
        scan(x, w[None], h, *other)
    with pytest.raises(ValueError, match="inputs must have the shape"):
        scan(x[..., 1:], w, h, *other)
    with pytest.raises(ValueError, match="inputs must have the shape"):
        scan(x[0, 0], w, h, *other)
    with pytest.raises(ValueError, match=r"hidden must have the shape \(2,4\)"):
        scan(x, w, h[0], *other)
    if other:
        with pytest.raises(ValueError, match="cell must" if scan.name == "lstm" else "bias must"):
            scan(x, w, h, other[0][..., 1:])
    with pytest.raises(ValueError, match="floating"):
        scan(*(a.astype(mx.int32) for a in (x, w, h, *other)))
    with pytest.raises(ValueError, match="'tanh' or 'relu', not 'sin'"):
        mx.fast.rnn_scan(x, w, h, nonlinearity="sin")


@every_scan
def test_long_sequences(scan: Scan) -> None:
    """Gradients through 10 000 steps: no recursion, and memory of some arrays as long as these."""
    inputs = scan.arrays((2,), 10_000, 8)
    mx.eval(inputs)
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    got = gradients(scan, inputs)
    mx.eval(got)
    assert all(mx.all(mx.isfinite(g)) for g in got)
    assert mx.get_peak_memory() - before < 30 * 2 * 10_000 * 8 * 4 + (1 << 20)


def test_ctrl_c_ends_a_long_scan() -> None:
    program = """
        import os, signal, subprocess
        import mlx_core_py as mx

        signal.signal(signal.SIGINT, signal.default_int_handler)
        x, w, h = mx.zeros((1, 20_000_000, 4)), mx.zeros((4, 1)), mx.zeros((1, 1))
        mx.eval(x, w, h)
        long = [mx.fast.lstm_scan(x + i, w, h, h)[0].sum() for i in range(100)]
        subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -INT {os.getpid()}"])
        try:
            mx.eval(long)
        except KeyboardInterrupt:
            del long
        else:
            raise AssertionError("the work has ended")
        assert mx.fast.lstm_scan(x[:, :2], w, h, h)[0].shape == (1, 2, 1)
        print("right")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "right\n", "")


def test_gates_and_their_gradients_take_the_place_of_inputs() -> None:
    scan = SCANS[3]
    x, w, h, c = scan.arrays((3,), 40, 48)
    mx.eval(x, w, h, c)

    def grad(x: mx.array) -> mx.array:
        return mx.grad(lambda a: weighed(scan)(a + 1, w, h, c))(x)  # type: ignore[no-any-return]

    def grad_of_what_is_held(x: mx.array) -> mx.array:
        y = x + 1
        mx.eval(y)
        before = np.array(y)
        result = mx.grad(lambda a: weighed(scan)(a, w, h, c))(y)
        mx.eval(result)
        assert np.array_equal(np.array(y), before)
        return result  # type: ignore[no-any-return]

    expected = grad_of_what_is_held(x)
    mx.clear_cache()
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    found = grad(x)
    mx.eval(found)
    # The gates, and the states, cells and gradients, which are a quarter as large each.
    assert mx.get_peak_memory() - before < 3 * x.nbytes
    assert np.array_equal(np.array(found), np.array(expected))
    close_to = mx.grad(lambda a: weighed(scan.loop)(a + 1, w, h, c))(x)
    assert close(found, close_to, 1e-4, 1e-5)
