"""What the files of a model say of it, without their weights."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx_lm_utils_py import Tokenizer, choose_gguf, read_gguf_header, read_json
from mlx_lm_utils_py.safetensors import check_safetensors

from mlx_lm_py.loading.gguf.config import gguf_architecture, gguf_config
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.recurrent import Decay, Delta, Mamba, Mamba2, RgLru, Rwkv7, ShortConv
from mlx_lm_py.models.registry import find_architecture
from mlx_lm_py.models.spec import Attention, Decoder, Mixer, Mla, Parallel
from mlx_lm_py.models.towers import text_config

__all__ = ["Facts", "Tensor", "cache_by_kind", "cache_bytes", "facts_of", "model_file"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Tensor:
    """A tensor of a model.

    Attributes:
        part: The part of the model that it belongs to, such as ``"attention"``.
        type: The type of its numbers.
        parameters: How many numbers of the model it holds.
        nbytes: Its size.
    """

    part: str
    type: str
    parameters: int
    nbytes: int


@dataclass(frozen=True)
class Facts:
    """What is known of a model.

    Attributes:
        path: Its file or folder.
        format: ``"GGUF"`` or ``"safetensors"``.
        architecture: What its files call it.
        problem: Why it cannot be run here; ``None`` if it can.
        decoder: What it is made of, if it can be run.
        tensors: Its tensors.
        tokenizer: Its tokenizer, if that can be read.
    """

    path: Path
    format: str
    architecture: str
    problem: str | None
    decoder: Decoder | None
    tensors: list[Tensor]
    tokenizer: Tokenizer | None

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(tensor.parameters for tensor in self.tensors)

    @property
    def nbytes(self) -> int:
        """The size of the weights."""
        return sum(tensor.nbytes for tensor in self.tensors)

    def types(self) -> dict[str, list[tuple[str, int]]]:
        """The types of each part, and how many parameters have them; the most first."""
        found: dict[str, Counter[str]] = {}
        for tensor in self.tensors:
            found.setdefault(tensor.part, Counter())[tensor.type] += tensor.parameters
        return {part: counter.most_common() for part, counter in found.items()}


def model_file(path: Path) -> Path:
    """Find what holds a model: a GGUF file, or a folder with a configuration.

    Args:
        path: A file or a folder.

    Returns:
        The file or folder.

    Raises:
        FileNotFoundError: If there is no model.
        ValueError: If there are several GGUF files in a folder, and none is of the usual kind.
    """
    if not path.is_dir():
        return path
    chosen = choose_gguf([file.name for file in path.iterdir()], str(path))
    if chosen:
        return path / chosen[0]
    if not (path / "config.json").is_file():
        raise FileNotFoundError(f"{path} has neither a config.json nor a *.gguf file")
    return path


def facts_of(path: Path) -> Facts:
    """Read what the files of a model say of it.

    Args:
        path: As `model_file` gives it.

    Returns:
        The facts.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a file is damaged.
    """
    if path.is_dir():
        config = read_json(path / "config.json")
        tensors = _safetensors(path, config)
        name = str(config.get("model_type"))
        decoder, problem = _decoder(config)
        tokenizer = _or_none(lambda: Tokenizer.from_folder(path))
        return Facts(path, "safetensors", name, problem, decoder, tensors, tokenizer)
    header = read_gguf_header(path)
    name = gguf_architecture(header)
    try:
        find_architecture(name)
        decoder, problem = _decoder(gguf_config(header))
    except ValueError as error:
        decoder, problem = None, str(error)
    tensors = []
    for tensor in header.tensors.values():
        size = math.prod(tensor.shape)
        part = _part(tensor.name, len(tensor.shape))
        tensors.append(Tensor(part, tensor.ggml_type, size, tensor.nbytes))
    tokenizer = _or_none(lambda: Tokenizer.from_gguf(header.metadata))
    return Facts(path, "GGUF", name, problem, decoder, tensors, tokenizer)


def _or_none(read: Any) -> Tokenizer | None:
    try:
        tokenizer: Tokenizer = read()
    except (OSError, ValueError):
        return None
    return tokenizer


def _decoder(config: Mapping[str, Any]) -> tuple[Decoder | None, str | None]:
    try:
        text = text_config(config)
        return find_architecture(text.get("model_type")).spec(Config(text)), None
    except ValueError as error:
        return None, str(error)


def _safetensors(folder: Path, config: Mapping[str, Any]) -> list[Tensor]:
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        entries |= check_safetensors(path)
    if not entries:
        raise FileNotFoundError(f"no *.safetensors file in {folder}")
    quantization = config.get("quantization")
    quantization = quantization if isinstance(quantization, dict) else {}
    tensors = []
    for name, entry in entries.items():
        size, kind = math.prod(entry["shape"]), str(entry["dtype"])
        begin, end = entry["data_offsets"]
        stem, _, leaf = name.rpartition(".")
        if f"{stem}.scales" in entries and leaf in ("scales", "biases"):
            # They are part of what the parameters are packed in.
            size, kind = 0, "scales"
        elif f"{stem}.scales" in entries and leaf == "weight":
            own = quantization.get(stem)
            own = own if isinstance(own, dict) else quantization
            bits = own.get("bits", 4)
            bits = bits if isinstance(bits, int) and bits > 0 else 4
            size, kind = size * 32 // bits, f"{own.get('mode', 'affine')} {bits} bit"
        tensors.append(Tensor(_part(name, len(entry["shape"])), kind, size, end - begin))
    return tensors


# In this order: a norm of attention is a norm.
_PARTS = [
    ("norms", ("norm", "ln_")),
    ("experts", ("expert", "_exps", "shexp")),
    ("attention", ("attn", "attention", "q_proj", "k_proj", "v_proj", "o_proj")),
    ("feed-forward", ("mlp", "ffn", "feed_forward", "fc1", "fc2")),
    ("embedding", ("token_embd", "embed_tokens", "wte", "embed", "position_embd", "wpe")),
    ("output", ("lm_head", "output", "embed_out")),
]


def _part(name: str, dims: int) -> str:
    for part, words in _PARTS:
        if any(word in name for word in words):
            return part
    return "other" if dims > 1 else "other vectors"


def cache_bytes(decoder: Decoder, length: int, item_bytes: int = 2) -> int:
    """Work out how much memory the cache of a model takes.

    Args:
        decoder: The model.
        length: The number of positions.
        item_bytes: The size of a number. Default: 2.

    Returns:
        The number of bytes.
    """
    return (
        sum(_numbers(layer.mixer, length, decoder.width) for layer in decoder.layers)
        * decoder.loops
        * item_bytes
    )


def cache_by_kind(decoder: Decoder, length: int, item_bytes: int = 2) -> dict[str, tuple[int, int]]:
    """Work out how much memory the cache of each kind of layer takes.

    Args:
        decoder: The model.
        length: The number of positions.
        item_bytes: The size of a number. Default: 2.

    Returns:
        By the name of a kind, how many layers have it and how many bytes these take.
    """
    found: dict[str, tuple[int, int]] = {}
    for layer in decoder.layers:
        mixer = layer.mixer
        parts = (mixer.attention, mixer.states) if isinstance(mixer, Parallel) else (mixer,)
        for part in parts:
            if part is not None:
                layers, nbytes = found.get(_kind(part), (0, 0))
                nbytes += _numbers(part, length, decoder.width) * item_bytes
                found[_kind(part)] = layers + 1, nbytes
    return found


_KINDS: dict[type, str] = {
    Mla: "latent attention",
    ShortConv: "short convolution",
    Mamba2: "Mamba-2",
    Delta: "gated delta",
    RgLru: "RG-LRU",
}


def _kind(mixer: Mixer) -> str:
    if isinstance(mixer, Attention):
        window = mixer.window
        return "attention" if window is None else f"attention, window of {window}"
    return _KINDS.get(type(mixer), type(mixer).__name__)


def _numbers(mixer: Mixer | None, length: int, width: int) -> int:
    """How many numbers the cache of a layer holds; a state of float32 counts as two."""
    # Buffers grow by so many positions; those of a window no further than it.
    held = -(-length // 256) * 256
    match mixer:
        case Attention(borrows=str()):
            return 0
        case Attention():
            seen = held if mixer.window is None else min(held, mixer.window)
            chosen = 0 if mixer.blocks is None else mixer.blocks.head_dim
            return (2 * mixer.kv_heads * mixer.head_dim + chosen) * seen
        case Mla():
            own = mixer.index is not None and not mixer.index.borrowed
            chosen_by = mixer.index.head_dim if mixer.index is not None and own else 0
            return (mixer.kv_rank + mixer.rope_dim + chosen_by) * held
        case Parallel():
            return _numbers(mixer.attention, length, width) + _numbers(mixer.states, length, width)
        case ShortConv():
            return width * mixer.taps
        case Mamba():
            return mixer.inner * (mixer.taps + 2 * mixer.state)
        case Mamba2():
            inner = mixer.heads * mixer.head_dim
            mixed = inner + 2 * mixer.groups * mixer.state
            return mixed * mixer.taps + 2 * inner * mixer.state
        case Decay():
            state: int = 2 * mixer.heads * mixer.head_dim**2
            return state
        case Rwkv7():
            return 2 * mixer.heads * mixer.head_dim**2 + 2 * width
        case Delta():
            values = mixer.value_heads * mixer.value_dim
            mixed = 2 * mixer.key_heads * mixer.key_dim + values
            return mixed * mixer.taps + 2 * values * mixer.key_dim
        case RgLru():
            return mixer.width * (mixer.taps + 2)
    return 0
