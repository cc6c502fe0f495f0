"""Loss functions.

Every one ends with a ``reduction``: ``"none"``, ``"mean"`` or ``"sum"``. The sum of no losses is 0,
and their mean NaN. What should be an array or a number and is not is a ``TypeError``. Where all
inputs are integers, differences are computed in ``float32``: those of small integers would wrap
around. Source:
https://ml-explore.github.io/mlx/build/html/python/nn/losses.html
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Literal

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_arrays, check_numbers
from mlx_core_py.nn.layers.activations import softplus

__all__ = [
    "binary_cross_entropy",
    "cosine_similarity_loss",
    "cross_entropy",
    "gaussian_nll_loss",
    "hinge_loss",
    "huber_loss",
    "kl_div_loss",
    "l1_loss",
    "log_cosh_loss",
    "margin_ranking_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
    "triplet_loss",
]


def __dir__() -> list[str]:
    return __all__


Reduction = Literal["none", "mean", "sum"]


def cross_entropy(
    logits: mx.array,
    targets: mx.array,
    weights: mx.array | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Return how improbable the targets are under the softmax of the logits.

    Args:
        logits: Scores of the classes along ``axis``, before softmax.
        targets: The right class of each, as integers of the shape of ``logits`` without
            ``axis``, negative ones counting from the last class, or the probabilities of the
            classes, of the shape of ``logits``.
        weights: Factors of the losses, of the shape of the losses. Default: none.
        axis: The axis of the classes. Default: the last.
        label_smoothing: The part of the probability that is spread evenly over all classes, at
            least 0 and less than 1. Default: ``0.0``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"none"``.

    Returns:
        The losses, of the shape of ``logits`` without ``axis``, or their mean or sum.

    Raises:
        TypeError: If ``targets`` have the shape of classes and are no integers.
        ValueError: If ``logits`` have no class, or ``targets``, ``weights``,
            ``label_smoothing`` or ``reduction`` do not fit.
        IndexError: When it is computed, if there is no such class as one of ``targets``.

    Example:
        >>> logits = mx.array([[2.0, -1.0], [-1.0, 2.0]])
        >>> nn.losses.cross_entropy(logits, mx.array([0, 1])).round(4)
        array([0.0486, 0.0486], dtype=float32)
    """
    check_numbers(label_smoothing=label_smoothing)
    if not 0 <= label_smoothing < 1:
        raise ValueError(
            f"label_smoothing must be at least 0 and less than 1, but is {label_smoothing}"
        )
    check_arrays(logits=logits, targets=targets)
    losses_shape = _without_axis(logits.shape, axis, "logits")
    if logits.shape[axis] == 0:
        raise ValueError(f"logits must have at least one class, but has the shape {logits.shape}")
    classes = targets.shape == losses_shape
    if classes:
        _check_classes(targets)
        # In one step, which computes in single precision.
        single = logits.dtype in (mx.float32, mx.float16, mx.bfloat16) and targets.dtype != mx.bool_
        if single and axis in (-1, logits.ndim - 1) and not label_smoothing:
            losses = mx.fast.cross_entropy(logits, targets).astype(logits.dtype)
            return _reduce(_weighted(losses, weights), reduction)
    if logits.dtype not in (mx.float16, mx.bfloat16):
        # Near 0, where the logarithm of the sum is not lost beside the largest. The difference of
        # numbers of half precision would be rounded.
        logits = logits - mx.stop_gradient(mx.max(logits, axis=axis, keepdims=True))
    if classes:
        score = mx.take_along_axis(logits, mx.expand_dims(targets, axis), axis).squeeze(axis)
    elif targets.shape == logits.shape:
        score = mx.sum(logits * targets, axis=axis)
    else:
        raise ValueError(
            f"targets must have the shape {losses_shape} (classes) or {logits.shape} "
            f"(probabilities), but has {targets.shape}"
        )
    if label_smoothing:
        score = (1 - label_smoothing) * score + label_smoothing * mx.mean(logits, axis=axis)
    losses = mx.logsumexp(logits, axis=axis) - score
    return _reduce(_weighted(losses, weights), reduction)


