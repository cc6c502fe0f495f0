"""Recurrent layers.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

from collections.abc import Callable

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_arrays, check_last_axis, positive, uniform_of_fan_in
from mlx_core_py.nn.layers.activations import tanh
from mlx_core_py.nn.layers.base import Module

__all__ = ["GRU", "LSTM", "RNN"]


def __dir__() -> list[str]:
    return __all__


class RNN(Module):
    r"""A recurrent layer after Elman [1].

    .. math::

        h_t = f(W_x x_t + W_h h_{t-1} + b)

    ``Wxh`` has the shape ``(hidden_size, input_size)``, ``Whh`` ``(hidden_size, hidden_size)``
    and ``bias`` ``(hidden_size,)``; all begin uniform between
    :math:`\pm 1 / \sqrt{\text{hidden\_size}}`.

    [1]: https://doi.org/10.1207/s15516709cog1402_1

    Args:
        input_size: The size of the last axis of the input.
        hidden_size: The size of the state.
        bias: Whether to add a bias. Default: ``True``.
        nonlinearity: The function :math:`f`; ``None`` (default) is :func:`tanh`.

    Shape:
        ``(..., steps, input_size)`` and an optional first state ``(..., hidden_size)``, by
        default zeros, to the states after each step, ``(..., steps, hidden_size)``.

    Raises:
        TypeError: If a size is not an integer, ``nonlinearity`` cannot be called, or an input is
            no array.
        ValueError: If a size is less than one, or an input has another shape.

    Example:
        >>> nn.RNN(3, 4)(mx.zeros((2, 10, 3))).shape
        (2, 10, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: Callable[[mx.array], mx.array] | None = None,
    ) -> None:
        positive(input_size=input_size, hidden_size=hidden_size)
        function = tanh if nonlinearity is None else nonlinearity
        if not callable(function):
            raise TypeError(
                f"nonlinearity must be a function of an array, not {type(function).__name__}"
            )
        super().__init__()
        self.nonlinearity = function
        self.hidden_size = hidden_size
        self.Wxh: mx.array = uniform_of_fan_in(hidden_size, (hidden_size, input_size))
        self.Whh: mx.array = uniform_of_fan_in(hidden_size, (hidden_size, hidden_size))
        if bias:
            self.bias: mx.array = uniform_of_fan_in(hidden_size, (hidden_size,))

    def _extra_repr(self) -> str:
        return (
            f"input_dims={self.Wxh.shape[1]}, hidden_size={self.hidden_size}, "
            f"nonlinearity={self.nonlinearity}, bias={'bias' in self}"
        )

    def __call__(self, x: mx.array, hidden: mx.array | None = None) -> mx.array:
        inputs = _project(x, self["Wxh"], self.get("bias"))
        hidden = _first_state(hidden, inputs, self.hidden_size, "hidden")
        weight = self["Whh"].T
        states = []
        for step in range(x.shape[-2]):
            hidden = self.nonlinearity(inputs[..., step, :] + hidden @ weight)
            states.append(hidden)
        return _stack(states, inputs, self.hidden_size)


