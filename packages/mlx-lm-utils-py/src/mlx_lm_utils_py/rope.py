"""Rotary position embeddings and the ways checkpoints stretch them to longer contexts."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn

__all__ = [
    "ROPE_TYPES",
    "DynamicRoPE",
    "LongRoPE",
    "ScaledRoPE",
    "context_length",
    "initialize_rope",
]


def __dir__() -> list[str]:
    return __all__


ROPE_TYPES = (
    "default",
    "linear",
    "dynamic",
    "llama3",
    "yarn",
    "longrope",
    "proportional",
    "factors",
)


class ScaledRoPE(nn.Module):
    """Rotary position embedding with a wavelength of its own for every pair of dimensions.

    Args:
        dims: Number of leading dimensions of the last axis to rotate.
        wavelengths: For each of the ``dims / 2`` pairs, the number of positions per radian.
        traditional: Rotate neighbouring dimensions instead of the two halves. Default: ``False``.
        magnitude: Factor on the rotated dimensions. Default: 1.0.
    """

    def __init__(
        self,
        dims: int,
        wavelengths: Sequence[float],
        traditional: bool = False,
        magnitude: float = 1.0,
    ) -> None:
        super().__init__()
        self.dims = dims
        self.traditional = traditional
        self.magnitude = magnitude
        # The underscore keeps it out of the parameters: it belongs to no checkpoint.
        self._wavelengths = mx.array(list(wavelengths), dtype=mx.float32)

    def __call__(self, x: mx.array, offset: int = 0) -> mx.array:
        """Rotate ``x`` of shape ``(..., length, width)``, whose first position is ``offset``."""
        if self.magnitude != 1.0:
            scaled = self.magnitude * x[..., : self.dims]
            x = mx.concatenate([scaled, x[..., self.dims :]], axis=-1)
        return mx.fast.rope(
            x,
            self.dims,
            traditional=self.traditional,
            base=None,
            scale=1.0,
            offset=offset,
            freqs=self._wavelengths,
        )


class LongRoPE(nn.Module):
    """Rotary position embedding with other wavelengths for sequences beyond a length.

    Args:
        short: Rotates up to there.
        long: Rotates beyond.
        context: The number of positions up to which a sequence is short.
    """

    def __init__(self, short: nn.Module, long: nn.Module, context: float) -> None:
        super().__init__()
        self.short = short
        self.long = long
        self.context = context

    def __call__(self, x: mx.array, offset: int = 0) -> mx.array:
        """Rotate ``x`` of shape ``(..., length, width)``, whose first position is ``offset``."""
        is_long = offset + x.shape[-2] > self.context
        rotated: mx.array = (self.long if is_long else self.short)(x, offset=offset)
        return rotated


class DynamicRoPE(nn.Module):
    """Rotary position embedding whose base grows with sequences beyond a length.

    Args:
        dims: Number of leading dimensions of the last axis to rotate.
        base: The base up to that length.
        factor: How fast it grows.
        context: The length.
        traditional: Rotate neighbouring dimensions instead of the two halves. Default: ``False``.
    """

    def __init__(
        self, dims: int, base: float, factor: float, context: float, traditional: bool = False
    ) -> None:
        super().__init__()
        self.dims = dims
        self.base = base
        self.factor = factor
        self.context = context
        self.traditional = traditional

    def __call__(self, x: mx.array, offset: int = 0) -> mx.array:
        """Rotate ``x`` of shape ``(..., length, width)``, whose first position is ``offset``."""
        longer = max((offset + x.shape[-2]) / self.context, 1.0)
        growth = self.factor * longer - (self.factor - 1)
        # With two dimensions there is one wavelength, which no base changes.
        power = self.dims / (self.dims - 2) if self.dims > 2 else 0.0
        return mx.fast.rope(
            x,
            self.dims,
            traditional=self.traditional,
            base=self.base * growth**power,
            scale=1.0,
            offset=offset,
        )


def initialize_rope(
    dims: int,
    base: float = 10000.0,
    traditional: bool = False,
    scaling_config: Mapping[str, Any] | None = None,
    max_position_embeddings: int | None = None,
) -> nn.Module:
    """Create the rotary position embedding that a model configuration asks for.

    Args:
        dims: Number of dimensions of a head that are rotated; even.
        base: The base of the geometric series of wavelengths, above 1. Default:
            10000.
        traditional: Rotate neighbouring dimensions instead of the two halves. Default: ``False``.
        scaling_config: The ``rope_scaling`` (or ``rope_parameters``) entry of the configuration.
            Its ``rope_type`` (or ``type``) is one of

            * ``default`` (or ``mrope``, in models of images): no scaling,
            * ``linear``: positions divided by ``factor``,
            * ``dynamic``: a base that grows with sequences longer than the original context, by
              ``factor``,
            * ``llama3``: long wavelengths multiplied by ``factor``, short ones kept, those between
              ``low_freq_factor`` and ``high_freq_factor`` blended
              (Llama 3.1, https://arxiv.org/abs/2407.21783),
            * ``yarn``: the same idea on the number of rotations within the original context, with
              a correction of the magnitude (https://arxiv.org/abs/2309.00071),
            * ``longrope`` (or ``su``): each wavelength multiplied by its own of the
              ``short_factor`` or, in sequences longer than the original context, of the
              ``long_factor`` (https://arxiv.org/abs/2402.13753),
            * ``proportional``: the share ``partial_rotary_factor`` of the pairs rotate, those of
              the shortest waves, ``factor`` times slower; the others do not (Gemma 4),
            * ``factors``: each wavelength multiplied by its own of the ``factors``, which is how
              GGUF files express the above.
        max_position_embeddings: Context length of the model, which is the original context where
            the configuration does not give one. Default: ``None``.

    Returns:
        A module called as ``rope(x, offset=0)`` on ``x`` of shape ``(..., length, width)``.

    Raises:
        ValueError: If the configuration is of an unknown type, lacks an entry or has a senseless
            one.

    Example:
        >>> rope = initialize_rope(8, scaling_config={"rope_type": "linear", "factor": 2.0})
        >>> rope(mx.ones((1, 1, 3, 8)), offset=4).shape
        (1, 1, 3, 8)
    """
    if dims < 2 or dims % 2:
        raise ValueError(f"dims must be even and at least 2, not {dims}")
    if not (math.isfinite(base) and base > 1):
        raise ValueError(f"base must be greater than 1, not {base}")
    config = dict(scaling_config or {})
    kind = config.get("rope_type", config.get("type", "default"))
    # Of text alone the positions in time, height and width are the same.
    if kind in ("default", "mrope"):
        return nn.RoPE(dims, traditional=traditional, base=base)
    if kind == "linear":
        scale = 1.0 / _positive(config, "factor")
        return nn.RoPE(dims, traditional=traditional, base=base, scale=scale)
    if kind == "dynamic":
        context = _positive(config, "original_max_position_embeddings", max_position_embeddings)
        return DynamicRoPE(dims, base, _positive(config, "factor"), context, traditional)
    if kind in ("longrope", "su"):
        return _long(dims, base, config, max_position_embeddings, traditional)
    if kind == "llama3":
        return ScaledRoPE(dims, _llama3(dims, base, config), traditional)
    if kind == "yarn":
        wavelengths, magnitude = _yarn(dims, base, config, max_position_embeddings)
        return ScaledRoPE(dims, wavelengths, traditional, magnitude)
    if kind == "proportional":
        return ScaledRoPE(dims, _proportional(dims, base, config), traditional)
    if kind == "factors":
        return ScaledRoPE(dims, _factors(dims, base, config), traditional)
    raise ValueError(f"rope_type {kind!r} is not supported; known: {', '.join(ROPE_TYPES)}")


def context_length(
    max_position_embeddings: int, scaling_config: Mapping[str, Any] | None = None
) -> int:
    """Return the number of positions that a model can tell apart.

    Configurations differ in whether ``max_position_embeddings`` counts the scaling of positions in
    already; what they allow under either reading is allowed.

    Args:
        max_position_embeddings: The entry of the configuration.
        scaling_config: Its ``rope_scaling`` entry, as for `initialize_rope`. Default: ``None``.

    Returns:
        The number of positions.

    Raises:
        ValueError: If ``factor`` or the original context is not a positive number.

    Example:
        >>> context_length(40960, {"rope_type": "yarn", "factor": 4.0})
        163840
    """
    config = dict(scaling_config or {})
    factor = _positive(config, "factor", 1.0)
    original = _positive(config, "original_max_position_embeddings", max_position_embeddings)
    return max(max_position_embeddings, int(min(factor * original, sys.maxsize)))


def _positive(config: Mapping[str, Any], key: str, default: float | None = None) -> float:
    value = config.get(key)
    if value is None:
        value = default
    if value is None:
        raise ValueError(f"rope_scaling has no '{key}'")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"'{key}' in rope_scaling must be a number, not {value!r}")
    if not 0 < value <= sys.float_info.max:
        raise ValueError(f"'{key}' in rope_scaling must be positive and finite, not {value}")
    return float(value)


def _wavelengths(dims: int, base: float) -> list[float]:
    return [base ** (2 * i / dims) for i in range(dims // 2)]


def _proportional(dims: int, base: float, config: Mapping[str, Any]) -> list[float]:
    share = _positive(config, "partial_rotary_factor", 1.0)
    factor = _positive(config, "factor", 1.0)
    rotated = int(share * dims // 2)
    waves = enumerate(_wavelengths(dims, base))
    return [wave * factor if i < rotated else math.inf for i, wave in waves]


def _llama3(dims: int, base: float, config: Mapping[str, Any]) -> list[float]:
    factor = _positive(config, "factor")
    low = _positive(config, "low_freq_factor", 1.0)
    high = _positive(config, "high_freq_factor", 4.0)
    context = _positive(config, "original_max_position_embeddings", 8192)
    if high <= low:
        raise ValueError("'high_freq_factor' in rope_scaling must exceed 'low_freq_factor'")
    scaled = []
    for wavelength in _wavelengths(dims, base):
        # 0 where the wave is too long to be seen whole in the original context, 1 where it fits
        # many times; the frequency is interpolated, not the wavelength.
        rotations = context / (2 * math.pi * wavelength)
        keep = min(max((rotations - low) / (high - low), 0.0), 1.0)
        scaled.append(wavelength / (keep + (1 - keep) / factor))
    return scaled


def _yarn(
    dims: int, base: float, config: Mapping[str, Any], max_position_embeddings: int | None
) -> tuple[list[float], float]:
    factor = _positive(config, "factor")
    context = _positive(config, "original_max_position_embeddings", max_position_embeddings)

    def dimension_with(rotations: float) -> float:
        # The quotient itself could leave the range of floats.
        waves = math.log(context) - math.log(rotations) - math.log(2 * math.pi)
        return dims * waves / (2 * math.log(base))

    first = dimension_with(_positive(config, "beta_fast", 32.0))
    last = dimension_with(_positive(config, "beta_slow", 1.0))
    if config.get("truncate", True):
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, dims - 1)
    span = max(last - first, 0.001)
    scaled = []
    for i, wavelength in enumerate(_wavelengths(dims, base)):
        keep = 1 - min(max((i - first) / span, 0.0), 1.0)
        scaled.append(wavelength / (keep + (1 - keep) / factor))
    return scaled, _yarn_magnitude(factor, config)


def _yarn_magnitude(factor: float, config: Mapping[str, Any]) -> float:
    if config.get("attention_factor") is not None:
        return _positive(config, "attention_factor")

    def magnitude(weight: float) -> float:
        return 0.1 * weight * math.log(factor) + 1.0 if factor > 1 else 1.0

    if config.get("mscale") and config.get("mscale_all_dim"):
        return magnitude(_positive(config, "mscale")) / magnitude(
            _positive(config, "mscale_all_dim")
        )
    return magnitude(1.0)


def _long(
    dims: int,
    base: float,
    config: Mapping[str, Any],
    max_position_embeddings: int | None,
    traditional: bool,
) -> LongRoPE:
    context = _positive(config, "original_max_position_embeddings", max_position_embeddings)
    if max_position_embeddings is None or config.get("factor") is not None:
        factor = _positive(config, "factor", 1.0)
    else:
        factor = max_position_embeddings / context
    magnitude = math.sqrt(1 + math.log(factor) / math.log(context)) if factor > 1 < context else 1.0
    magnitude = _positive(config, "attention_factor", magnitude)

    def rope(kind: str) -> ScaledRoPE:
        own = _positive(config, f"{kind}_mscale", magnitude)
        return ScaledRoPE(dims, _factors(dims, base, config, f"{kind}_factor"), traditional, own)

    return LongRoPE(rope("short"), rope("long"), context)


def _factors(
    dims: int, base: float, config: Mapping[str, Any], key: str = "factors"
) -> list[float]:
    factors = config.get(key)
    if not isinstance(factors, (list, tuple)) or len(factors) != dims // 2:
        raise ValueError(f"'{key}' in rope_scaling must be a list of {dims // 2} numbers")
    return [
        wavelength * _positive({key: factor}, key)
        for wavelength, factor in zip(_wavelengths(dims, base), factors, strict=True)
    ]