def binary_cross_entropy(
    inputs: mx.array,
    targets: mx.array,
    weights: mx.array | None = None,
    with_logits: bool = True,
    reduction: Reduction = "mean",
) -> mx.array:
    r"""Return how improbable the targets are, each being true or false.

    Args:
        inputs: Scores before the sigmoid, or probabilities if not ``with_logits``.
        targets: The truth of each, 0 or 1 or between them, of the shape of ``inputs``.
        weights: Factors of the losses, of the shape of ``inputs``. Default: none.
        with_logits: Whether ``inputs`` are scores, which is more precise. If not, logarithms
            of probabilities count as at least -100. Default: ``True``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"mean"``.

    Returns:
        The losses, of the shape of ``inputs``, or their mean or sum.

    Raises:
        ValueError: If a shape or ``reduction`` does not fit.

    Example:
        >>> nn.losses.binary_cross_entropy(mx.array([0.0, 9.0]), mx.array([0, 1])).round(3)
        array(0.347, dtype=float32)
    """
    _check_same_shape(inputs=inputs, targets=targets)
    if with_logits:
        losses = softplus(inputs) - inputs * targets
    else:
        log_true = _least(mx.log, inputs, 0)
        log_false = _least(lambda x: mx.log1p(-x), inputs, 1)
        losses = -(targets * log_true + (1 - targets) * log_false)
    return _reduce(_weighted(losses, weights), reduction)


def l1_loss(
    predictions: mx.array,
    targets: mx.array,
    reduction: Reduction = "mean",
) -> mx.array:
    r"""Return the absolute differences :math:`|x - y|`.

    Args:
        predictions: The predicted values.
        targets: The right values, of the same shape.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"mean"``.

    Returns:
        The losses, of the shape of ``predictions``, or their mean or sum.

    Raises:
        ValueError: If a shape or ``reduction`` does not fit.

    Example:
        >>> nn.losses.l1_loss(mx.array([1.0, 3.0]), mx.array([0.0, 0.0]))
        array(2, dtype=float32)
    """
    predictions, targets = _operands(predictions=predictions, targets=targets)
    return _reduce(mx.abs(predictions - targets), reduction)


def mse_loss(
    predictions: mx.array,
    targets: mx.array,
    reduction: Reduction = "mean",
) -> mx.array:
    r"""Return the squared differences :math:`(x - y)^2`.

    Args:
        predictions: The predicted values.
        targets: The right values, of the same shape.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"mean"``.

    Returns:
        The losses, of the shape of ``predictions``, or their mean or sum.

    Raises:
        ValueError: If a shape or ``reduction`` does not fit.

    Example:
        >>> nn.losses.mse_loss(mx.array([1.0, 3.0]), mx.array([0.0, 0.0]))
        array(5, dtype=float32)
    """
    predictions, targets = _operands(predictions=predictions, targets=targets)
    return _reduce(mx.square(predictions - targets), reduction)


def smooth_l1_loss(
    predictions: mx.array,
    targets: mx.array,
    beta: float = 1.0,
    reduction: Reduction = "mean",
) -> mx.array:
    r"""Return absolute differences, made smooth at 0.

    They are :math:`(x - y)^2 / (2 \beta)` where :math:`|x - y| < \beta`, and
    :math:`|x - y| - \beta / 2` elsewhere.

    Args:
        predictions: The predicted values.
        targets: The right values, of the same shape.
        beta: Where one formula meets the other, at least 0, which leaves the absolute differences.
            Default: ``1.0``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"mean"``.

    Returns:
        The losses, of the shape of ``predictions``, or their mean or sum.

    Raises:
        ValueError: If a shape, ``beta`` or ``reduction`` does not fit.

    Example:
        >>> nn.losses.smooth_l1_loss(mx.array([1.0, 3.0]), mx.array([0.0, 0.0]))
        array(1.5, dtype=float32)
    """
    predictions, targets = _operands(predictions=predictions, targets=targets)
    check_numbers(beta=beta)
    if not beta >= 0:
        raise ValueError(f"beta must be at least 0, but is {beta}")
    difference = mx.abs(predictions - targets)
    if beta == 0:
        return _reduce(difference, reduction)
    losses = mx.where(
        difference < beta, mx.square(difference) * (0.5 / beta), difference - 0.5 * beta
    )
    return _reduce(losses, reduction)


