from typing import Any, final

from mlx_sys_py._enums import DtypeCategory

@final
class Dtype:
    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...

bool_: Dtype
uint8: Dtype
uint16: Dtype
uint32: Dtype
uint64: Dtype
int8: Dtype
int16: Dtype
int32: Dtype
int64: Dtype
float16: Dtype
float32: Dtype
float64: Dtype
bfloat16: Dtype
complex64: Dtype

def issubdtype(arg1: Dtype | DtypeCategory, arg2: Dtype | DtypeCategory, /) -> bool: ...
def promote_types(a: Dtype, b: Dtype, /) -> Dtype: ...
def show_as(module: str, names: dict[str, Any], home: str) -> None: ...
