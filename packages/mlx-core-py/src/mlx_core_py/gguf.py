"""GGUF files: what they say before their data, and their arrays in whichever form is wanted.

`mlx_core_py.load` gives the arrays of a file in MLX's forms; `load` here gives quantized ones as
they are in the file, or as numbers. `read_header` says what they are without reading
them, and gives the metadata as Python's own numbers, strings and lists. ``TENSOR_TYPES`` has all
types of tensors (`TensorType`) by their names. Official MLX has no such module.

It stands here, beside `mlx_core_py.io`, because it knows the format and nothing of what is in it:
that the metadata describe a language model, and which, concerns the packages above.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import os

from mlx_sys_py import array, cpu_kernels, show_as
from mlx_sys_py.gguf import TENSOR_TYPES, GGUFHeader, TensorInfo, TensorType, read_header
from mlx_sys_py.io import load_gguf as _load_gguf

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

__all__ = [
    "TENSOR_TYPES",
    "GGUFHeader",
    "TensorInfo",
    "TensorType",
    "load",
    "prefers_blocks",
    "read_header",
]

show_as(__name__, globals(), "mlx_sys_py")


def __dir__() -> list[str]:
    return __all__


def load(
    file: str | os.PathLike[str],
    /,
    form: Literal["affine", "packed", "blocks", "float32"] = "packed",
    *,
    mmap: bool = True,
) -> tuple[dict[str, array], dict[str, str | list[str] | array | None]]:
    """Load the arrays and the metadata of a GGUF file, quantized tensors in a form of choice.

    ============= ======================== =================================
    form          Q4_0, Q4_1, Q8_0         other quantized types
    ============= ======================== =================================
    ``"affine"``  MLX's affine weights     ``float32``, as `mlx_core_py.load` gives them
    ``"packed"``  MLX's affine weights     blocks
    ``"blocks"``  blocks                   blocks
    ``"float32"`` ``float32``              ``float32``
    ============= ======================== =================================

    MLX's affine weights are three arrays, ``name.weight``, ``name.scales`` and ``name.biases``, for
    `mlx_core_py.quantized_matmul` with ``group_size=32`` and 4 or 8 bits. Blocks are ``uint8``
    arrays whose rows are the bytes of the file, for `mlx_core_py.blocks_matmul` and
    `mlx_core_py.dequantize_blocks`; `read_header` tells their types. ``float32`` is, bit for bit,
    what the Python package ``gguf`` dequantizes.

    Args:
        file: The path. Of a model that is split into files (``-00001-of-00003.gguf``) all are
            loaded, by the name of any of them.
        form: As above. Default: ``"packed"``.
        mmap: Whether the arrays are to be the memory that the file is in, or made from it, where
            that can be. The file must not change meanwhile. Default: ``True``.

    Returns:
        The arrays by name, and the metadata by key. Values are read when they are needed.

    Raises:
        FileNotFoundError: If there is no such file, or one that the model is split into is missing.
        OSError: If the file cannot be read or is damaged.
        TypeError: If ``file`` is no path.
        ValueError: If ``form`` is another one.

    Example:
        >>> import os, tempfile
        >>> from mlx_core_py import gguf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.gguf")
        ...     mx.save_gguf(path, {"x": mx.array([1.0])})
        ...     arrays, metadata = gguf.load(path, "blocks", mmap=False)
        ...     arrays["x"]
        array([1], dtype=float32)
    """
    return _load_gguf(file, form, mmap)


def prefers_blocks() -> bool:
    """Tell whether the CPU multiplies Q4_0, Q4_1 and Q8_0 faster as blocks than as affine weights.

    It does where rows of x are rounded to eight bits for that: with AVX2, and no AVX-512, unless
    ``MLX_SYS_PY_CPU_ACTIVATIONS=16`` asks for exact products. Blocks have fewer bytes, too.

    Returns:
        Whether form ``"blocks"`` of `load` is the faster one.

    Example:
        >>> from mlx_core_py import gguf
        >>> form = "blocks" if gguf.prefers_blocks() else "packed"
    """
    return cpu_kernels.get_level() == "v3" and cpu_kernels.get_activation_bits() == 8
