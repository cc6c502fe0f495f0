"""Optimizers that follow the gradient, or a mean of gradients.

Source: https://ml-explore.github.io/mlx/build/html/python/optimizers/common_optimizers.html
"""

from __future__ import annotations

from collections.abc import Sequence

import mlx_core_py as mx
from mlx_core_py.optimizers.base import Optimizer, Scheduled, check_betas

__all__ = ["SGD", "Lion", "Muon"]


def __dir__() -> list[str]:
    return __all__


class SGD(Optimizer):
    r"""Stochastic gradient descent with momentum [1].

    .. math::

        g_t &\leftarrow g_t + \text{weight\_decay} \cdot w_{t-1} \\
        v_t &= \mu v_{t-1} + (1 - \tau) g_t \\
        w_t &= w_{t-1} - \lambda v_t

    [1]: https://proceedings.mlr.press/v28/sutskever13.html

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        momentum: The momentum :math:`\mu`. Default: ``0.0``.
        weight_decay: What the parameters are multiplied by and added to the gradients. Default:
            ``0.0``.
        dampening: The dampening :math:`\tau` of the momentum. Default: ``0.0``.
        nesterov: Whether the step is :math:`g_t + \mu v_t` rather than :math:`v_t`. Default:
            ``False``.

    Raises:
        ValueError: If ``nesterov`` without a momentum, or with dampening.

    Example:
        >>> optimizer = optim.SGD(learning_rate=0.5)
        >>> optimizer.apply_gradients({"w": mx.array([1.0])}, {"w": mx.array([3.0])})
        {'w': array([2.5], dtype=float32)}
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("nesterov must be False without a momentum, and with dampening")
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.dampening = dampening
        self.nesterov = nesterov

    def init_single(self, parameter: mx.array, state: dict[str, mx.array]) -> None:
        """Begin with a mean of zero.

        Args:
            parameter: The parameter.
            state: The dictionary to put ``v`` into.
        """
        state["v"] = mx.zeros_like(parameter)

    def apply_single(
        self, gradient: mx.array, parameter: mx.array, state: dict[str, mx.array]
    ) -> mx.array:
        """Return one parameter after a step, and move its state on.

        Args:
            gradient: The gradient.
            parameter: The parameter.
            state: The parameter's state.
        """
        rate = self.learning_rate.astype(gradient.dtype)
        if self.weight_decay != 0:
            gradient = gradient + self.weight_decay * parameter
        if self.momentum <= 0:
            return parameter - rate * gradient
        damped = (1 - self.dampening) * gradient if self.dampening > 0 else gradient
        state["v"] = v = self.momentum * state["v"] + damped
        return parameter - rate * (gradient + self.momentum * v if self.nesterov else v)


class Lion(Optimizer):
    r"""Steps of one size, in the direction of a mean of gradients [1].

    .. math::

        c_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t \\
        m_t &= \beta_2 m_{t-1} + (1 - \beta_2) g_t \\
        w_t &= w_{t-1} - \lambda (\text{sign}(c_t) + \text{weight\_decay} \cdot w_{t-1})

    It wants a learning rate that is 3 to 10 times smaller, and a weight decay as much larger, than
    :class:`AdamW`.

    [1]: https://arxiv.org/abs/2302.06675

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        betas: The two numbers :math:`\beta_1, \beta_2`. Default: ``(0.9, 0.99)``.
        weight_decay: How fast the parameters shrink. Default: ``0.0``.

    Raises:
        ValueError: If ``betas`` are not two numbers of at least 0 and less than 1.

    Example:
        >>> optimizer = optim.Lion(learning_rate=0.5)
        >>> optimizer.apply_gradients({"w": mx.array([7.0])}, {"w": mx.array([3.0])})
        {'w': array([2.5], dtype=float32)}
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        betas: Sequence[float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        check_betas(betas)
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.betas = betas
        self.weight_decay = weight_decay

    def init_single(self, parameter: mx.array, state: dict[str, mx.array]) -> None:
        """Begin with a mean of zero.

        Args:
            parameter: The parameter.
            state: The dictionary to put ``m`` into.
        """
        state["m"] = mx.zeros_like(parameter)

    def apply_single(
        self, gradient: mx.array, parameter: mx.array, state: dict[str, mx.array]
    ) -> mx.array:
        """Return one parameter after a step, and move its state on.

        Args:
            gradient: The gradient.
            parameter: The parameter.
            state: The parameter's state.
        """
        rate = self.learning_rate.astype(gradient.dtype)
        b1, b2 = self.betas
        m = state["m"]
        direction = mx.sign(b1 * m + (1 - b1) * gradient)
        state["m"] = b2 * m + (1 - b2) * gradient
        if self.weight_decay > 0:
            parameter = (1 - rate * self.weight_decay) * parameter
        return parameter - rate * direction


class Muon(Optimizer):
    r"""Steps that are a mean of gradients made orthogonal [1].

    The momentum of a matrix is replaced by about the nearest matrix whose singular values are
    equal, found by iterations after Newton and Schulz; that of more axes is taken as a matrix of
    its first axis by all others. It is meant for the weights inside a network. Embeddings, the
    last layer and biases want another one, such as :class:`AdamW`: see :class:`MultiOptimizer`.

    [1]: https://kellerjordan.github.io/posts/muon/

    Args:
        learning_rate: The learning rate, or a function of the step.
        momentum: How much of the mean stays at each step. Default: ``0.95``.
        weight_decay: What the parameters are multiplied by and added to the gradients. Default:
            ``0.01``.
        nesterov: Whether the step mixes the gradient into the mean once more. Default: ``True``.
        ns_steps: How many iterations there are. Default: ``5``.

    Raises:
        ValueError: If ``ns_steps`` is less than one.

    Example:
        >>> optimizer = optim.Muon(learning_rate=0.02)
        >>> optimizer.apply_gradients({"w": mx.eye(2)}, {"w": mx.eye(2)})["w"].shape
        (2, 2)
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
        nesterov: bool = True,
        ns_steps: int = 5,
    ) -> None:
        if ns_steps < 1:
            raise ValueError(f"ns_steps must be at least 1, but is {ns_steps}")
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.nesterov = nesterov
        self.ns_steps = ns_steps

    def init_single(self, parameter: mx.array, state: dict[str, mx.array]) -> None:
        """Begin with a mean of zero.

        Args:
            parameter: The parameter.
            state: The dictionary to put ``v`` into.
        """
        state["v"] = mx.zeros_like(parameter)

    def apply_single(
        self, gradient: mx.array, parameter: mx.array, state: dict[str, mx.array]
    ) -> mx.array:
        """Return one parameter after a step, and move its state on.

        Args:
            gradient: The gradient.
            parameter: The parameter.
            state: The parameter's state.
        """
        if self.weight_decay != 0:
            gradient = gradient + self.weight_decay * parameter
        state["v"] = v = self.momentum * state["v"] + (1 - self.momentum) * gradient
        step = gradient * (1 - self.momentum) + v * self.momentum if self.nesterov else v
        rate = self.learning_rate
        if step.ndim >= 2:
            matrix = mx.flatten(step, 1) if step.ndim > 2 else step
            rows, columns = matrix.shape
            step = _orthogonal(matrix, self.ns_steps).reshape(step.shape)
            rate = rate * max(1, rows / columns) ** 0.5
        return parameter - rate.astype(gradient.dtype) * step


def _orthogonal(matrix: mx.array, steps: int) -> mx.array:
    """Return about the nearest matrix whose singular values are 1.

    The singular values are made less than one and then go through an odd polynomial of degree 5
    a few times, which brings them between about 0.7 and 1.2.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (mx.linalg.norm(x, keepdims=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x
