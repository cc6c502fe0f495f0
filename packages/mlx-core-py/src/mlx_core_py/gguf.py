"""What GGUF files say before their data: metadata, and which tensors they hold and where.

`mlx_core_py.load` gives the arrays of a file; `read_header` says what they are without reading
them, and gives the metadata as Python's own numbers, strings and lists. ``TENSOR_TYPES`` has all
types of tensors (`TensorType`) by their names, those that cannot be loaded included. Official MLX
has no such module.

It stands here, beside `mlx_core_py.io`, because it knows the format and nothing of what is in it:
that the metadata describe a language model, and which, concerns the packages above.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from mlx_sys_py import show_as
from mlx_sys_py.gguf import TENSOR_TYPES, GGUFHeader, TensorInfo, TensorType, read_header

__all__ = ["TENSOR_TYPES", "GGUFHeader", "TensorInfo", "TensorType", "read_header"]

show_as(__name__, globals(), "mlx_sys_py")


def __dir__() -> list[str]:
    return __all__
