from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from typing_extensions import disjoint_base

from mlx_sys_py._array import VectorArray, array
from mlx_sys_py._callback import Callback

_Arrays: TypeAlias = Sequence[array] | VectorArray

@disjoint_base
class Closure(Callback):
    def __init__(self, function: Callable[[list[array]], _Arrays]) -> None: ...
    def __call__(self, inputs: _Arrays) -> list[array]: ...

@disjoint_base
class ClosureKwargs(Callback):
    def __init__(self, function: Callable[[list[array], dict[str, array]], _Arrays]) -> None: ...
    def __call__(self, args: _Arrays, kwargs: Mapping[str, array]) -> list[array]: ...

@disjoint_base
class ClosureValueAndGrad(Callback):
    def __init__(self, function: Callable[[list[array]], tuple[_Arrays, _Arrays]]) -> None: ...
    def __call__(self, inputs: _Arrays) -> tuple[list[array], list[array]]: ...

@disjoint_base
class ClosureCustom(Callback):
    def __init__(
        self, function: Callable[[list[array], list[array], list[array]], _Arrays]
    ) -> None: ...
    def __call__(self, primals: _Arrays, cotangents: _Arrays, outputs: _Arrays) -> list[array]: ...

@disjoint_base
class ClosureCustomJvp(Callback):
    def __init__(
        self, function: Callable[[list[array], list[array], list[int]], _Arrays]
    ) -> None: ...
    def __call__(
        self, primals: _Arrays, tangents: _Arrays, argnums: Sequence[int]
    ) -> list[array]: ...

@disjoint_base
class ClosureCustomVmap(Callback):
    def __init__(
        self, function: Callable[[list[array], list[int]], tuple[_Arrays, Sequence[int]]]
    ) -> None: ...
    def __call__(self, inputs: _Arrays, axes: Sequence[int]) -> tuple[list[array], list[int]]: ...
