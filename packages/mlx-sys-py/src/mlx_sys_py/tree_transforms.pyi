from collections.abc import Callable
from typing import Any, TypeVar

from typing_extensions import disjoint_base

__all__ = ["Compiled", "ValueAndGrad", "Vectorized", "update_wrapper"]

_F = TypeVar("_F", bound=Callable[..., Any])

def update_wrapper(wrapper: _F, wrapped: Callable[..., Any]) -> _F: ...

@disjoint_base
class ValueAndGrad:
    def __init__(
        self,
        name: str,
        fun: Callable[..., Any],
        argnums: tuple[int, ...],
        argnames: tuple[str, ...],
    ) -> None: ...
    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]: ...

@disjoint_base
class Vectorized:
    def __init__(self, fun: Callable[..., Any], in_axes: Any, out_axes: Any) -> None: ...
    def __call__(self, args: tuple[Any, ...]) -> Any: ...

@disjoint_base
class Compiled:
    def __init__(
        self, fun: Callable[..., Any], inputs: Any, outputs: Any, shapeless: bool
    ) -> None: ...
    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...
