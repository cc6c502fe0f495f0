"""What a decoder is made of, as data: the one thing in which architectures differ.

A family reads a configuration into one of these; `blocks` make it into modules. Nothing here knows
a model by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from mlx_lm_utils_py.config import check_range

from .attention import Attention, Blocks, Index, Mla, Stretch, Strides
from .compressed import Choice, Compressed
from .feed_forward import Mlp, Moe, RoutedBeside, Router
from .norm import Norm
from .recurrent import (
    ConvGate,
    Decay,
    Delta,
    Mamba,
    Mamba2,
    MambaHeads,
    RgLru,
    Rwkv7,
    ShortConv,
)
from .rope import Rope
from .streams import Hyper, Streams

__all__ = [
    "Attention",
    "Blocks",
    "Choice",
    "Compressed",
    "ConvGate",
    "Decay",
    "Decoder",
    "Delta",
    "Hyper",
    "Index",
    "Inputs",
    "Layer",
    "Linear",
    "Mamba",
    "Mamba2",
    "MambaHeads",
    "Mla",
    "Mlp",
    "Moe",
    "Ngrams",
    "Norm",
    "Parallel",
    "RgLru",
    "Rope",
    "RoutedBeside",
    "Router",
    "Rwkv7",
    "ShortConv",
    "Streams",
    "Stretch",
    "Strides",
    "each",
]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Linear:
    """One matrix in place of a part.

    Attributes:
        bias: Whether it has a bias.
    """

    bias: bool = False
    window: None = None


@dataclass(frozen=True)
class Parallel:
    """Attention and a state space side by side, of which each is added.

    Attributes:
        attention: The attention.
        states: The state space.
        scales_in: What goes into each is multiplied by.
        scales_out: What comes out of each is multiplied by.
    """

    attention: Attention
    states: Mamba2
    scales_in: tuple[float, float] = (1.0, 1.0)
    scales_out: tuple[float, float] = (1.0, 1.0)
    window: None = None


Mixer = (
    Attention
    | Compressed
    | ConvGate
    | Decay
    | Delta
    | Linear
    | Mamba
    | Mamba2
    | MambaHeads
    | Mla
    | Parallel
    | RgLru
    | Rwkv7
    | ShortConv
)


@dataclass(frozen=True)
class Layer:
    """A layer of a decoder.

    Attributes:
        mixer: What mixes positions. ``None``: nothing does.
        ffn: What mixes features. ``None``: nothing does.
        norm: Of its norms.
        order: Where they are: before each part (``"pre"``), after it (``"post"``), both
            (``"sandwich"``); or before both parts, which go side by side (``"parallel"``, and
            ``"parallel2"`` with a norm for each).
            Of a layer with one part, ``"pre"`` is before it.
        residual: What the parts are multiplied by before they are added.
        after: The norm after the first part, where it is another. Default: ``None``.
        after_ffn: The norm after the second part, where it is another. Default: ``None``.
        beside: What else mixes features, of the same input. Default: ``None``.
        inputs: The width of what it gets of the embedding for it alone. Default: 0, nothing.
        act: The activation of the gate of that.
        scaled: Whether what goes out is multiplied by a learned number.
        streams: Of which hidden states it transforms one, or how it mixes them. Default: ``None``,
            there is one.
        opens: Whether a block of layers begins with it, each part of which looks at a mix of what
            earlier blocks came to and the hidden state of its own. Default: ``None``, there are no
            blocks.
        gates: What the learned vectors are divided by that weigh the hidden state against what each
            part adds. Default: 0, there are none.
        gains: Whether what each part adds, and what the first layer got, which is added too, are
            multiplied by learned numbers.
        shortcut: What else looks at the input of its feed-forward layer, and is added behind the
            next layer. Default: ``None``.
    """

    mixer: Mixer | None
    ffn: Mlp | Moe | Linear | None
    norm: Norm
    order: Literal["pre", "post", "sandwich", "parallel", "parallel2"] = "pre"
    residual: float = 1.0
    after: Norm | None = None
    after_ffn: Norm | None = None
    beside: RoutedBeside | None = None
    inputs: int = 0
    act: str = "gelu_pytorch_tanh"
    scaled: bool = False
    streams: Streams | Hyper | None = None
    shortcut: Moe | None = None
    opens: bool | None = None
    gates: float = 0.0
    gains: bool = False


@dataclass(frozen=True)
class Inputs:
    """What each layer gets of the tokens beside the hidden state.

    Attributes:
        width: Its width.
        vocab_size: The number of tokens that have an embedding for it.
        norm: Of what is made of the embedding of the first layer for it.
    """

    width: int
    vocab_size: int
    norm: Norm

    def __post_init__(self) -> None:
        check_range("hidden_size_per_layer_input", self.width)
        check_range("vocab_size_per_layer_input", self.vocab_size)


@dataclass(frozen=True)
class Ngrams:
    """Embeddings of a token and those before it, whose numbers are hashed.

    Attributes:
        longest: How many tokens there are in the longest.
        tables: How many embeddings there are for each length.
        size: The number of rows of the smallest table.
    """

    longest: int
    tables: int
    size: int

    def __post_init__(self) -> None:
        check_range("emb_neighbor_num", self.longest, low=2, high=64)
        check_range("emb_split_num", self.tables, high=64)
        check_range("ngram_vocab_size_ratio", self.size)


@dataclass(frozen=True)
class Decoder:
    """A decoder with its output layer.

    Attributes:
        vocab_size: The number of tokens.
        width: The number of features between layers.
        layers: From the first to the last.
        norm: Of what the last one gives.
        context_length: The number of positions that the model can tell apart.
        tied: Whether the output layer is the embedding.
        head_bias: Whether the output layer has a bias.
        positions: The number of learned positions that are added to the embedding. Default: 0.
        first_position: Which of them is the first token's. Default: 0.
        embed_scale: What the embedding is multiplied by.
        embed_norm: Of the embedding. Default: ``None``.
        logit_scale: What the logits are multiplied by.
        softcap: What the logits are kept below. Default: ``None``.
        inputs: What each layer gets of the tokens beside the hidden state. Default: ``None``.
        ngrams: What is added to the embedding of a token for those before it. Default: ``None``.
        head_gain: Whether the logits are multiplied by a learned number.
        loops: How often the hidden state goes through the layers.
        loop_norm: Whether it is normalized after each time, rather than after the last one.
        streams: Which hidden states there are between layers. Default: ``None``, one.
        never: Tokens that are never next.
    """

    vocab_size: int
    width: int
    layers: tuple[Layer, ...]
    norm: Norm
    context_length: int
    tied: bool = False
    head_bias: bool = False
    positions: int = 0
    first_position: int = 0
    embed_scale: float = 1.0
    embed_norm: Norm | None = None
    logit_scale: float = 1.0
    softcap: float | None = None
    inputs: Inputs | None = None
    ngrams: Ngrams | None = None
    head_gain: bool = False
    loops: int = 1
    loop_norm: bool = False
    streams: Streams | Hyper | None = None
    never: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_range("vocab_size", self.vocab_size)
        for token in self.never:
            check_range("dummy_token_indices", token, low=0, high=self.vocab_size - 1)
        check_range("hidden_size", self.width)
        check_range("num_hidden_layers", len(self.layers), high=1000)
        check_range("num_loops", self.loops, high=100)


def each(
    model: Decoder,
    change: Callable[[Layer], Layer],
    where: Iterable[int] | None = None,
) -> Decoder:
    """Change layers of a decoder.

    Args:
        model: The decoder.
        change: What is done to a layer.
        where: The numbers of the layers. Default: ``None``, all of them.

    Returns:
        The changed decoder.
    """
    chosen = set(range(len(model.layers)) if where is None else where)
    layers = (change(layer) if i in chosen else layer for i, layer in enumerate(model.layers))
    return dataclasses.replace(model, layers=tuple(layers))
