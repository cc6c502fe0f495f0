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

from .norm import Norm
from .recurrent import Decay, Delta, Mamba, Mamba2, RgLru, Rwkv7, ShortConv
from .rope import Rope

__all__ = [
    "Attention",
    "Blocks",
    "Decay",
    "Decoder",
    "Delta",
    "Index",
    "Inputs",
    "Layer",
    "Linear",
    "Mamba",
    "Mamba2",
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
    "each",
]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Stretch:
    """Queries that grow with the logarithm of their position.

    Attributes:
        share: Of the logarithm that is added to one.
        length: The number of positions after each of which they grow.
        first: The number that the first position has.
    """

    share: float
    length: int
    first: int = 0

    def __post_init__(self) -> None:
        check_range("original_max_position_embeddings", self.length)


@dataclass(frozen=True)
class Blocks:
    """The choice of blocks of keys that are attended to.

    Attributes:
        heads: The number of heads, one for each of keys and values.
        head_dim: The width of a head.
        size: The number of keys in a block.
        count: How many blocks a position attends to.
        local: How many of these are the latest ones, whatever is in them.
        norm: Of queries and keys.
        rope: The positions.
    """

    heads: int
    head_dim: int
    size: int
    count: int
    local: int
    norm: Norm
    rope: Rope

    def __post_init__(self) -> None:
        check_range("index_n_heads", self.heads)
        check_range("index_head_dim", self.head_dim, low=2)
        check_range("index_block_size", self.size)
        check_range("index_topk_blocks", self.count)
        check_range("index_local_blocks", self.local, low=0, high=self.count)


@dataclass(frozen=True)
class Attention:
    """Grouped-query attention.

    Attributes:
        heads: Of queries.
        kv_heads: Of keys and values.
        head_dim: The width of a head.
        rope: Default: ``None``, no positions.
        scale: Of the products of queries and keys. Default: one by the root of ``head_dim``.
        qkv_bias: Whether the projections before have biases.
        out_bias: Whether the one after has one.
        qk_norm: Of queries and keys. Default: ``None``.
        qk_norm_over: Whether each head is normalized by itself, or all of them as one.
        norm_after_rope: Whether queries and keys are normalized after they are rotated.
        window: How many of the latest positions are seen. Default: ``None``, all.
        softcap: What scores are kept below. Default: ``None``.
        clip: What queries, keys and values are kept within. Default: ``None``.
        sinks: Whether each head has a learned score of attending to nothing.
        chunk: How many positions there are in each of the pieces within which all attention is.
            Default: ``None``, there are no pieces.
        stretch: By what queries grow. Default: ``None``, they do not.
        gate: What a gate of the output has a number for. Default: ``None``, there is no gate.
        gate_act: The activation of that gate.
        value_dim: The width of a head's value. Default: ``None``, that of the head.
        out_norm: Of what goes into the last projection. Default: ``None``.
        key_scale: What keys are multiplied by.
        value_scale: What values are multiplied by.
        value_norm: Of values. Default: ``None``.
        keys_are_values: Whether values are what keys are made of, rather than of weights of their
            own.
        lends: The name under which later layers find what it attended to. Default: ``None``.
        borrows: The name of what it attends to, in place of keys and values of its own. Default:
            ``None``.
        rounded: Whether keys and values are rounded to 8 bits, by learned scales.
        head_gain: Whether queries of a head are multiplied by a learned number.
        blocks: How the keys that are attended to are chosen. Default: ``None``, all are.
        in_turns: Whether heads of queries that follow each other ask heads of keys that do, rather
            than the same.
    """

    heads: int
    kv_heads: int
    head_dim: int
    rope: Rope | None = None
    scale: float | None = None
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: Norm | None = None
    qk_norm_over: Literal["head", "all"] = "head"
    norm_after_rope: bool = False
    window: int | None = None
    softcap: float | None = None
    clip: float | None = None
    sinks: bool = False
    chunk: int | None = None
    stretch: Stretch | None = None
    gate: Literal["feature", "head"] | None = None
    gate_act: str = "sigmoid"
    value_dim: int | None = None
    out_norm: Norm | None = None
    key_scale: float = 1.0
    value_scale: float = 1.0
    value_norm: Norm | None = None
    keys_are_values: bool = False
    lends: str | None = None
    borrows: str | None = None
    blocks: Blocks | None = None
    rounded: bool = False
    head_gain: bool = False
    in_turns: bool = False

    def __post_init__(self) -> None:
        check_range("num_attention_heads", self.heads)
        check_range("num_key_value_heads", self.kv_heads)
        check_range("head_dim", self.head_dim)
        if self.heads % self.kv_heads:
            raise ValueError(
                f"'num_attention_heads' ({self.heads}) in the configuration must be a multiple of "
                f"'num_key_value_heads' ({self.kv_heads})"
            )
        if self.blocks is not None and self.blocks.heads != self.kv_heads:
            raise ValueError(
                f"'index_n_heads' ({self.blocks.heads}) in the configuration must be "
                f"'num_key_value_heads' ({self.kv_heads})"
            )
        if self.window is not None:
            check_range("sliding_window", self.window)
        if self.chunk is not None:
            check_range("attention_chunk_size", self.chunk)