class GRU(Module):
    r"""A recurrent layer of gated units [1].

    .. math::

        r_t &= \sigma(W_{xr} x_t + W_{hr} h_{t-1} + b_r) \\
        z_t &= \sigma(W_{xz} x_t + W_{hz} h_{t-1} + b_z) \\
        n_t &= \tanh(W_{xn} x_t + b_n + r_t (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z_t) n_t + z_t h_{t-1}

    ``Wx`` has the shape ``(3 * hidden_size, input_size)`` and holds :math:`W_{xr}, W_{xz}` and
    :math:`W_{xn}` one after the other, ``Wh`` of shape ``(3 * hidden_size, hidden_size)`` and
    ``b`` of shape ``(3 * hidden_size,)`` likewise; ``bhn`` has the shape ``(hidden_size,)``. All
    begin uniform between :math:`\pm 1 / \sqrt{\text{hidden\_size}}`.

    [1]: https://arxiv.org/abs/1406.1078

    Args:
        input_size: The size of the last axis of the input.
        hidden_size: The size of the state.
        bias: Whether to add biases. Default: ``True``.

    Shape:
        ``(..., steps, input_size)`` and an optional first state ``(..., hidden_size)``, by
        default zeros, to the states after each step, ``(..., steps, hidden_size)``.

    Raises:
        TypeError: If a size is not an integer, or an input no array.
        ValueError: If a size is less than one, or an input has another shape.

    Example:
        >>> nn.GRU(3, 4)(mx.zeros((2, 10, 3))).shape
        (2, 10, 4)
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__()
        self.hidden_size = hidden_size
        self.Wx: mx.array = uniform_of_fan_in(hidden_size, (3 * hidden_size, input_size))
        self.Wh: mx.array = uniform_of_fan_in(hidden_size, (3 * hidden_size, hidden_size))
        self.b: mx.array | None = None
        self.bhn: mx.array | None = None
        if bias:
            self.b = uniform_of_fan_in(hidden_size, (3 * hidden_size,))
            self.bhn = uniform_of_fan_in(hidden_size, (hidden_size,))

    def _extra_repr(self) -> str:
        return f"input_dims={self.Wx.shape[1]}, hidden_size={self.hidden_size}, bias={'b' in self}"

    def __call__(self, x: mx.array, hidden: mx.array | None = None) -> mx.array:
        inputs = _project(x, self["Wx"], self.get("b"))
        hidden = _first_state(hidden, inputs, self.hidden_size, "hidden")
        weight, bias = self["Wh"].T, self.get("bhn")
        size = self.hidden_size
        states = []
        for step in range(x.shape[-2]):
            hidden = _gru_step(inputs[..., step, :], hidden @ weight, hidden, bias, size)
            states.append(hidden)
        return _stack(states, inputs, size)


class LSTM(Module):
    r"""A recurrent layer with long short-term memory [1].

    .. math::

        i_t &= \sigma(W_{xi} x_t + W_{hi} h_{t-1} + b_i) \\
        f_t &= \sigma(W_{xf} x_t + W_{hf} h_{t-1} + b_f) \\
        g_t &= \tanh(W_{xg} x_t + W_{hg} h_{t-1} + b_g) \\
        o_t &= \sigma(W_{xo} x_t + W_{ho} h_{t-1} + b_o) \\
        c_t &= f_t c_{t-1} + i_t g_t \\
        h_t &= o_t \tanh(c_t)

    ``Wx`` has the shape ``(4 * hidden_size, input_size)`` and holds :math:`W_{xi}, W_{xf},
    W_{xg}` and :math:`W_{xo}` one after the other, ``Wh`` of shape ``(4 * hidden_size,
    hidden_size)`` and ``bias`` of shape ``(4 * hidden_size,)`` likewise. All begin uniform
    between :math:`\pm 1 / \sqrt{\text{hidden\_size}}`.

    [1]: https://doi.org/10.1162/neco.1997.9.8.1735

    Args:
        input_size: The size of the last axis of the input.
        hidden_size: The size of the state and of the cell.
        bias: Whether to add a bias. Default: ``True``.

    Shape:
        ``(..., steps, input_size)`` and an optional first state and cell ``(..., hidden_size)``,
        by default zeros, to the states and the cells after each step, two arrays of shape
        ``(..., steps, hidden_size)``.

    Raises:
        TypeError: If a size is not an integer, or an input no array.
        ValueError: If a size is less than one, or an input has another shape.

    Example:
        >>> hidden, cell = nn.LSTM(3, 4)(mx.zeros((2, 10, 3)))
        >>> hidden.shape, cell.shape
        ((2, 10, 4), (2, 10, 4))
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__()
        self.hidden_size = hidden_size
        self.Wx: mx.array = uniform_of_fan_in(hidden_size, (4 * hidden_size, input_size))
        self.Wh: mx.array = uniform_of_fan_in(hidden_size, (4 * hidden_size, hidden_size))
        if bias:
            self.bias: mx.array = uniform_of_fan_in(hidden_size, (4 * hidden_size,))

    def _extra_repr(self) -> str:
        return (
            f"input_dims={self.Wx.shape[1]}, hidden_size={self.hidden_size}, bias={'bias' in self}"
        )

    def __call__(
        self, x: mx.array, hidden: mx.array | None = None, cell: mx.array | None = None
    ) -> tuple[mx.array, mx.array]:
        inputs = _project(x, self["Wx"], self.get("bias"))
        hidden = _first_state(hidden, inputs, self.hidden_size, "hidden")
        cell = _first_state(cell, inputs, self.hidden_size, "cell")
        weight = self["Wh"].T
        states, cells = [], []
        for step in range(x.shape[-2]):
            hidden, cell = _lstm_step(inputs[..., step, :] + hidden @ weight, cell)
            states.append(hidden)
            cells.append(cell)
        size = self.hidden_size
        return _stack(states, inputs, size), _stack(cells, inputs, size)


def _gru_step(
    inputs: mx.array, recurrent: mx.array, hidden: mx.array, bias: mx.array | None, size: int
) -> mx.array:
    reset, update = mx.split(
        mx.sigmoid(inputs[..., : 2 * size] + recurrent[..., : 2 * size]), 2, axis=-1
    )
    candidate = recurrent[..., 2 * size :]
    if bias is not None:
        candidate = candidate + bias
    new = mx.tanh(inputs[..., 2 * size :] + reset * candidate)
    return (1 - update) * new + update * hidden


def _lstm_step(gates: mx.array, cell: mx.array) -> tuple[mx.array, mx.array]:
    i, f, g, o = mx.split(gates, 4, axis=-1)
    cell = mx.sigmoid(f) * cell + mx.sigmoid(i) * mx.tanh(g)
    return mx.sigmoid(o) * mx.tanh(cell), cell


def _project(x: mx.array, weight: mx.array, bias: mx.array | None) -> mx.array:
    """Multiply the inputs of all steps by a weight at once: only the states have to wait."""
    check_arrays(x=x)
    if x.ndim < 2:
        raise ValueError(f"x must have the shape (..., steps, features), but has {x.shape}")
    check_last_axis(x, weight.shape[1])
    return x @ weight.T if bias is None else mx.addmm(bias, x, weight.T)


def _first_state(state: mx.array | None, inputs: mx.array, size: int, name: str) -> mx.array:
    shape = (*inputs.shape[:-2], size)
    if state is None:
        return mx.zeros(shape, inputs.dtype)
    check_arrays(**{name: state})
    if state.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, but has {state.shape}")
    return state


def _stack(states: list[mx.array], inputs: mx.array, size: int) -> mx.array:
    if not states:
        return mx.zeros((*inputs.shape[:-1], size), inputs.dtype)
    return mx.stack(states, axis=-2)
