"""Evaluation of lazy graphs.

Source: https://ml-explore.github.io/mlx/build/html/usage/lazy_evaluation.html
"""

from __future__ import annotations

from mlx_sys_py import array
from mlx_sys_py import transforms as sys_transforms

from mlx_core_py.trees import arrays_of

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["async_eval", "eval"]


def __dir__() -> list[str]:
    return __all__


def eval(*args: Any) -> None:
    """Compute arrays, and wait until they are there.

    Args:
        args: Arrays, or trees of them. Everything in a tree that is not an array is passed over.

    Raises:
        ValueError: If an array depends on the argument of a function being transformed.

    Example:
        >>> x = mx.add(1, 2)
        >>> mx.eval(x, {"double": [x + x]})
    """
    sys_transforms.eval(_leaves(args))


def async_eval(*args: Any) -> None:
    """Begin to compute arrays, and return at once.

    Args:
        args: Arrays, or trees of them. Everything in a tree that is not an array is passed over.

    Raises:
        ValueError: If an array depends on the argument of a function being transformed.

    Example:
        >>> x = mx.add(1, 2)
        >>> mx.async_eval(x)
        >>> x.item()
        3
    """
    sys_transforms.async_eval(_leaves(args))


def _leaves(args: tuple[Any, ...]) -> Sequence[array]:
    # To walk through a tree takes longer than to compute a small array.
    for arg in args:
        if type(arg) is not array:
            return arrays_of(args)
    return args
