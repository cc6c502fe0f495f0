"""What attention to a window and to sums of groups of positions is like."""

from __future__ import annotations

from dataclasses import dataclass

from mlx_lm_utils_py.config import check_range

from .norm import Norm
from .rope import Rope

__all__ = ["Choice", "Compressed"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Choice:
    """The choice of groups that are attended to.

    Attributes:
        heads: The number of heads.
        head_dim: The width of a head.
        top_k: How many groups a position attends to.
        candidates: How many blocks of groups, by the best one of each, later layers choose among.
            Default: 0, they choose among all, or among those of an earlier layer.
        block: The number of groups in a block.
    """

    heads: int
    head_dim: int
    top_k: int
    candidates: int = 0
    block: int = 8

    def __post_init__(self) -> None:
        check_range("index_n_heads", self.heads)
        check_range("index_head_dim", self.head_dim, low=2)
        check_range("index_topk", self.top_k)
        check_range("candidate_topk_blocks", self.candidates, low=0)
        check_range("candidate_block_size", self.block)


@dataclass(frozen=True)
class Compressed:
    """Attention to one vector for each position of a window, and for groups of all positions.

    All heads share the vectors, which are keys and values in one; the part of an answer that has
    been rotated is rotated back.

    Attributes:
        heads: The number of heads.
        head_dim: The width of a head.
        rope_dim: How many of its last dimensions are rotated.
        q_rank: The width of what queries are made from.
        out_groups: Into how many groups of heads the output is divided.
        out_rank: The width of what is made of each.
        norm: Of what is compressed.
        rope: The positions.
        window: How many of the latest positions are seen.
        ratio: The number of positions in a group. Default: 0, groups are not attended to.
        sums: Whether the layer makes groups, rather than attending to those of an earlier one.
        choice: How groups are chosen. Default: ``None``, as an earlier layer chose.
    """

    heads: int
    head_dim: int
    rope_dim: int
    q_rank: int
    out_groups: int
    out_rank: int
    norm: Norm
    rope: Rope
    window: int
    ratio: int = 0
    sums: bool = False
    choice: Choice | None = None

    def __post_init__(self) -> None:
        check_range("num_attention_heads", self.heads)
        check_range("head_dim", self.head_dim)
        check_range("qk_rope_head_dim", self.rope_dim, low=2, high=self.head_dim)
        check_range("q_lora_rank", self.q_rank)
        check_range("o_groups", self.out_groups, high=self.heads)
        check_range("o_lora_rank", self.out_rank)
        check_range("sliding_window", self.window)
        check_range("compress_ratios", self.ratio, low=0)
        if self.heads % self.out_groups:
            raise ValueError(
                f"'num_attention_heads' ({self.heads}) in the configuration must be a multiple of "
                f"'o_groups' ({self.out_groups})"
            )
        if self.head_dim % 2:
            raise ValueError(f"'head_dim' in the configuration must be even, not {self.head_dim}")
        if self.choice is not None and self.choice.head_dim < self.rope_dim:
            raise ValueError(
                f"'index_head_dim' ({self.choice.head_dim}) in the configuration must not be below "
                f"'qk_rope_head_dim' ({self.rope_dim})"
            )
