"""A model written as a GGUF file."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_core_py.gguf import TENSOR_TYPES, GGUFHeader, TensorInfo
from mlx_core_py.utils import tree_flatten
from mlx_lm_utils_py import Tokenizer, initialize_rope

from mlx_lm_py.loading.gguf import gguf_config
from mlx_lm_py.models.blocks import CausalLM
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf_names import GGUFNames
from mlx_lm_py.models.registry import ALIASES, find_architecture
from mlx_lm_py.models.rules import Stack, save_weights
from mlx_lm_py.models.spec import Attention, Decoder, Rope
from mlx_lm_py.saving.files import Progress
from mlx_lm_py.saving.quantize import dequantize_model

from .blocks import BLOCK_TYPES, quantize_blocks
from .metadata import WRITTEN, gguf_metadata
from .tokenizer import tokenizer_metadata
from .writer import Tensor, write_gguf

__all__ = ["GGUF_KINDS", "save_gguf"]


def __dir__() -> list[str]:
    return __all__


_FLOATS = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}
# llama.cpp's numbers of what most tensors are.
_FILE_TYPES = {
    "F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 7, "Q4_K": 14, "Q5_K": 16, "Q6_K": 18, "BF16": 32,
}  # fmt: skip

GGUF_KINDS = [*_FLOATS, *BLOCK_TYPES]
"""The types that models are written in."""


def save_gguf(
    path: str | Path,
    model: nn.Module,
    tokenizer: Tokenizer,
    config: Mapping[str, Any],
    kind: str = "F16",
    *,
    source: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a model as a GGUF file that llama.cpp runs.

    Matrices are of one type, but for the output layer, which has 6 bits at least, and those whose
    rows are no whole number of blocks; vectors and routers stay float32.

    Args:
        path: The file, which appears when all is in it, or not at all.
        model: The model. Quantized layers become floating ones.
        tokenizer: Its tokenizer.
        config: Its configuration.
        kind: One of ``GGUF_KINDS``. Default: ``"F16"``.
        source: The folder that the model comes from, for its ``tokenizer.model``. Default:
            ``None``.
        progress: Is told how many bytes are written, and of how many. Default: ``None``.

    Raises:
        FileExistsError: If there is such a file.
        ValueError: If there is no such type, or what the model is cannot be said in such a file.
    """
    if kind not in GGUF_KINDS:
        raise ValueError(
            f"the type of a GGUF file must be one of {', '.join(GGUF_KINDS)}, not {kind!r}"
        )
    if not isinstance(model, CausalLM):
        raise ValueError(f"a {type(model).__name__} is not written as a GGUF file")
    model_type = config["model_type"]
    names = find_architecture(model_type).gguf
    if names is None or ALIASES.get(model_type, model_type) not in WRITTEN:
        raise ValueError(f"models of type '{model_type}' are not written as GGUF files")
    if Path(path).exists():
        raise FileExistsError(f"{path} exists already; remove it, or name another place")
    metadata = gguf_metadata(model_type, model.args, config)
    metadata |= {
        "general.name": Path(path).stem,
        "general.file_type": _FILE_TYPES[kind],
        "general.quantization_version": 2,
        **tokenizer_metadata(tokenizer, model.args.vocab_size, source),
    }
    dequantize_model(model)
    tensors = {name: _tensor(name, value, kind) for name, value in _named(model, names)}
    _check(model, metadata, tensors)
    write_gguf(path, metadata, tensors, progress)


