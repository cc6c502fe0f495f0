"""What GGUF model files say of themselves before their data: metadata, and which tensors they hold.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from mlx_core_py.gguf import TENSOR_TYPES, GGUFHeader, read_header

from .safetensors import refuse_pointer

__all__ = ["read_gguf_header"]


def __dir__() -> list[str]:
    return __all__


def read_gguf_header(path: str | Path) -> GGUFHeader:
    """Read and check everything in a GGUF file but its data.

    Args:
        path: The file. Of a model that is split into files, any of them.

    Returns:
        Its metadata and what tensors it holds, as `mlx_core_py.gguf.read_header` gives it; the
        tensors of all files of a split model, and the metadata of the first one.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it cannot be opened.
        ValueError: If the file is not GGUF, is truncated or damaged, or holds tensors of a type
            that is not supported.
    """
    refuse_pointer(path)
    # What the system says of it is an OSError; what is in it, here as of all files of models, not.
    with Path(path).open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError(f"{path} is not a GGUF file")
    try:
        header = _joined(path)
    except FileNotFoundError:
        raise
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


def _joined(path: str | Path) -> GGUFHeader:
    header = read_header(path)
    count = header.metadata.get("split.count", 1)
    suffix = re.search(r"-\d{5}-of-\d{5}\.gguf$", str(path))
    # What is wrong with the names of files, `mlx_core_py.load` says.
    if not isinstance(count, int) or count <= 1 or suffix is None:
        return header
    stem = str(path)[: suffix.start()]
    parts = [read_header(f"{stem}-{i + 1:05}-of-{count:05}.gguf") for i in range(count)]
    tensors = {name: tensor for part in parts for name, tensor in part.tensors.items()}
    return replace(parts[0], tensors=tensors)
