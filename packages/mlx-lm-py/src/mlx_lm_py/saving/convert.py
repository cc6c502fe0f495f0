"""From a checkpoint to another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_core_py.trees import tree_map_with_path
from mlx_lm_utils_py import get_model_path

from mlx_lm_py.loading import load
from mlx_lm_py.loading.precision import keeps_float32
from mlx_lm_py.models.registry import ALIASES
from mlx_lm_py.models.towers import text_config

from .files import Progress, new_folder, save
from .gguf import save_gguf
from .quantize import dequantize_model, mixed_quant_predicate_builder, quantize_model

__all__ = ["MODEL_CONVERSION_DTYPES", "convert"]


def __dir__() -> list[str]:
    return __all__


MODEL_CONVERSION_DTYPES = ["float16", "bfloat16", "float32"]
"""The names of types that models are converted to."""


def convert(
    hf_path: str | Path,
    mlx_path: str | Path = "mlx_model",
    quantize: bool = False,
    q_group_size: int | None = None,
    q_bits: int | None = None,
    q_mode: str = "affine",
    dtype: str | None = None,
    upload_repo: None = None,
    revision: str | None = None,
    dequantize: bool = False,
    quant_predicate: Callable[[str, nn.Module], bool | dict[str, Any]] | str | None = None,
    trust_remote_code: bool = False,
    *,
    gguf: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Convert a model to a folder of safetensors or a GGUF file, and quantize it or undo that.

    What is written appears when all is in it, or not at all. A folder is what mlx-lm reads, and
    where nothing is quantized `transformers` too.

    Args:
        hf_path: What `load` takes: a folder, a GGUF file, a repository on the hub.
        mlx_path: The folder to write, or the GGUF file, which must not exist. Default:
            ``"mlx_model"``.
        quantize: Whether to quantize it. What is quantized already stays as it is. Default:
            ``False``.
        q_group_size: How many weights share a scale. Default: ``None``, 64, or the mode's.
        q_bits: How many bits a weight takes. Default: ``None``, 4, or the mode's.
        q_mode: ``"affine"``, ``"mxfp4"``, ``"mxfp8"`` or ``"nvfp4"``. Default: ``"affine"``.
        dtype: The type of what is not quantized: ``"float16"``, ``"bfloat16"`` or ``"float32"``.
            Default: ``None``, what the configuration says, else that of the weights.
        upload_repo: Must be ``None``: what is written can be uploaded by ``hf upload``.
        revision: Branch, tag or commit of a repository. Default: ``None``, its main branch.
        dequantize: Whether to make quantized weights floating ones. Default: ``False``.
        quant_predicate: Which layers to quantize, and how: a function as for `quantize_model`, or
            the name of a recipe of ``QUANT_RECIPES``. Default: ``None``, all but routers.
        trust_remote_code: Nothing of a checkpoint is ever run, so this makes no difference.
        gguf: Write a GGUF file whose matrices are of this type, one of ``GGUF_KINDS``. Default:
            ``None``, a folder.
        progress: Is told how many bytes are written, and of how many. Default: ``None``.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If there is something at ``mlx_path``, or an argument is wrong, or the model
            cannot be loaded.

    See: mlx-lm ``mlx_lm.convert``.
    """
    if upload_repo is not None:
        raise ValueError("upload_repo is not supported; upload what is written with 'hf upload'")
    if quantize and dequantize:
        raise ValueError("choose either quantize or dequantize, not both")
    if dtype is not None and dtype not in MODEL_CONVERSION_DTYPES:
        raise ValueError(f"dtype must be one of {MODEL_CONVERSION_DTYPES}, not {dtype!r}")
    if isinstance(quant_predicate, str) and q_mode != "affine":
        raise ValueError("recipes of quant_predicate are for q_mode 'affine'")
    if gguf is not None:
        _convert_to_gguf(hf_path, Path(mlx_path), gguf, revision, quantize, progress)
        return
    with new_folder(mlx_path) as folder:
        model, tokenizer, config = load(hf_path, revision=revision, lazy=True, return_config=True)
        assert isinstance(model, nn.Module)
        config = _described(config)
        if isinstance(quant_predicate, str):
            quant_predicate = mixed_quant_predicate_builder(quant_predicate, model, q_group_size)
        named = dtype or config.get("dtype") or config.get("torch_dtype")
        kind: mx.Dtype | None = getattr(mx, named) if named in MODEL_CONVERSION_DTYPES else None
        if dequantize or "block_types" in config:
            dequantize_model(model, kind or mx.float16)
            if dequantize:
                config.pop("quantization", None)
                config.pop("quantization_config", None)
        config.pop("block_types", None)
        if kind is not None:
            _cast(model, kind)
            config = {k: v for k, v in config.items() if k != "torch_dtype"} | {"dtype": named}
        if quantize:
            _, config = quantize_model(
                model, config, q_group_size, q_bits, q_mode, quant_predicate=quant_predicate
            )
        save(folder, hf_path, model, tokenizer, config, progress=progress)


def _convert_to_gguf(
    hf_path: str | Path,
    path: Path,
    kind: str,
    revision: str | None,
    quantize: bool,
    progress: Progress | None,
) -> None:
    if quantize:
        raise ValueError("quantize is for folders; the type of a GGUF file is what gguf says")
    if path.suffix != ".gguf":
        raise ValueError(f"mlx_path must be a name that ends with .gguf, not {str(path)!r}")
    if path.exists():
        raise ValueError(f"{path} exists already; remove it, or name another place")
    model, tokenizer, config = load(hf_path, revision=revision, lazy=True, return_config=True)
    assert isinstance(model, nn.Module)
    source = get_model_path(hf_path, revision)
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    save_gguf(path, model, tokenizer, _described(config), kind, source=source, progress=progress)


def _described(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of what is written: the text part, by names that all programs know."""
    config = text_config(config)
    config["model_type"] = ALIASES.get(config["model_type"], config["model_type"])
    # What is called Llama has no window but in layers that it names.
    if config["model_type"] == "llama" and config.get("sliding_window"):
        config["model_type"] = "llama" if "layer_types" in config else "mistral"
    rope = config.get("rope_parameters")
    # Programs before transformers 5 look for it here.
    if isinstance(rope, dict) and "rope_theta" in rope and "rope_theta" not in config:
        config["rope_theta"] = rope["rope_theta"]
        if rope.get("rope_type", "default") != "default":
            config["rope_scaling"] = {k: v for k, v in rope.items() if k != "rope_theta"}
    return config


def _cast(model: nn.Module, dtype: mx.Dtype) -> None:
    """Give what is floating a type; scales of eight bits are not."""
    model.update(
        tree_map_with_path(
            lambda name, value: (
                value
                if keeps_float32(name) or not mx.issubdtype(value.dtype, mx.floating)
                else value.astype(dtype)
            ),
            model.parameters(),
        )
    )
