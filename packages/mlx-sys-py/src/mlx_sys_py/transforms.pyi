from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import TypeAlias

from mlx_sys_py._array import array
from mlx_sys_py._closure import Closure, ClosureValueAndGrad

__all__ = [
    "CompileMode",
    "async_eval",
    "checkpoint",
    "compile",
    "compile_clear_cache",
    "compile_erase",
    "custom_function",
    "custom_vjp",
    "detail_compile",
    "disable_compile",
    "enable_compile",
    "eval",
    "jvp",
    "record_steps",
    "set_compile_mode",
    "value_and_grad",
    "vjp",
    "vmap_replace",
    "vmap_trace",
]

_Function: TypeAlias = Callable[[list[array]], Sequence[array]]

def eval(arrays: Iterable[array], /) -> None: ...
def async_eval(arrays: Iterable[array], /) -> None: ...
def value_and_grad(fun: _Function, argnums: int | Sequence[int], /) -> ClosureValueAndGrad: ...
def vjp(
    fun: _Function, primals: Sequence[array], cotangents: Sequence[array], /
) -> tuple[list[array], list[array]]: ...
def jvp(
    fun: _Function, primals: Sequence[array], tangents: Sequence[array], /
) -> tuple[list[array], list[array]]: ...
def vmap_trace(
    fun: _Function, inputs: Sequence[array], in_axes: Sequence[int], /
) -> tuple[list[array], list[array]]: ...
def vmap_replace(
    inputs: Sequence[array],
    s_inputs: Sequence[array],
    s_outputs: Sequence[array],
    in_axes: Sequence[int],
    out_axes: Sequence[int],
    /,
) -> list[array]: ...
def checkpoint(fun: _Function, /) -> Closure: ...
def custom_vjp(
    fun: _Function,
    vjp: Callable[[list[array], list[array], list[array]], Sequence[array]],
    /,
) -> Closure: ...
def custom_function(
    fun: _Function,
    /,
    vjp: Callable[[list[array], list[array], list[array]], Sequence[array]] | None = None,
    jvp: Callable[[list[array], list[array], list[int]], Sequence[array]] | None = None,
    vmap: (Callable[[list[array], list[int]], tuple[Sequence[array], Sequence[int]]] | None) = None,
) -> Closure: ...
def compile(fun: _Function, shapeless: bool = False, /) -> Closure: ...
def detail_compile(
    fun: _Function, fun_id: int, shapeless: bool = False, constants: Sequence[int] = (), /
) -> Closure: ...
def compile_erase(fun_id: int, /) -> None: ...
def compile_clear_cache() -> None: ...

class CompileMode(IntEnum):
    disabled = 0
    no_simplify = 1
    no_fuse = 2
    enabled = 3

def record_steps(
    fun: Callable[[list[array], int], Sequence[array]],
    inputs: Sequence[array],
    length: Callable[[], int],
    /,
) -> Closure: ...
def set_compile_mode(mode: CompileMode, /) -> None: ...
def _primitives_with_checked_shapes() -> list[str]: ...
def disable_compile() -> None: ...
def enable_compile() -> None: ...
