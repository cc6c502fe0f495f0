"""What attention is like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlx_lm_utils_py.config import check_range

from .norm import Norm
from .rope import Rope

__all__ = ["Attention", "Blocks", "Index", "Mla", "Stretch", "Strides"]


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
class Strides:
    """Blocks of keys that are seen: the latest ones, and of the earlier ones every so many.

    Attributes:
        size: The number of keys in a block.
        local: How many of the latest blocks are seen.
        stride: Of how many earlier blocks one is seen.
        alike: Whether all heads see the same, rather than each those that follow the ones of the
            head before it.
    """

    size: int
    local: int
    stride: int
    alike: bool = False

    def __post_init__(self) -> None:
        check_range("blocksparse_block_size", self.size)
        check_range("blocksparse_num_local_blocks", self.local)
        check_range("blocksparse_vert_stride", self.stride)


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
        qk_norm_over: Whether each head is normalized by itself, or all of them as one; ``"each"``,
            by itself and with weights of its own.
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
        head_norm: Of what comes out of each head, before the gate. Default: ``None``.
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
        taps: Whether keys and values are mixed with those of the position before.
        again: How many of the latest positions are seen when the hidden state comes again, beside
            what was attended to the first time, behind a gate. Default: ``None``, it is the same.
        in_turns: Whether heads of queries that follow each other ask heads of keys that do, rather
            than the same.
        strides: Which blocks of keys are seen. Default: ``None``, all are.
    """

    heads: int
    kv_heads: int
    head_dim: int
    rope: Rope | None = None
    scale: float | None = None
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: Norm | None = None
    qk_norm_over: Literal["head", "all", "each"] = "head"
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
    head_norm: Norm | None = None
    out_norm: Norm | None = None
    key_scale: float = 1.0
    value_scale: float = 1.0
    value_norm: Norm | None = None
    keys_are_values: bool = False
    lends: str | None = None
    borrows: str | None = None
    blocks: Blocks | None = None
    taps: bool = False
    again: int | None = None
    rounded: bool = False
    head_gain: bool = False
    in_turns: bool = False
    strides: Strides | None = None

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
        if self.again is not None:
            check_range("loop_window_size", self.again)
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
        gate: What a gate of the output has a number for. Default: ``None``, there is no gate.
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
    gate: Literal["feature", "head"] | None = None
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
