from collections.abc import Mapping, Sequence
from typing import TypeAlias

from typing_extensions import disjoint_base

from mlx_sys_py._array import VectorArray, array
from mlx_sys_py._dtype import Dtype
from mlx_sys_py._typing import ArrayLike, StreamLike

_Template: TypeAlias = Sequence[tuple[str, int | bool | Dtype]]

MATH_MODES: dict[str, int]

@disjoint_base
class Kernel:
    name: str
    def __call__(
        self,
        *,
        inputs: Sequence[ArrayLike] | VectorArray,
        output_shapes: Sequence[Sequence[int]],
        output_dtypes: Sequence[Dtype],
        grid: tuple[int, int, int],
        threadgroup: tuple[int, int, int],
        template: _Template | None = None,
        init_value: float | None = None,
        verbose: bool = False,
        stream: StreamLike = None,
    ) -> list[array]: ...

@disjoint_base
class MetalKernel(Kernel):
    def __init__(
        self,
        name: str,
        input_names: Sequence[str],
        output_names: Sequence[str],
        source: str,
        header: str = "",
        ensure_row_contiguous: bool = True,
        atomic_outputs: bool = False,
        compile_options: Mapping[str, str] | None = None,
    ) -> None: ...

@disjoint_base
class CudaKernel(Kernel):
    def __init__(
        self,
        name: str,
        input_names: Sequence[str],
        output_names: Sequence[str],
        source: str,
        header: str = "",
        ensure_row_contiguous: bool = True,
        shared_memory: int = 0,
    ) -> None: ...

def precompiled_cuda_kernel(
    *,
    name: str,
    compiled_source: bytes,
    inputs: Sequence[ArrayLike] | VectorArray,
    output_shapes: Sequence[Sequence[int]],
    output_dtypes: Sequence[Dtype],
    scalars: Sequence[bool | int | float],
    grid: tuple[int, int, int],
    threadgroup: tuple[int, int, int],
    shared_memory: int = 0,
    init_value: float | None = None,
    ensure_row_contiguous: bool = False,
    stream: StreamLike = None,
) -> list[array]: ...
