"""The model in other blocks: llama.cpp makes them of the file of the package."""

from __future__ import annotations

import ctypes
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "bench"
TYPES = ("Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")


def requantized(path: Path, name: str) -> Path:
    """Write the weights of a GGUF file in other blocks, unless that has been done.

    What is lost in the blocks of the file is not won back: the file is for times alone.

    Args:
        path: The file.
        name: One of `TYPES`.

    Returns:
        The new file.

    Raises:
        RuntimeError: If llama.cpp cannot.
    """
    target = FOLDER / f"{path.stem}-{name}.gguf"
    if target.exists():
        return target

    import llama_cpp

    FOLDER.mkdir(parents=True, exist_ok=True)
    written = target.with_suffix(".part")
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{name}")
    parameters.allow_requantize = True
    if llama_cpp.llama_model_quantize(
        str(path).encode(), str(written).encode(), ctypes.byref(parameters)
    ):
        raise RuntimeError(f"llama.cpp does not write {path} as {name}")
    return written.replace(target)
