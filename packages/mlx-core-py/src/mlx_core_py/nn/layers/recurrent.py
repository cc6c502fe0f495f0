"""Recurrent layers.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

from collections.abc import Callable

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_arrays, check_last_axis, positive, uniform_of_fan_in
from mlx_core_py.nn.layers.activations import ReLU, Tanh, relu, tanh
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
        nonlinearity: The function :math:`f`; ``None`` (default) is :func:`tanh`. With this one and
            with :func:`relu`, all steps are one node of the graph; other functions are called at
            each step.

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
        name = _scanned(self.nonlinearity)
        if name is not None:
            return mx.fast.rnn_scan(inputs, self["Whh"], hidden, nonlinearity=name)
        if inputs.shape[-2] == 0:
            return inputs
        # The function may keep a state, draw random numbers or have parameters, so that its step is
        # not compiled.
        weight = self["Whh"].T
        states = []
        for step in mx.split(inputs, inputs.shape[-2], axis=-2):
            hidden = self.nonlinearity(step.squeeze(-2) + hidden @ weight)
            states.append(hidden)
        return mx.stack(states, axis=-2)


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
        return mx.fast.gru_scan(inputs, self["Wh"], hidden, self.get("bhn"))


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
        return mx.fast.lstm_scan(inputs, self["Wh"], hidden, cell)


def _scanned(function: Callable[[mx.array], mx.array]) -> str | None:
    """The name of a function that :func:`mlx_core_py.fast.rnn_scan` knows."""
    if function is tanh or function is mx.tanh or type(function) is Tanh:
        return "tanh"
    return "relu" if function is relu or type(function) is ReLU else None


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
