"""Optimizers that scale each element of the gradient by what it was before.

Source: https://ml-explore.github.io/mlx/build/html/python/optimizers/common_optimizers.html
"""

from __future__ import annotations

from collections.abc import Sequence

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_numbers
from mlx_core_py.optimizers.base import Optimizer, Scheduled, check_betas

__all__ = ["AdaDelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "RMSprop"]


def __dir__() -> list[str]:
    return __all__


def _check_not_negative(**numbers: float) -> None:
    check_numbers(**numbers)
    for name, number in numbers.items():
        if not number >= 0:
            raise ValueError(f"{name} must be at least 0, but is {number}")


def _check_part(**numbers: float) -> None:
    check_numbers(**numbers)
    for name, number in numbers.items():
        if not 0 <= number <= 1:
            raise ValueError(f"{name} must be from 0 to 1, but is {number}")


class RMSprop(Optimizer):
    r"""Divide by the root of a moving mean of squares [1].

    .. math::

        v_t &= \alpha v_{t-1} + (1 - \alpha) g_t^2 \\
        w_t &= w_{t-1} - \lambda \frac{g_t}{\sqrt{v_t} + \epsilon}

    [1]: https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        alpha: How much of the mean stays at each step, :math:`\alpha`. Default: ``0.99``.
        eps: Added to the root, :math:`\epsilon`. Default: ``1e-8``.

    Raises:
        ValueError: If ``alpha`` is not from 0 to 1, or ``eps`` is negative.

    Example:
        >>> optimizer = optim.RMSprop(learning_rate=0.1, alpha=0.75)
        >>> optimizer.apply_gradients({"w": mx.array([1.0])}, {"w": mx.array([3.0])})["w"].round(3)
        array([2.8], dtype=float32)
    """

    def __init__(self, learning_rate: Scheduled, alpha: float = 0.99, eps: float = 1e-8) -> None:
        _check_part(alpha=alpha)
        _check_not_negative(eps=eps)
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.alpha = alpha
        self.eps = eps

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
        state["v"] = v = self.alpha * state["v"] + (1 - self.alpha) * mx.square(gradient)
        return parameter - rate * gradient / (mx.sqrt(v) + self.eps)


class Adagrad(Optimizer):
    r"""Divide by the root of the sum of all squares so far [1].

    .. math::

        v_t &= v_{t-1} + g_t^2 \\
        w_t &= w_{t-1} - \lambda \frac{g_t}{\sqrt{v_t} + \epsilon}

    [1]: https://jmlr.org/papers/v12/duchi11a.html

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        eps: Added to the root, :math:`\epsilon`. Default: ``1e-8``.

    Raises:
        ValueError: If ``eps`` is negative.

    Example:
        >>> optimizer = optim.Adagrad(learning_rate=0.1)
        >>> optimizer.apply_gradients({"w": mx.array([7.0])}, {"w": mx.array([3.0])})["w"].round(3)
        array([2.9], dtype=float32)
    """

    def __init__(self, learning_rate: Scheduled, eps: float = 1e-8) -> None:
        _check_not_negative(eps=eps)
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.eps = eps

    def init_single(self, parameter: mx.array, state: dict[str, mx.array]) -> None:
        """Begin with a sum of zero.

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
        state["v"] = v = state["v"] + mx.square(gradient)
        return parameter - rate * gradient / (mx.sqrt(v) + self.eps)


class AdaDelta(Optimizer):
    r"""Divide by the root of a mean of squares, and multiply by that of the steps so far [1].

    .. math::

        v_t &= \rho v_{t-1} + (1 - \rho) g_t^2 \\
        \Delta w_t &= \frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}} g_t \\
        u_t &= \rho u_{t-1} + (1 - \rho) \Delta w_t^2 \\
        w_t &= w_{t-1} - \lambda \Delta w_t

    [1]: https://arxiv.org/abs/1212.5701

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        rho: How much of the means stays at each step, :math:`\rho`. Default: ``0.9``.
        eps: Added to the means, :math:`\epsilon`. Default: ``1e-6``.

    Raises:
        ValueError: If ``rho`` is not from 0 to 1, or ``eps`` is negative.

    Example:
        >>> optimizer = optim.AdaDelta(learning_rate=1.0, rho=0.5, eps=1.0)
        >>> optimizer.apply_gradients({"w": mx.array([2.0])}, {"w": mx.array([3.0])})["w"].round(3)
        array([1.845], dtype=float32)
    """

    def __init__(self, learning_rate: Scheduled, rho: float = 0.9, eps: float = 1e-6) -> None:
        _check_part(rho=rho)
        _check_not_negative(eps=eps)
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.rho = rho
        self.eps = eps

    def init_single(self, parameter: mx.array, state: dict[str, mx.array]) -> None:
        """Begin with means of zero.

        Args:
            parameter: The parameter.
            state: The dictionary to put ``v`` and ``u`` into.
        """
        state["v"] = mx.zeros_like(parameter)
        state["u"] = mx.zeros_like(parameter)

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
        rho, eps, u = self.rho, self.eps, state["u"]
        state["v"] = v = rho * state["v"] + (1 - rho) * mx.square(gradient)
        step = mx.sqrt(u + eps) / mx.sqrt(v + eps) * gradient
        state["u"] = rho * u + (1 - rho) * mx.square(step)
        return parameter - rate * step


class Adam(Optimizer):
    r"""Divide a mean of gradients by the root of a mean of their squares [1].

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
        w_t &= w_{t-1} - \lambda \frac{m_t}{\sqrt{v_t} + \epsilon}

    [1]: https://arxiv.org/abs/1412.6980

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        betas: The two numbers :math:`\beta_1, \beta_2`. Default: ``(0.9, 0.999)``.
        eps: Added to the root, :math:`\epsilon`. Default: ``1e-8``.
        bias_correction: Whether to divide :math:`m_t` by :math:`1 - \beta_1^t` and :math:`v_t` by
            :math:`1 - \beta_2^t`, as the paper does: the means begin as zeros, and are too small
            at first. Default: ``False``.

    Raises:
        ValueError: If ``betas`` are not two numbers of at least 0 and less than 1, or ``eps`` is
            negative.

    Example:
        >>> optimizer = optim.Adam(learning_rate=0.1, bias_correction=True)
        >>> optimizer.apply_gradients({"w": mx.array([7.0])}, {"w": mx.array([3.0])})["w"].round(3)
        array([2.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        bias_correction: bool = False,
    ) -> None:
        check_betas(betas)
        _check_not_negative(eps=eps)
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.betas = betas
        self.eps = eps
        self.bias_correction = bias_correction

    def init_single(self, parameter: mx.array, state: dict[str, mx.array]) -> None:
        """Begin with means of zero.

        Args:
            parameter: The parameter.
            state: The dictionary to put ``m`` and ``v`` into.
        """
        state["m"] = mx.zeros_like(parameter)
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
        b1, b2 = self.betas
        state["m"] = m = b1 * state["m"] + (1 - b1) * gradient
        state["v"] = v = b2 * state["v"] + (1 - b2) * mx.square(gradient)
        if not self.bias_correction:
            return parameter - rate * m / (mx.sqrt(v) + self.eps)
        # Powers of betas near one, in float32: half precision would round them to one.
        step = self.step.astype(mx.float32)
        mean_scale = (self.learning_rate / (1 - mx.power(b1, step))).astype(gradient.dtype)
        root_scale = mx.rsqrt(1 - mx.power(b2, step)).astype(gradient.dtype)
        return parameter - mean_scale * m / (mx.sqrt(v) * root_scale + self.eps)


class AdamW(Adam):
    r""":class:`Adam`, with parameters that shrink at each step apart from the gradient [1].

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
        w_t &= w_{t-1} - \lambda \left(\frac{m_t}{\sqrt{v_t} + \epsilon}
               + \text{weight\_decay} \cdot w_{t-1}\right)

    [1]: https://arxiv.org/abs/1711.05101

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        betas: The two numbers :math:`\beta_1, \beta_2`. Default: ``(0.9, 0.999)``.
        eps: Added to the root, :math:`\epsilon`. Default: ``1e-8``.
        weight_decay: How fast the parameters shrink. Default: ``0.01``.
        bias_correction: As for :class:`Adam`. Default: ``False``.

    Raises:
        ValueError: If ``betas`` are not two numbers of at least 0 and less than 1, or ``eps`` is
            negative.

    Example:
        >>> optimizer = optim.AdamW(learning_rate=0.1, weight_decay=1.0, bias_correction=True)
        >>> optimizer.apply_gradients({"w": mx.array([7.0])}, {"w": mx.array([3.0])})["w"].round(3)
        array([2.6], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        bias_correction: bool = False,
    ) -> None:
        super().__init__(learning_rate, betas, eps, bias_correction)
        self.weight_decay = weight_decay

    def apply_single(
        self, gradient: mx.array, parameter: mx.array, state: dict[str, mx.array]
    ) -> mx.array:
        """Return one parameter after a step, and move its state on.

        Args:
            gradient: The gradient.
            parameter: The parameter.
            state: The parameter's state.
        """
        kept = (1 - self.learning_rate * self.weight_decay).astype(gradient.dtype)
        return super().apply_single(gradient, parameter * kept, state)


class Adamax(Adam):
    r""":class:`Adam` with the greatest gradient so far in place of the root of squares [1].

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t \\
        v_t &= \max(\beta_2 v_{t-1}, |g_t|) \\
        w_t &= w_{t-1} - \lambda \frac{m_t}{v_t + \epsilon}

    [1]: https://arxiv.org/abs/1412.6980

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        betas: The two numbers :math:`\beta_1, \beta_2`. Default: ``(0.9, 0.999)``.
        eps: Added to the greatest gradient, :math:`\epsilon`. Default: ``1e-8``.

    Raises:
        ValueError: If ``betas`` are not two numbers of at least 0 and less than 1, or ``eps`` is
            negative.

    Example:
        >>> optimizer = optim.Adamax(learning_rate=1.0)
        >>> optimizer.apply_gradients({"w": mx.array([7.0])}, {"w": mx.array([3.0])})["w"].round(3)
        array([2.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate, betas, eps)

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
        state["m"] = m = b1 * state["m"] + (1 - b1) * gradient
        state["v"] = v = mx.maximum(b2 * state["v"], mx.abs(gradient))
        return parameter - rate * m / (v + self.eps)


class Adafactor(Optimizer):
    """:class:`Adam` with the means of squares of matrices kept as their rows and columns [1].

    For a matrix of n rows and m columns the state has n + m numbers and not n times m. With
    ``relative_step`` the learning rate falls by itself with the root of the step; with
    ``scale_parameter`` it is relative to the size of each parameter.

    [1]: https://arxiv.org/abs/1804.04235

    Args:
        learning_rate: The learning rate, or a function of the step; ``None`` (default) with
            ``relative_step``.
        eps: The first number is added to squares of gradients, the second is the least size of a
            parameter that counts. Default: ``(1e-30, 1e-3)``.
        clip_threshold: The greatest root mean square that a step may have before the learning
            rate. Default: ``1.0``.
        decay_rate: The exponent of the step in what moves the means of squares. Default: ``-0.8``.
        beta_1: How much of a mean of steps stays at each step; ``None`` (default) keeps no mean.
        weight_decay: How fast the parameters shrink. Default: ``0.0``.
        scale_parameter: Whether to multiply by the root mean square of the parameter. Default:
            ``True``.
        relative_step: Whether to use the falling learning rate. Default: ``True``.
        warmup_init: Whether the falling learning rate begins small. Default: ``False``.

    Raises:
        ValueError: If there is neither a ``learning_rate`` nor ``relative_step``.

    Example:
        >>> optimizer = optim.Adafactor()
        >>> parameters = {"w": mx.ones((8, 4))}
        >>> parameters = optimizer.apply_gradients(parameters, parameters)
        >>> {name: x.shape for name, x in optimizer.state["w"].items()}
        {'exp_avg_sq_row': (8,), 'exp_avg_sq_col': (4,)}
    """

    def __init__(
        self,
        learning_rate: Scheduled | None = None,
        eps: tuple[float, float] = (1e-30, 1e-3),
        clip_threshold: float = 1.0,
        decay_rate: float = -0.8,
        beta_1: float | None = None,
        weight_decay: float = 0.0,
        scale_parameter: bool = True,
        relative_step: bool = True,
        warmup_init: bool = False,
    ) -> None:
        if learning_rate is None and not relative_step:
            raise ValueError("learning_rate must be given where relative_step is False")
        super().__init__()
        if learning_rate is not None:
            self._maybe_schedule("learning_rate", learning_rate)
        self.eps = eps
        self.clip_threshold = clip_threshold
        self.decay_rate = decay_rate
        self.beta_1 = beta_1
        self.weight_decay = weight_decay
        self.scale_parameter = scale_parameter
        self.relative_step = relative_step
        self.warmup_init = warmup_init

    def init_single(self, parameter: mx.array, state: dict[str, mx.array]) -> None:
        """Begin with means of zero.

        Args:
            parameter: The parameter.
            state: The dictionary to put the means into.
        """
        dtype, shape = parameter.dtype, parameter.shape
        if parameter.ndim >= 2:
            state["exp_avg_sq_row"] = mx.zeros(shape[:-1], dtype)
            state["exp_avg_sq_col"] = mx.zeros((*shape[:-2], shape[-1]), dtype)
        else:
            state["exp_avg_sq"] = mx.zeros_like(parameter)
        if self.beta_1 is not None:
            state["exp_avg"] = mx.zeros_like(parameter)

    def _rate(self, size: mx.array) -> mx.array:
        if self.relative_step:
            step = self.step.astype(mx.float32)
            least = 1e-6 * step if self.warmup_init else mx.array(1e-2)
            rate = mx.minimum(least, mx.rsqrt(step))
        else:
            rate = self.learning_rate
        return rate * mx.maximum(self.eps[1], size) if self.scale_parameter else rate

    def apply_single(
        self, gradient: mx.array, parameter: mx.array, state: dict[str, mx.array]
    ) -> mx.array:
        """Return one parameter after a step, and move its state on.

        Args:
            gradient: The gradient.
            parameter: The parameter.
            state: The parameter's state.
        """
        dtype = gradient.dtype
        rate = self._rate(_root_mean_square(parameter)).astype(dtype)
        beta = 1 - mx.power(self.step.astype(mx.float32), self.decay_rate)
        squares = mx.square(gradient.astype(mx.float32)) + self.eps[0]

        def moved(name: str, new: mx.array) -> mx.array:
            mean = beta * state[name].astype(mx.float32) + (1 - beta) * new
            state[name] = mean.astype(dtype)
            return mean

        if gradient.ndim >= 2:
            rows = moved("exp_avg_sq_row", mx.mean(squares, -1))
            columns = moved("exp_avg_sq_col", mx.mean(squares, -2))
            rows = mx.rsqrt(rows / mx.mean(rows, -1, keepdims=True))
            scale = rows[..., None] * mx.rsqrt(columns)[..., None, :]
        else:
            scale = mx.rsqrt(moved("exp_avg_sq", squares))
        step = scale * gradient
        step = step / mx.maximum(1.0, _root_mean_square(step) / self.clip_threshold)
        step = (rate * step).astype(dtype)
        if self.beta_1 is not None:
            state["exp_avg"] = step = self.beta_1 * state["exp_avg"] + (1 - self.beta_1) * step
        if self.weight_decay != 0:
            parameter = parameter - parameter * (self.weight_decay * rate)
        return parameter - step


def _root_mean_square(x: mx.array) -> mx.array:
    return mx.sqrt(mx.mean(mx.square(x.astype(mx.float32))))
