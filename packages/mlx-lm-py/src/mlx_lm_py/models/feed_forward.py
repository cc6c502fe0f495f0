"""What feed-forward layers and experts are like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlx_lm_utils_py.config import check_range

from .norm import Norm

__all__ = ["Mlp", "Moe", "RoutedBeside", "Router"]


def __dir__() -> list[str]:
    return __all__


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
        limit: What the gate is kept below, and what it lets through within; for either a number, or
            one for both. Default: 0, nothing.
        sparsity: Which share of a normal distribution the gate is closed to. Default: 0, none.
    """

    hidden: int
    act: str = "silu"
    gated: bool = True
    bias: bool = False
    scales: tuple[float, float] = (1.0, 1.0)
    norm: Norm | None = None
    limit: float | tuple[float, float] = 0.0
    sparsity: float = 0.0

    def __post_init__(self) -> None:
        check_range("intermediate_size", self.hidden)
        if not 0 <= self.sparsity < 1:
            raise ValueError(f"'activation_sparsity_pattern' has {self.sparsity}, not in [0, 1)")


@dataclass(frozen=True)
class Router:
    """How tokens find their experts.

    Attributes:
        score: What makes logits into weights; ``"root"`` is the root of a softplus; ``"mixer"`` is
            a softmax, for one expert after the other, over those whose logits are near its own
            (https://arxiv.org/abs/2409.12136).
        before: Whether that is done before the best are chosen, over all experts, rather than
            after, over the chosen ones.
        normalize: Whether the weights of the chosen ones are made to sum to one.
        logit_scale: What the logits are multiplied by.
        scale: What the weights are multiplied by.
        bias: Whether a learned bias takes part in the choice, and not in the weights.
        groups: The number of groups of experts, of which only the best are chosen from.
        top_groups: The number of these.
        group_score: What a group counts for: its best expert, or its two best ones together.
    """

    score: Literal["softmax", "sigmoid", "root", "mixer"] = "softmax"
    before: bool = True
    normalize: bool = False
    logit_scale: float = 1.0
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
        latent_in_norm: Of that. Default: ``None``.
        expert_norm: Of what each expert makes of it. Default: ``None``.
        latent_norm: Of what they make of it together. Default: ``None``.
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
    latent_in_norm: Norm | None = None
    expert_norm: Norm | None = None
    latent_norm: Norm | None = None
    weight_inputs: bool = False
    router_bias: bool = True
    idle: int = 0
    mixed: bool = False
    limit: float | tuple[float, float] = 0.0
    shared_limit: float | tuple[float, float] = 0.0

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
