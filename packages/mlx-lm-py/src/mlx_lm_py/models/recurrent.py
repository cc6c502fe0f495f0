"""What layers are made of that keep a state in place of keys and values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlx_lm_utils_py.config import check_range

from .norm import Norm
from .rope import Rope

__all__ = [
    "ConvGate",
    "Decay",
    "Delta",
    "Mamba",
    "Mamba2",
    "MambaHeads",
    "RgLru",
    "Rwkv7",
    "ShortConv",
]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class ShortConv:
    """A gated causal convolution over few positions.

    Attributes:
        taps: How many positions it sees.
        bias: Whether it and its projections have biases.
    """

    taps: int
    bias: bool = False
    window: None = None

    def __post_init__(self) -> None:
        check_range("conv_L_cache", self.taps, high=1024)


@dataclass(frozen=True)
class ConvGate:
    """Values behind a gate of queries and keys, which see few positions, in place of attention.

    Attributes:
        heads: Of queries.
        kv_heads: Of keys and values.
        head_dim: The width of a head.
        taps: How many positions the convolution of keys and values sees.
        norm: Of queries and keys.
        bias: Whether it and the projections have biases.
    """

    heads: int
    kv_heads: int
    head_dim: int
    taps: int
    norm: Norm
    bias: bool = False
    window: None = None

    def __post_init__(self) -> None:
        check_range("num_attention_heads", self.heads)
        check_range("num_key_value_heads", self.kv_heads)
        check_range("head_dim", self.head_dim)
        check_range("conv_L_cache", self.taps, high=1024)
        if self.heads % self.kv_heads:
            raise ValueError(
                f"'num_attention_heads' ({self.heads}) in the configuration must be a multiple of "
                f"'num_key_value_heads' ({self.kv_heads})"
            )


@dataclass(frozen=True)
class Mamba:
    """A selective state space (https://arxiv.org/abs/2312.00752).

    Attributes:
        inner: The number of features within.
        state: The number of states of each.
        rank: The width of what steps are made from.
        taps: How many positions its convolution sees.
        bias: Whether the projections in and out have biases.
        conv_bias: Whether the convolution has one.
        norm: Of steps, keys and queries. Default: ``None``.
    """

    inner: int
    state: int
    rank: int
    taps: int = 4
    bias: bool = False
    conv_bias: bool = True
    norm: Norm | None = None
    window: None = None

    def __post_init__(self) -> None:
        check_range("intermediate_size", self.inner)
        check_range("state_size", self.state)
        check_range("time_step_rank", self.rank)
        check_range("conv_kernel", self.taps, high=1024)


@dataclass(frozen=True)
class Mamba2:
    """A selective state space whose heads each decay as one (https://arxiv.org/abs/2405.21060).

    Attributes:
        heads: The number of heads.
        head_dim: The width of a head.
        state: The width of keys and queries.
        groups: The number of groups of heads, which share keys and queries.
        taps: How many positions its convolution sees.
        bias: Whether the projections in and out have biases.
        conv_bias: Whether the convolution has one.
        norm: Of what goes out. Default: ``None``, there is a gate alone.
        norm_groups: The number of groups of features that are normalized by themselves.
        gate_first: Whether what is normalized has gone through the gate.
        step_limits: What steps are kept within.
        multipliers: Of the gate, values, keys, queries and steps. Default: ``None``.
    """

    heads: int
    head_dim: int
    state: int
    groups: int = 1
    taps: int = 4
    bias: bool = False
    conv_bias: bool = True
    norm: Norm | None = None
    norm_groups: int = 1
    gate_first: bool = True
    step_limits: tuple[float, float] = (0.0, math.inf)
    multipliers: tuple[float, ...] | None = None
    window: None = None

    def __post_init__(self) -> None:
        check_range("mamba_num_heads", self.heads)
        check_range("mamba_head_dim", self.head_dim)
        check_range("ssm_state_size", self.state)
        check_range("n_groups", self.groups)
        check_range("conv_kernel", self.taps, high=1024)
        if self.heads % self.groups:
            raise ValueError(
                f"the number of heads ({self.heads}) in the configuration must be a multiple of "
                f"'n_groups' ({self.groups})"
            )
        if self.multipliers is not None and len(self.multipliers) != 5:
            raise ValueError(f"'ssm_multipliers' must be 5 numbers, not {self.multipliers}")


@dataclass(frozen=True)
class MambaHeads:
    """A selective state space of heads, whose keys, queries and steps are made of its values.

    As of `Mamba2` the heads each decay as one; as of `Mamba` the rest is made of what has been
    convolved.

    Attributes:
        heads: The number of heads.
        head_dim: The width of a head.
        state: The width of keys and queries, which all heads share.
        rank: The width of what steps are made from.
        taps: How many positions its convolution sees.
        norm: Of steps, keys and queries.
    """

    heads: int
    head_dim: int
    state: int
    rank: int
    taps: int
    norm: Norm
    window: None = None

    def __post_init__(self) -> None:
        check_range("mamba_num_heads", self.heads)
        check_range("hidden_size_per_head", self.head_dim)
        check_range("mamba_d_state", self.state)
        check_range("mamba_d_conv", self.taps, high=1024)


@dataclass(frozen=True)
class Delta:
    """A gated delta network (https://arxiv.org/abs/2412.06464).

    Attributes:
        key_heads: The number of heads of queries and keys.
        value_heads: The number of heads of values.
        key_dim: The width of a head of queries and keys.
        value_dim: The width of a head of values.
        norm: Of what goes out.
        taps: How many positions its convolution sees.
        beta: How far a correction can go.
        gate_act: The activation of the gate of what goes out.
        rank: The width of what the gate and the decays of each row of the state are made from.
            Default: 0, they are made from the features.
        whole_gate: Whether the gate is made from the features even so.
        rows: Whether each row of the state has a decay of its own; of a ``rank``, it has.
        floor: What the logarithm of a decay does not fall below, of which it is a share. Default:
            0, it has no bound.
    """

    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    norm: Norm
    taps: int = 4
    beta: float = 1.0
    gate_act: str = "silu"
    rank: int = 0
    whole_gate: bool = False
    rows: bool = False
    floor: float = 0.0
    window: None = None

    def __post_init__(self) -> None:
        check_range("linear_num_key_heads", self.key_heads)
        check_range("linear_num_value_heads", self.value_heads)
        check_range("linear_key_head_dim", self.key_dim)
        check_range("linear_value_head_dim", self.value_dim)
        check_range("linear_conv_kernel_dim", self.taps, high=1024)
        if self.value_heads % self.key_heads:
            raise ValueError(
                f"'linear_num_value_heads' ({self.value_heads}) in the configuration must be a "
                f"multiple of 'linear_num_key_heads' ({self.key_heads})"
            )


@dataclass(frozen=True)
class Decay:
    """Linear attention whose heads each fade at a rate of their own (https://arxiv.org/abs/2307.14995).

    Attributes:
        heads: The number of heads.
        head_dim: The width of a head.
        slopes: What the logarithm of the state of each head falls by at each position.
        rope: The positions.
        norm: Of what goes out.
        norm_groups: The number of groups of features that are normalized by themselves.
        qk_norm: Of queries and keys. Default: ``None``.
        qkv_bias: Whether the projection before has a bias.
    """

    heads: int
    head_dim: int
    slopes: tuple[float, ...]
    rope: Rope
    norm: Norm
    norm_groups: int = 1
    qk_norm: Norm | None = None
    qkv_bias: bool = False
    window: None = None

    def __post_init__(self) -> None:
        check_range("num_attention_heads", self.heads)
        check_range("head_dim", self.head_dim)
        check_range("group_norm_size", self.norm_groups, high=self.heads * self.head_dim)
        if (self.heads * self.head_dim) % self.norm_groups:
            raise ValueError(f"'group_norm_size' ({self.norm_groups}) must divide the features")


@dataclass(frozen=True)
class RgLru:
    """A real-gated linear recurrent unit (https://arxiv.org/abs/2402.19427).

    Attributes:
        width: The number of features within.
        heads: The number of blocks of features that make a gate.
        taps: How many positions its convolution sees.
        act: The activation of the gate of what goes out.
    """

    width: int
    heads: int
    taps: int = 4
    act: str = "gelu_pytorch_tanh"
    window: None = None

    def __post_init__(self) -> None:
        check_range("lru_width", self.width)
        check_range("num_attention_heads", self.heads)
        check_range("conv1d_width", self.taps, high=1024)
        if self.width % self.heads:
            raise ValueError(f"'lru_width' ({self.width}) must be a multiple of {self.heads} heads")


@dataclass(frozen=True)
class Rwkv7:
    """The time mixing of RWKV-7 (https://arxiv.org/abs/2503.14456).

    Attributes:
        heads: The number of heads.
        head_dim: The width of a head.
        decay_rank: The width of what decays are made from.
        rate_rank: The width of what rates of learning are made from.
        value_rank: The width of what shares of the first layer's values are made from. Default: 0,
            it is the first layer.
        gate_rank: The width of what gates are made from.
    """

    heads: int
    head_dim: int
    decay_rank: int
    rate_rank: int
    value_rank: int
    gate_rank: int
    window: None = None

    def __post_init__(self) -> None:
        check_range("head_dim", self.head_dim)
        check_range("decay_low_rank_dim", self.decay_rank)
        check_range("a_low_rank_dim", self.rate_rank)
        check_range("v_low_rank_dim", self.value_rank, low=0)
        check_range("gate_low_rank_dim", self.gate_rank)