@dataclass(frozen=True)
class Index:
    """The choice of keys that are attended to (https://arxiv.org/abs/2512.02556).

    Attributes:
        heads: The number of heads.
        head_dim: The width of a head.
        top_k: How many keys a position attends to.
        rope: The positions.
        borrowed: Whether the choice of an earlier layer holds, rather than one of its own.
    """

    heads: int
    head_dim: int
    top_k: int
    rope: Rope
    borrowed: bool = False

    def __post_init__(self) -> None:
        check_range("index_n_heads", self.heads)
        check_range("index_head_dim", self.head_dim, low=2)
        check_range("index_topk", self.top_k)


@dataclass(frozen=True)
class Mla:
    """Attention to keys and values that are kept compressed (https://arxiv.org/abs/2405.04434).

    Attributes:
        heads: The number of heads.
        kv_rank: The width of what keys and values are made from.
        nope_dim: The width of the part of a head's query and key without positions.
        rope_dim: The width of the part with positions, whose key all heads share.
        value_dim: The width of a head's value.
        rope: The positions. ``None``: there are none.
        norm: Of what is compressed.
        q_rank: The width of what queries are made from. Default: ``None``, they are not compressed.
        scale: Of the products of queries and keys. Default: one by the root of their width.
        bias: Whether the projections that compress, and the one after, have biases.
        stretch: By what queries grow. Default: ``None``, they do not.
        scales: What queries, and what keys and values are made from, are multiplied by.
        index: How the keys that are attended to are chosen. Default: ``None``, all are.
        gated: Whether a gate has a number for what comes out of each head.
    """

    heads: int
    kv_rank: int
    nope_dim: int
    rope_dim: int
    value_dim: int
    rope: Rope | None
    norm: Norm
    q_rank: int | None = None
    scale: float | None = None
    bias: bool = False
    stretch: Stretch | None = None
    scales: tuple[float, float] = (1.0, 1.0)
    index: Index | None = None
    gated: bool = False
    window: None = None

    def __post_init__(self) -> None:
        check_range("num_attention_heads", self.heads)
        check_range("kv_lora_rank", self.kv_rank)
        check_range("qk_nope_head_dim", self.nope_dim)
        check_range("qk_rope_head_dim", self.rope_dim)
        check_range("v_head_dim", self.value_dim)
        if self.q_rank is not None:
            check_range("q_lora_rank", self.q_rank)
        elif self.index is not None:
            raise ValueError("the configuration has no 'q_lora_rank' to choose keys by")


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


@dataclass(frozen=True)
class Mlp:
    """A feed-forward layer.

    Attributes:
        hidden: The number of features between.
        act: The activation, by its name in configurations.
        gated: Whether what is activated multiplies a second projection.
        bias: Whether the projections have biases.
        scales: What the gate and the output are multiplied by.
        norm: Of what goes into the last projection. Default: ``None``.
        limit: What the gate is kept below, and what it lets through within. Default: 0, nothing.
        sparsity: Which share of a normal distribution the gate is closed to. Default: 0, none.
    """

    hidden: int
    act: str = "silu"
    gated: bool = True
    bias: bool = False
    scales: tuple[float, float] = (1.0, 1.0)
    norm: Norm | None = None
    limit: float = 0.0
    sparsity: float = 0.0

    def __post_init__(self) -> None:
        check_range("intermediate_size", self.hidden)
        if not 0 <= self.sparsity < 1:
            raise ValueError(f"'activation_sparsity_pattern' has {self.sparsity}, not in [0, 1)")


