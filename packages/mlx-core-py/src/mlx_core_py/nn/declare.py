"""Modules declared by the annotations of a class, as data classes are."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Literal, TypeVar, dataclass_transform

from mlx_core_py.nn.layers.base import Module

__all__ = ["declare", "part"]


def __dir__() -> list[str]:
    return __all__


M = TypeVar("M", bound=Module)
T = TypeVar("T")

_BUILD = "mlx_core_py.nn.part"


def part(build: Callable[[Any], T], *, init: Literal[False] = False) -> T:
    """Say how a field of a declared module is made: a parameter, a module, or a list of modules.

    Args:
        build: Takes the module, which has the fields above this one, and returns the value.
        init: No field made this way is an argument of the constructor; it must be ``False``, and
            is here for type checkers. Default: ``False``.

    Returns:
        What :func:`declare` replaces by the value of ``build``; for type checkers, that value.

    Raises:
        TypeError: If ``build`` cannot be called.
        ValueError: If ``init`` is true.

    Example:
        >>> @nn.declare
        ... class Scale(nn.Module):
        ...     dims: int
        ...     weight: mx.array = nn.part(lambda self: mx.ones((self.dims,)))
        >>> Scale(2).weight
        array([1, 1], dtype=float32)
    """
    if not callable(build):
        raise TypeError(f"build must be a function of the module, not {type(build).__name__}")
    if init:
        raise ValueError("init must be False: a part is made by the module")
    field: Any = dataclasses.field(init=False, metadata={_BUILD: build})
    return field  # type: ignore[no-any-return]


@dataclass_transform(eq_default=False, field_specifiers=(part, dataclasses.field))
def declare(cls: type[M]) -> type[M]:
    """Make a module of a class whose annotated fields say what it has.

    A field is an argument of the constructor, in the order of the annotations and with its default;
    or it is a :func:`part`, made from those above it. Arrays and modules among them are parameters
    and submodules as ever: they are saved, trained and quantized by their names. ``repr`` shows the
    arguments. A method ``__post_init__`` is called at the end of the constructor.

    Args:
        cls: A subclass of :class:`Module` that defines no constructor.

    Returns:
        The class, with a constructor and a ``repr``.

    Raises:
        TypeError: If ``cls`` is no subclass of :class:`Module`, or has a constructor of its own.

    Example:
        >>> @nn.declare
        ... class Perceptron(nn.Module):
        ...     dims: int
        ...     hidden: int = 8
        ...     up: nn.Linear = nn.part(lambda self: nn.Linear(self.dims, self.hidden))
        ...     down: nn.Linear = nn.part(lambda self: nn.Linear(self.hidden, self.dims))
        ...     def __call__(self, x):
        ...         return self.down(nn.relu(self.up(x)))
        >>> Perceptron(4, hidden=16)
        Perceptron(dims=4, hidden=16
          (up): Linear(input_dims=4, output_dims=16, bias=True)
          (down): Linear(input_dims=16, output_dims=4, bias=True)
        )
    """
    given: object = cls
    if not (isinstance(given, type) and issubclass(given, Module)):
        raise TypeError(f"cls must be a subclass of Module, not {cls!r}")
    if "__init__" in vars(cls):
        raise TypeError(
            f"{cls.__name__} must define no __init__: its fields are the arguments; "
            "what is left to do goes into __post_init__"
        )
    _declare(cls)
    return cls


def _declare(made: Any) -> None:
    if "__post_init__" in vars(made):
        made._finish_declared = made.__post_init__
    # Data classes call it at the end of the constructor that they make.
    made.__post_init__ = _make_parts
    dataclasses.dataclass(eq=False, repr=False)(made)
    assign = made.__init__
    for field in _fields(made):
        # A module refuses an array or a list under the name of an attribute of its class.
        if field.name in vars(made):
            delattr(made, field.name)

    @functools.wraps(assign)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        Module.__init__(self)
        assign(self, *args, **kwargs)

    made.__init__ = __init__
    if "_extra_repr" not in vars(made):
        shown = [field.name for field in _fields(made) if field.init]

        def _extra_repr(self: Any) -> str:
            return ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)

        made._extra_repr = _extra_repr


def _fields(cls: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)


def _make_parts(self: Any) -> None:
    """Make the parts that are not there yet, and call what the class has to add."""
    for field in _fields(self):
        build = field.metadata.get(_BUILD)
        if build is not None and not hasattr(self, field.name):
            setattr(self, field.name, build(self))
    finish = getattr(type(self), "_finish_declared", None)
    if finish is not None:
        finish(self)
