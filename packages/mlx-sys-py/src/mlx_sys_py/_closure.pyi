from collections.abc import Callable, Sequence

from typing_extensions import disjoint_base

from mlx_sys_py._array import VectorArray, array

@disjoint_base
class Closure:
    def __init__(self, function: Callable[[list[array]], Sequence[array]]) -> None: ...
    def __call__(self, inputs: Sequence[array] | VectorArray) -> list[array]: ...