def _named(model: CausalLM, names: GGUFNames) -> Iterator[tuple[str, mx.array]]:
    """The weights under their names in GGUF files, in llama.cpp's order of rows."""
    own = dict(tree_flatten(model.parameters()))
    rules = [rule for rule in model.rules if not isinstance(rule, Stack)]
    targets = _targets(names, len(model.layers))
    # Most names are those of checkpoints; some that rules change, such as those of experts, which
    # lie together as in the model, are the model's.
    checkpoint = save_weights(own, rules)
    weights = {name: value for name, value in checkpoint.items() if name in targets}
    others = {id(value) for name, value in checkpoint.items() if name not in targets}
    weights |= {name: v for name, v in own.items() if name in targets and id(v) in others}
    if sum(v.size for v in weights.values()) != sum(v.size for v in own.values()):
        raise ValueError("the model has weights that GGUF files have no names for")
    first = model.args.layers[0].mixer
    assert isinstance(first, Attention)
    counts = {"num_attention_heads": first.heads, "num_key_value_heads": first.kv_heads}
    for hf_name, value in weights.items():
        name = targets[hf_name]
        heads = names.heads_entry(name)
        if heads is not None:
            halves = value.reshape(counts[heads], 2, -1, *value.shape[1:])
            value = halves.swapaxes(1, 2).reshape(value.shape)
        if names.norms_hold_one and name.endswith("norm.weight"):
            value = value + 1
        yield name, value
    rope = next((mixer.rope for mixer in _attentions(model) if mixer.rope is not None), None)
    if rope is not None:
        yield from _factors(rope)


def _targets(names: GGUFNames, depth: int) -> dict[str, str]:
    """The names in GGUF files by those of checkpoints."""
    stems = ["token_embd", "output_norm", "output"]
    stems += [f"blk.{i}.{part}" for i in range(depth) for part in names.layer]
    # Where two names stand for one, the later is the architecture's own.
    return {
        names.hf_name(f"{stem}.{end}"): f"{stem}.{end}"
        for stem in stems
        for end in ("weight", "bias")
    }


def _check(model: CausalLM, metadata: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Read what is to be written, and raise unless it is the same model."""
    infos = {
        name: TensorInfo(name, tensor.kind, tensor.shape, 0, tensor.nbytes)
        for name, tensor in tensors.items()
    }
    config = gguf_config(GGUFHeader(_rounded(dict(metadata)), infos))
    spec = find_architecture(config["model_type"]).spec(Config(config))
    if _comparable(spec) != _comparable(model.args):
        raise ValueError(
            f"a GGUF file cannot say all that this model of type '{config['model_type']}' is"
        )


def _rounded(value: Any) -> Any:
    """With numbers as a file of 32-bit numbers has them."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return struct.unpack("<f", struct.pack("<f", value))[0] if type(value) is float else value


def _comparable(spec: Decoder) -> Any:
    # Scaled positions are told by tensors, too.
    left_out = ("scaling", "context", "context_length")

    def kept(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        return {name: value for name, value in entries if name not in left_out}

    return _rounded(dataclasses.asdict(spec, dict_factory=kept))


def _attentions(model: CausalLM) -> list[Attention]:
    mixers = [layer.mixer for layer in model.args.layers]
    return [mixer for mixer in mixers if isinstance(mixer, Attention)]


def _factors(rope: Rope) -> Iterator[tuple[str, mx.array]]:
    """What each wavelength is multiplied by, where that is not told by numbers."""
    scaling = rope.scaling or {}
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind in ("llama3", "factors"):
        scaled: Any = initialize_rope(rope.dims, rope.base, False, scaling, rope.context)
        plain = mx.power(rope.base, mx.arange(0, rope.dims, 2) / rope.dims)
        yield "rope_freqs.weight", scaled._wavelengths / plain
    if kind == "longrope":
        for length in ("long", "short"):
            yield f"rope_factors_{length}.weight", mx.array(scaling[f"{length}_factor"])


def _tensor(name: str, value: mx.array, kind: str) -> Tensor:
    if value.ndim < 2 or "ffn_gate_inp" in name:
        kind = "F32"
    elif kind in ("Q4_0", "Q4_K", "Q5_K") and name in ("output.weight", "token_embd.weight"):
        kind = "Q6_K"
    if value.shape[-1] % TENSOR_TYPES[kind].block_size:
        kind = "Q8_0" if value.shape[-1] % 32 == 0 else "F16"

    def data() -> mx.array:
        if kind in _FLOATS:
            return value.astype(_FLOATS[kind])
        return quantize_blocks(value, kind)

    return Tensor(kind, value.shape, data)
