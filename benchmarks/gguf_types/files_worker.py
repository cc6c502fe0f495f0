"""Makes the files, and tells what is in them: a process of `cpu.worker`."""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx_core_py as mx
from cpu.worker import serve
from mlx_core_py.gguf import read_header
from mlx_lm_py.commands.common.scoring import pieces_of, sample_text
from mlx_lm_py.loading.default_model import default_model
from mlx_lm_py.saving.convert import convert
from mlx_lm_utils_py import Tokenizer, read_gguf_header

from . import random_model
from .models import MODELS, TYPES


def make(model: str, type: str, folder: str) -> dict[str, Any]:
    """Make a file, or find the one that there is.

    Returns:
        The attributes of `speed.File`.
    """
    path = Path(folder, f"{model}-{type}.gguf")
    if not path.exists():
        source = Path(folder, f"{model}-{MODELS[model].source}.gguf")
        if not source.exists():
            _write_source(model, source)
        if path != source:
            _quantize(source, path, TYPES[type])
    tensors = read_header(path).tensors
    # Of a table that is no output layer, a token reads one row.
    left_out = "token_embd.weight" if "output.weight" in tensors else ""
    read = [tensor for name, tensor in tensors.items() if name != left_out]
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "weights": sum(math.prod(tensor.shape) for tensor in read),
        "token_bytes": sum(tensor.nbytes for tensor in read),
    }


def _write_source(model: str, path: Path) -> None:
    if model == "1b":
        random_model.write(path)
    else:
        convert(default_model(), path, gguf=MODELS[model].source)


def _quantize(source: Path, path: Path, kind: int) -> None:
    import llama_cpp

    log = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(log, None)
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = kind
    parameters.nthread = int(os.environ["OMP_NUM_THREADS"])
    # What is not whole has another name.
    partial = path.with_suffix(".partial")
    if llama_cpp.llama_model_quantize(
        str(source).encode(), str(partial).encode(), ctypes.byref(parameters)
    ):
        raise RuntimeError(f"llama.cpp has not made {path.name}")
    partial.rename(path)


def pieces(length: int, count: int) -> list[list[int]]:
    """A text in tokens of SmolLM2."""
    tokenizer = Tokenizer.from_gguf(read_gguf_header(default_model()).metadata)
    return pieces_of(sample_text(), tokenizer, length, count)


def main() -> None:
    """Answer requests."""
    mx.set_default_device(mx.cpu)
    tasks: dict[str, Callable[..., Any]] = {"make": make, "pieces": pieces}

    def answer(task: str, **request: Any) -> Any:
        return tasks[task](**request)

    serve(answer)


if __name__ == "__main__":
    main()
