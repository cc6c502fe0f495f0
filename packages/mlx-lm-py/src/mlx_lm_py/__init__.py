"""Run language models: loading, caches, sampling, generation, and a command line.

Its names are loaded when they are first asked for: the command line answers `--help` and a mistake
in an option without the arrays, the tokenizers and the templates.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    # The packages share one version.
    from mlx_core_py import __version__

    from . import cache, sample_utils
    from .embedding import embed, load_embedder
    from .generation import (
        GenerationResponse,
        batch_generate,
        generate,
        generate_step,
        stream_generate,
    )
    from .loading import load, load_model
    from .saving import convert

__all__ = [
    "GenerationResponse",
    "__version__",
    "batch_generate",
    "cache",
    "convert",
    "embed",
    "generate",
    "generate_step",
    "load",
    "load_embedder",
    "load_model",
    "sample_utils",
    "stream_generate",
]


def __dir__() -> list[str]:
    return __all__


_HOMES = {
    "GenerationResponse": "mlx_lm_py.generation",
    "__version__": "mlx_core_py",
    "batch_generate": "mlx_lm_py.generation",
    "convert": "mlx_lm_py.saving",
    "embed": "mlx_lm_py.embedding",
    "generate": "mlx_lm_py.generation",
    "generate_step": "mlx_lm_py.generation",
    "load": "mlx_lm_py.loading",
    "load_embedder": "mlx_lm_py.embedding",
    "load_model": "mlx_lm_py.loading",
    "stream_generate": "mlx_lm_py.generation",
}
_MODULES = {
    "cache",
    "embedding",
    "generation",
    "loading",
    "models",
    "sample_utils",
    "sampling",
    "saving",
}


class _Package(ModuleType):
    """A package whose functions outlive the import of its modules of the same names.

    To import a module, such as ``mlx_lm_py.generate``, makes it an attribute of its package.
    """

    def __getattr__(self, name: str) -> object:
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        value = getattr(importlib.import_module(_HOMES[name]), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
