"""What families share."""

from __future__ import annotations

import dataclasses
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Convert, Drop, Rename
from mlx_lm_py.models.spec import Attention, Decoder, Layer, Mlp, Norm, Rope

__all__ = [
    "ATTENDS",
    "CONVOLUTIONS",
    "change_attention",
    "decoder",
    "drop_mtp",
    "kinds",
    "layer_types",
    "plain",
    "refuse",
    "renamed",
    "ropes",
    "sliding",
    "unit_rows",
]


def __dir__() -> list[str]:
    return __all__


ATTENDS = ("full_attention", "attention")
"""What configurations call a layer that attends."""


def _taps_second(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    return {
        name: value.swapaxes(1, 2)
        if name.endswith(_CONVOLUTIONS) and value.ndim == 3 and value.shape[1] == 1
        else value
        for name, value in weights.items()
    }


def _taps_last(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    return {
        name: value.swapaxes(1, 2) if name.endswith(_CONVOLUTIONS) else value
        for name, value in weights.items()
    }


_CONVOLUTIONS = ("conv1d.weight", "conv_1d.weight", ".conv.conv.weight")
CONVOLUTIONS = Convert(_taps_second, _taps_last)
"""The taps of convolutions are the second axis here, and the last one in checkpoints."""


def renamed(*pairs: tuple[str, str]) -> tuple[Rename, ...]:
    """Rules for names within layers.

    Args:
        *pairs: What follows ``model.layers.N.`` in the checkpoint, and in the model.

    Returns:
        The rules.
    """
    return tuple(
        Rename(f"model.layers.*.{theirs}", f"model.layers.*.{ours}") for theirs, ours in pairs
    )


def kinds(c: Config, default: list[str], *known: str, name: str = "layer_types") -> list[str]:
    """What each layer is.

    Args:
        c: The configuration.
        default: What they are where the configuration does not say.
        *known: What they may be.
        name: The entry. Default: ``"layer_types"``.

    Returns:
        The kind of each layer.

    Raises:
        ValueError: If the configuration says something else, or not of each layer.
    """
    found = c(name, default)
    if len(found) != c.depth or not set(found) <= set(known):
        raise ValueError(
            f"{name!r} in the configuration must name {' or '.join(known)} for each of the "
            f"{c.depth} layers, not {found}"
        )
    return found


def drop_mtp(c: Config) -> tuple[Drop, ...]:
    """Rules that leave out what predicts further tokens.

    Args:
        c: The configuration.

    Returns:
        The rules.
    """
    extra = range(c.depth, c.depth + c("num_nextn_predict_layers", 0))
    return (Drop("mtp"), Drop("model.mtp"), *(Drop(f"model.layers.{i}") for i in extra))


def decoder(c: Config, layer: Layer, *, tied: bool = False, **options: Any) -> Decoder:
    """A decoder whose layers are alike.

    Args:
        c: The configuration.
        layer: A layer.
        tied: Whether the output layer is the embedding where the configuration does not say.
            Default: ``False``.
        **options: Further attributes of `Decoder`.

    Returns:
        The decoder.
    """
    options.setdefault("norm", layer.norm)
    return Decoder(
        vocab_size=c.vocab_size,
        width=c.width,
        layers=(layer,) * c.depth,
        context_length=c.context_length(),
        tied=c("tie_word_embeddings", tied),
        **options,
    )


def change_attention(layer: Layer, **changes: Any) -> Layer:
    """Change the attention of a layer.

    Args:
        layer: The layer.
        **changes: Attributes of `Attention`.

    Returns:
        The changed layer.
    """
    assert layer.mixer is not None
    return dataclasses.replace(layer, mixer=dataclasses.replace(layer.mixer, **changes))


def layer_types(c: Config, full_each: int = 0) -> list[str]:
    """Which layers attend to everything, and which to a window.

    Args:
        c: The configuration.
        full_each: How many layers there are from one that attends to everything to the next, where
            the configuration does not say. Default: 0, all do.

    Returns:
        ``"full_attention"`` or ``"sliding_attention"`` for each layer.

    Raises:
        ValueError: If the configuration says something else, or not of each layer.
    """
    usual = [
        "sliding_attention" if full_each and (i + 1) % full_each else "full_attention"
        for i in range(c.depth)
    ]
    types = c("layer_types", usual)
    if len(types) != c.depth or not set(types) <= {"full_attention", "sliding_attention"}:
        raise ValueError(
            "'layer_types' in the configuration must name full_attention or sliding_attention for "
            f"each of the {c.depth} layers, not {types}"
        )
    return types


def sliding(c: Config, full_each: int = 0) -> list[int]:
    """The numbers of the layers that attend to a window.

    Args:
        c: The configuration.
        full_each: As for `layer_types`.

    Returns:
        The numbers.
    """
    return [i for i, kind in enumerate(layer_types(c, full_each)) if kind == "sliding_attention"]


def plain(
    c: Config,
    *,
    norm: Norm | None = None,
    rope: Rope | None = None,
    act: str = "silu",
    mlp_bias: bool = False,
    **attention: Any,
) -> Layer:
    """A layer of grouped-query attention and a gated feed-forward layer.

    Args:
        c: The configuration.
        norm: Default: ``None``, by the root of the mean of squares.
        rope: Default: ``None``, as the configuration says.
        act: The activation where the configuration names none. Default: ``"silu"``.
        mlp_bias: Whether the feed-forward layer has biases. Default: ``False``.
        **attention: Attributes of `Attention`.

    Returns:
        The layer.
    """
    mixer: Attention = c.attention(c.rope() if rope is None else rope, **attention)
    return Layer(mixer, Mlp(c.hidden, c.act(act), bias=mlp_bias), norm or c.norm())


def ropes(
    c: Config, *, base: float = 10000.0, local_base: float | None = None
) -> tuple[Rope, Rope]:
    """The positions of layers that attend to everything, and of those with a window.

    Args:
        c: The configuration, which may have an entry for either or one for the first.
        base: Where the configuration has none. Default: 10000.
        local_base: Of layers with a window, which are not scaled. Default: ``None``, that of the
            others.

    Returns:
        The positions.
    """
    kinds: dict[str, Any] = c("rope_scaling", {})
    if "full_attention" in kinds:
        full, local = (
            Config({**c.values, "rope_scaling": None, "rope_parameters": kinds[kind]}).rope()
            for kind in ("full_attention", "sliding_attention")
        )
        return full, local
    full = c.rope(base=base)
    return full, dataclasses.replace(full, base=local_base or full.base, scaling=None)


def refuse(c: Config, **entries: Any) -> None:
    """Refuse what a configuration asks for beyond what is done.

    Args:
        c: The configuration.
        **entries: The only values that they may have, as they have where they are absent.

    Raises:
        ValueError: If one has another. The message names it.
    """
    for name, value in entries.items():
        if name in c and c.values[name] != value:
            raise ValueError(
                f"'{name}' in the configuration is {c.values[name]!r}; only {value!r} is supported"
            )


def unit_rows(weights: dict[str, mx.array], name: str, axis: int) -> dict[str, mx.array]:
    """Make the vectors of a weight as long as one.

    Args:
        weights: The weights, of which it may be one.
        name: Its name.
        axis: The axis of the vectors.

    Returns:
        All weights.
    """
    # Integers are those of a weight that has been like this.
    if name not in weights or not mx.issubdtype(weights[name].dtype, mx.floating):
        return weights
    weight = weights[name].astype(mx.float32)
    length = mx.linalg.norm(weight, axis=axis, keepdims=True)
    return weights | {name: (weight / (length + 1e-7)).astype(weights[name].dtype)}
