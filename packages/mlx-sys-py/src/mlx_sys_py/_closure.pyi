from collections.abc import Callable, Sequence

from mlx_sys_py._array import VectorArray, array

class Closure:
    def __init__(self, function: Callable[[list[array]], Sequence[array]]) -> None: ...
    def __call__(self, inputs: Sequence[array] | VectorArray) -> list[array]: ...