def huber_loss(
    inputs: mx.array,
    targets: mx.array,
    delta: float = 1.0,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Return squared differences up to a bound, absolute ones beyond it.

    They are :math:`(x - y)^2 / 2` where :math:`|x - y| \le \delta`, and
    :math:`\delta (|x - y| - \delta / 2)` elsewhere.

    Args:
        inputs: The predicted values.
        targets: The right values, of the same shape.
        delta: The bound, greater than 0. Default: ``1.0``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"none"``.

    Returns:
        The losses, of the shape of ``inputs``, or their mean or sum.

    Raises:
        ValueError: If a shape, ``delta`` or ``reduction`` does not fit.

    Example:
        >>> nn.losses.huber_loss(mx.array([1.0, 3.0]), mx.array([0.0, 0.0]))
        array([0.5, 2.5], dtype=float32)
    """
    inputs, targets = _operands(inputs=inputs, targets=targets)
    check_numbers(delta=delta)
    if not delta > 0:
        raise ValueError(f"delta must be greater than 0, but is {delta}")
    difference = mx.abs(inputs - targets)
    losses = mx.where(
        difference <= delta, 0.5 * mx.square(difference), delta * (difference - 0.5 * delta)
    )
    return _reduce(losses, reduction)


def log_cosh_loss(
    inputs: mx.array,
    targets: mx.array,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Return :math:`\log(\cosh(x - y))`.

    Args:
        inputs: The predicted values.
        targets: The right values, of the same shape.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"none"``.

    Returns:
        The losses, of the shape of ``inputs``, or their mean or sum.

    Raises:
        ValueError: If a shape or ``reduction`` does not fit.

    Example:
        >>> nn.losses.log_cosh_loss(mx.array([0.0, 100.0]), mx.array([0.0, 0.0])).round(2)
        array([0, 99.31], dtype=float32)
    """
    inputs, targets = _operands(inputs=inputs, targets=targets)
    difference = inputs - targets
    return _reduce(mx.logaddexp(difference, -difference) - math.log(2), reduction)


def hinge_loss(
    inputs: mx.array,
    targets: mx.array,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Return :math:`\max(0, 1 - x y)`.

    Args:
        inputs: The predicted values.
        targets: The right signs, -1 or 1, of the same shape.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"none"``.

    Returns:
        The losses, of the shape of ``inputs``, or their mean or sum.

    Raises:
        ValueError: If a shape or ``reduction`` does not fit.

    Example:
        >>> nn.losses.hinge_loss(mx.array([2.0, 2.0]), mx.array([1, -1]))
        array([0, 3], dtype=float32)
    """
    inputs, targets = _operands(inputs=inputs, targets=targets)
    return _reduce(mx.maximum(1 - inputs * targets, 0), reduction)


def nll_loss(
    inputs: mx.array,
    targets: mx.array,
    axis: int = -1,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Return the negative logarithms of the probabilities of the targets.

    Args:
        inputs: Logarithms of the probabilities of the classes along ``axis``.
        targets: The right class of each, as integers of the shape of ``inputs`` without
            ``axis``, negative ones counting from the last class.
        axis: The axis of the classes. Default: the last.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"none"``.

    Returns:
        The losses, of the shape of ``targets``, or their mean or sum.

    Raises:
        TypeError: If ``targets`` are no integers.
        ValueError: If a shape, ``axis`` or ``reduction`` does not fit.
        IndexError: When it is computed, if there is no such class as one of ``targets``.

    Example:
        >>> nn.losses.nll_loss(mx.array([[-1.0, -2.0]]), mx.array([1]))
        array([2], dtype=float32)
    """
    check_arrays(inputs=inputs, targets=targets)
    expected = _without_axis(inputs.shape, axis, "inputs")
    if targets.shape != expected:
        raise ValueError(f"targets must have the shape {expected}, but has {targets.shape}")
    _check_classes(targets)
    picked = mx.take_along_axis(inputs, mx.expand_dims(targets, axis), axis).squeeze(axis)
    return _reduce(-picked, reduction)


def kl_div_loss(
    inputs: mx.array,
    targets: mx.array,
    axis: int = -1,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Return the divergence of one distribution from another.

    It is :math:`\sum e^y (y - x)`, the sum being over the classes.

    Args:
        inputs: Logarithms of the predicted probabilities of the classes along ``axis``.
        targets: Logarithms of the right probabilities, of the same shape.
        axis: The axis of the classes. Default: the last.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"none"``.

    Returns:
        The losses, of the shape of ``inputs`` without ``axis``, or their mean or sum.

    Raises:
        ValueError: If a shape or ``reduction`` does not fit.

    Example:
        >>> p = mx.log(mx.array([[0.5, 0.5]]))
        >>> nn.losses.kl_div_loss(p, p)
        array([0], dtype=float32)
    """
    _check_same_shape(inputs=inputs, targets=targets)
    _without_axis(inputs.shape, axis, "inputs")
    return _reduce(mx.sum(mx.exp(targets) * (targets - inputs), axis=axis), reduction)


def gaussian_nll_loss(
    inputs: mx.array,
    targets: mx.array,
    vars: mx.array,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> mx.array:
    r"""Return the negative logarithms of the normal densities of the targets.

    They are :math:`(\log v + (x - y)^2 / v) / 2` with :math:`v = \max(\text{vars}, \epsilon)`.

    Args:
        inputs: The predicted means.
        targets: The right values, of the same shape.
        vars: The predicted variances, of the same shape.
        full: Whether to add the constant :math:`\log(2 \pi) / 2`. Default: ``False``.
        eps: The least variance, at least 0. Default: ``1e-6``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"mean"``.

    Returns:
        The losses, of the shape of ``inputs``, or their mean or sum.

    Raises:
        ValueError: If a shape, ``eps`` or ``reduction`` does not fit.

    Example:
        >>> nn.losses.gaussian_nll_loss(mx.array([1.0]), mx.array([3.0]), mx.array([1.0]))
        array(2, dtype=float32)
    """
    inputs, targets, vars = _operands(inputs=inputs, targets=targets, vars=vars)
    check_numbers(eps=eps)
    if not eps >= 0:
        raise ValueError(f"eps must be at least 0, but is {eps}")
    variance = mx.maximum(vars, eps)
    losses = 0.5 * (mx.log(variance) + mx.square(targets - inputs) / variance)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return _reduce(losses, reduction)


def cosine_similarity_loss(
    x1: mx.array,
    x2: mx.array,
    axis: int = 1,
    eps: float = 1e-8,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Return the cosines of the angles between vectors.

    They are :math:`x_1 \cdot x_2 / \max(\|x_1\| \|x_2\|, \epsilon)`: 1 for the same direction.

    Args:
        x1: Vectors along ``axis``.
        x2: Vectors along ``axis``, of the same shape.
        axis: The axis of the vectors. Default: ``1``.
        eps: The least divisor. Default: ``1e-8``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"none"``.

    Returns:
        The cosines, of the shape of ``x1`` without ``axis``, or their mean or sum.

    Raises:
        ValueError: If a shape or ``reduction`` does not fit.

    Example:
        >>> nn.losses.cosine_similarity_loss(mx.array([[1.0, 0.0]]), mx.array([[0.0, 2.0]]))
        array([0], dtype=float32)
    """
    x1, x2 = _operands(x1=x1, x2=x2)
    _without_axis(x1.shape, axis, "x1")
    check_numbers(eps=eps)
    (x1, x2), dtype = _wide(x1, x2)
    lengths = mx.linalg.norm(x1, axis=axis) * mx.linalg.norm(x2, axis=axis)
    cosines = mx.sum(x1 * x2, axis=axis) / mx.maximum(lengths, eps)
    return _reduce(cosines.astype(dtype), reduction)


def margin_ranking_loss(
    inputs1: mx.array,
    inputs2: mx.array,
    targets: mx.array,
    margin: float = 0.0,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Return :math:`\max(0, -y (x_1 - x_2) + \text{margin})`.

    Args:
        inputs1: Scores of the first ones.
        inputs2: Scores of the second ones, of the same shape.
        targets: 1 where the first should score higher, -1 where the second should.
        margin: By how much it should score higher. Default: ``0.0``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"none"``.

    Returns:
        The losses, of the shape of ``inputs1``, or their mean or sum.

    Raises:
        ValueError: If a shape or ``reduction`` does not fit.

    Example:
        >>> x1, x2 = mx.array([1.0, 1.0]), mx.array([3.0, 3.0])
        >>> nn.losses.margin_ranking_loss(x1, x2, mx.array([1, -1]))
        array([2, 0], dtype=float32)
    """
    inputs1, inputs2, targets = _operands(inputs1=inputs1, inputs2=inputs2, targets=targets)
    check_numbers(margin=margin)
    return _reduce(mx.maximum(margin - targets * (inputs1 - inputs2), 0), reduction)


def triplet_loss(
    anchors: mx.array,
    positives: mx.array,
    negatives: mx.array,
    axis: int = -1,
    p: int = 2,
    margin: float = 1.0,
    eps: float = 1e-6,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Return how much closer anchors are to what differs than to what is alike.

    It is :math:`\max(\|a - b\|_p - \|a - c\|_p + \text{margin}, 0)`.

    Args:
        anchors: Vectors along ``axis``.
        positives: Vectors alike, of the same shape.
        negatives: Vectors that differ, of the same shape.
        axis: The axis of the vectors. Default: the last.
        p: The degree of the norm, greater than 0. Default: ``2``.
        margin: By how much the ones should be closer than the others. Default: ``1.0``.
        eps: Added to the sum of powers before its root is taken. Default: ``1e-6``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``. Default: ``"none"``.

    Returns:
        The losses, of the shape of ``anchors`` without ``axis``, or their mean or sum.

    Raises:
        ValueError: If a shape, ``axis``, ``p`` or ``reduction`` does not fit.

    Example:
        >>> a, b, c = mx.array([0.0]), mx.array([3.0]), mx.array([2.0])
        >>> nn.losses.triplet_loss(a, b, c).round(3)
        array(2, dtype=float32)
    """
    operands = _operands(anchors=anchors, positives=positives, negatives=negatives)
    _without_axis(anchors.shape, axis, "anchors")
    check_numbers(p=p, margin=margin, eps=eps)
    if not p > 0:
        raise ValueError(f"p must be greater than 0, but is {p}")
    (anchors, positives, negatives), dtype = _wide(*operands)

    def distance(x: mx.array) -> mx.array:
        return mx.power(mx.sum(mx.power(mx.abs(anchors - x), p), axis=axis) + eps, 1 / p)

    losses = mx.maximum(distance(positives) - distance(negatives) + margin, 0)
    return _reduce(losses.astype(dtype), reduction)


def _reduce(losses: mx.array, reduction: str) -> mx.array:
    if reduction == "mean":
        return mx.mean(losses)
    if reduction == "sum":
        return mx.sum(losses)
    if reduction == "none":
        return losses
    raise ValueError(f"reduction must be 'none', 'mean' or 'sum', but is {reduction!r}")


def _weighted(losses: mx.array, weights: mx.array | None) -> mx.array:
    if weights is None:
        return losses
    check_arrays(weights=weights)
    if weights.shape != losses.shape:
        raise ValueError(
            f"weights must have the shape {losses.shape} of the losses, but has {weights.shape}"
        )
    return losses * weights


def _least(logarithm: Callable[[mx.array], mx.array], x: mx.array, certain: int) -> mx.array:
    """Return a logarithm, at least -100, with a gradient of 0 where ``x`` is ``certain``.

    There it is minus infinity, whose gradient is infinite, and times one of 0 NaN.
    """
    is_certain = x == certain
    logs = mx.maximum(logarithm(mx.where(is_certain, 0.5, x)), -100)
    return mx.where(is_certain, -100, logs)


def _wide(*arrays: mx.array) -> tuple[tuple[mx.array, ...], mx.Dtype]:
    """Return arrays in a type that sums of their squares fit into, and the type that they have."""
    dtype = functools.reduce(mx.result_type, arrays[1:], arrays[0].dtype)
    if dtype in (mx.float16, mx.bfloat16):
        return tuple(array.astype(mx.float32) for array in arrays), dtype
    return arrays, dtype


def _operands(**arrays: mx.array) -> tuple[mx.array, ...]:
    """Return arrays of one shape, of floats if all are of integers."""
    _check_same_shape(**arrays)
    if any(mx.issubdtype(array.dtype, mx.inexact) for array in arrays.values()):
        return tuple(arrays.values())
    return tuple(array.astype(mx.float32) for array in arrays.values())


def _check_classes(targets: mx.array) -> None:
    if mx.issubdtype(targets.dtype, mx.inexact):
        raise TypeError(f"targets must be integers, if classes, but are {targets.dtype}")


def _check_same_shape(**arrays: mx.array) -> None:
    check_arrays(**arrays)
    (first, expected), *others = arrays.items()
    for name, other in others:
        if other.shape != expected.shape:
            raise ValueError(
                f"{name} must have the shape {expected.shape} of {first}, but has {other.shape}"
            )


def _without_axis(shape: tuple[int, ...], axis: int, name: str) -> tuple[int, ...]:
    try:
        axis = operator.index(axis)
    except TypeError:
        raise TypeError(f"axis must be an integer, not {type(axis).__name__}") from None
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"axis {axis} is out of range for {name} with the shape {shape}")
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]
