"""What GGUF model files say of themselves before their data: metadata, and which tensors they hold.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from pathlib import Path

from mlx_core_py.gguf import TENSOR_TYPES, GGUFHeader, read_header

__all__ = ["read_gguf_header"]


def __dir__() -> list[str]:
    return __all__


def read_gguf_header(path: str | Path) -> GGUFHeader:
    """Read and check everything in a GGUF file but its data.

    Args:
        path: The file.

    Returns:
        Its metadata and what tensors it holds, as `mlx_core_py.gguf.read_header` gives it.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it cannot be opened.
        ValueError: If the file is not GGUF, is truncated or damaged, or holds tensors of a type
            that is not supported.
    """
    # What the system says of it is an OSError; what is in it, here as of all files of models, not.
    with Path(path).open("rb"):
        pass
    try:
        header = read_header(path)
    except OSError as error:
        raise ValueError(str(error)) from None
    for name, tensor in header.tensors.items():
        if not TENSOR_TYPES[tensor.ggml_type].loadable:
            supported = ", ".join(kind.name for kind in TENSOR_TYPES.values() if kind.loadable)
            raise ValueError(
                f"{path}: tensor '{name}' is of GGML type {tensor.ggml_type}, which is not "
                f"supported; supported: {supported}"
            )
    return header