@dataclass(frozen=True)
class Router:
    """How tokens find their experts.

    Attributes:
        score: What makes logits into weights; ``"mixer"`` is a softmax, for one expert after the
            other, over those whose logits are near its own (https://arxiv.org/abs/2409.12136).
        before: Whether that is done before the best are chosen, over all experts, rather than
            after, over the chosen ones.
        normalize: Whether the weights of the chosen ones are made to sum to one.
        scale: What the weights are multiplied by.
        bias: Whether a learned bias takes part in the choice, and not in the weights.
        groups: The number of groups of experts, of which only the best are chosen from.
        top_groups: The number of these.
        group_score: What a group counts for: its best expert, or its two best ones together.
    """

    score: Literal["softmax", "sigmoid", "mixer"] = "softmax"
    before: bool = True
    normalize: bool = False
    scale: float = 1.0
    bias: bool = False
    groups: int = 1
    top_groups: int = 1
    group_score: Literal["best", "two"] = "two"

    def __post_init__(self) -> None:
        check_range("n_group", self.groups)
        check_range("topk_group", self.top_groups, high=self.groups)


@dataclass(frozen=True)
class Moe:
    """Experts, of which each token uses a few.

    Attributes:
        experts: The number of them.
        top_k: How many a token uses.
        hidden: The number of features within one.
        router: How they are chosen.
        act: The activation.
        shared: The number of features of an expert that every token uses. Default: 0, none.
        shared_gate: Whether that one is weighted by a gate of its own.
        bias: Whether the router and the experts have biases.
        gated: Whether what is activated multiplies a second projection.
        latent: The width of what the experts work on. Default: 0, that of the layer.
        weight_inputs: Whether the weights of experts are of what goes into them, not out of them.
        router_bias: Whether the router has a bias where the experts do.
        idle: How many further experts there are that give back what they get.
        mixed: Whether a layer weighs the chosen experts against the shared one.
        limit: As of `Mlp`, of the experts.
        shared_limit: As of `Mlp`, of the shared one.
    """

    experts: int
    top_k: int
    hidden: int
    router: Router = Router()
    act: str = "silu"
    shared: int = 0
    shared_gate: bool = False
    bias: bool = False
    gated: bool = True
    latent: int = 0
    weight_inputs: bool = False
    router_bias: bool = True
    idle: int = 0
    mixed: bool = False
    limit: float = 0.0
    shared_limit: float = 0.0

    def __post_init__(self) -> None:
        check_range("num_experts", self.experts, high=2**16)
        check_range("zero_expert_num", self.idle, low=0, high=2**16)
        check_range("num_experts_per_tok", self.top_k, high=self.experts + self.idle)
        check_range("moe_intermediate_size", self.hidden)
        if self.experts % self.router.groups:
            raise ValueError(
                f"'n_group' ({self.router.groups}) in the configuration must divide the number of "
                f"experts ({self.experts})"
            )


@dataclass(frozen=True)
class RoutedBeside:
    """Experts beside a feed-forward layer, whose router has a norm and scales of its own.

    Attributes:
        experts: The experts.
        norm: Of what goes into them, and what comes out of each side.
    """

    experts: Moe
    norm: Norm


Mixer = (
    Attention | Linear | Mla | Parallel | ShortConv | Mamba | Mamba2 | Decay | Delta | RgLru | Rwkv7
)


@dataclass(frozen=True)
class Streams:
    """Several hidden states, of which a layer transforms one (https://arxiv.org/abs/2301.13310).

    Attributes:
        count: The number of them.
        active: Which one.
        rank: The width of a shortcut beside attention (https://arxiv.org/abs/2411.07501).
        scaled: Whether the one is multiplied by learned numbers before the gate of what the layer
            gets of the tokens looks at it.
    """

    count: int
    active: int
    rank: int
    scaled: bool = True

    def __post_init__(self) -> None:
        check_range("altup_num_inputs", self.count, high=64)
        check_range("altup_active_idx", self.active, low=0, high=self.count - 1)
        check_range("laurel_rank", self.rank)


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
        streams: Of which hidden states it transforms one. Default: ``None``, there is one.
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
    streams: Streams | None = None
    shortcut: Moe | None = None
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
    """

    vocab_size: int
    width: int
    layers: tuple[Layer, ...]
    norm: Norm
    context_length: int
    tied: bool = False
    head_bias: bool = False
    positions: int = 0
    embed_scale: float = 1.0
    embed_norm: Norm | None = None
    logit_scale: float = 1.0
    softcap: float | None = None
    inputs: Inputs | None = None
    ngrams: Ngrams | None = None
    head_gain: bool = False
    loops: int = 1
    loop_norm: bool = False
    streams: Streams | None = None

    def __post_init__(self) -> None:
        check_range("vocab_size", self.vocab_size)
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
