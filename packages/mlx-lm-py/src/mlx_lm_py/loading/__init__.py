"""From files, folders and repositories to models and their tokenizers."""

from .default_model import default_model
from .load import load, load_config, load_folder, load_model

__all__ = ["default_model", "load", "load_config", "load_folder", "load_model"]


def __dir__() -> list[str]:
    return __all__
