"""A view of ``config.json`` whose entries are checked as they are read."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, TypeVar, cast, overload

from mlx_lm_utils_py import context_length
from mlx_lm_utils_py.config import check_range, with_rope_parameters

from .spec import Attention, Norm, Rope

__all__ = ["Config"]


def __dir__() -> list[str]:
    return __all__


_T = TypeVar("_T")
_NAMES = {int: "int", float: "float", bool: "bool", str: "str", list: "list", dict: "dict"}


class Config:
    """The configuration of a model.

    Args:
        values: As ``config.json`` has it.

    Raises:
        ValueError: If ``rope_parameters`` is not an object.

    Example:
        >>> config = Config({"hidden_size": 64, "num_attention_heads": 4})
        >>> config.width, config.heads, config.head_dim, config("sliding_window", 0)
        (64, 4, 16, 0)
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values: dict[str, Any] = with_rope_parameters(values)

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    @overload
    def __call__(self, name: str, kind: type[_T], /) -> _T: ...

    @overload
    def __call__(self, name: str, default: _T, /) -> _T: ...

    def __call__(self, name: str, default: Any, /) -> Any:
        """Read an entry.

        Args:
            name: Its name.
            default: What is there if the entry is absent or ``null``, whose type it must have; or
                that type, if it must be there.

        Returns:
            Its value.

        Raises:
            ValueError: If it is missing or of another type. The message names it.
        """
        needed = isinstance(default, type)
        kind = default if needed else type(default)
        value = self.values.get(name)
        if value is None:
            if needed:
                raise ValueError(f"the configuration has no '{name}'")
            return default
        if kind is float and type(value) in (int, float):
            # JSON as Python reads it knows NaN, infinities, and integers beyond all floats.
            if not abs(value) <= sys.float_info.max:
                raise ValueError(f"'{name}' in the configuration must be a finite number")
            return float(value)
        # bool is a subclass of int, and `true` is no number of layers.
        if type(value) is not kind:
            raise ValueError(
                f"'{name}' in the configuration must be of type {_NAMES.get(kind, kind)}, not "
                f"{type(value).__name__}"
            )
        return value

    def positive(self, name: str, default: _T, /) -> _T:
        """Read a number that must be greater than 0, as what divides or counts steps must.

        Args:
            name: The name of the entry.
            default: What is there if the entry is absent, whose type it must have.

        Returns:
            Its value.

        Raises:
            ValueError: If it is of another type, or not positive. The message names it.
        """
        value: Any = self(name, default)
        if value <= 0:
            raise ValueError(f"'{name}' in the configuration must be positive, not {value}")
        return cast(_T, value)

    def first(self, *names: str) -> str:
        """The first of several names of an entry that is there; else the first of all."""
        return next((name for name in names if name in self), names[0])

    @property
    def width(self) -> int:
        """The number of features between layers."""
        return self._size(self.first("hidden_size", "n_embd"))

    @property
    def depth(self) -> int:
        """The number of layers."""
        return self._size(self.first("num_hidden_layers", "n_layer"), high=1000)

    @property
    def heads(self) -> int:
        """The number of heads of queries."""
        return self._size(self.first("num_attention_heads", "n_head"))

    @property
    def kv_heads(self) -> int:
        """The number of heads of keys and values."""
        return self("num_key_value_heads", 0) or self.heads

    @property
    def head_dim(self) -> int:
        """The width of a head."""
        if self("head_dim", 0):
            return self("head_dim", 0)
        if self.width % self.heads:
            raise ValueError(
                f"the configuration has a width of {self.width}, no multiple of its {self.heads} "
                "heads, and no 'head_dim'"
            )
        return self.width // self.heads

    @property
    def vocab_size(self) -> int:
        """The number of tokens."""
        return self._size("vocab_size")

    @property
    def hidden(self) -> int:
        """The number of features within a feed-forward layer."""
        return self._size(self.first("intermediate_size", "n_inner"))

    @property
    def context(self) -> int:
        """``max_position_embeddings``."""
        name = self.first("max_position_embeddings", "n_positions")
        value = self(name, 2048)
        check_range(name, value)
        return value

    def act(self, default: str = "silu") -> str:
        """The activation.

        Args:
            default: What it is where the configuration names none. Default: ``"silu"``.

        Returns:
            Its name.
        """
        return self(self.first("hidden_act", "hidden_activation", "activation_function"), default)

    def _size(self, name: str, high: int = 2**31 - 1) -> int:
        value = self(name, int)
        check_range(name, value, high=high)
        return value

    def scaling(self) -> dict[str, Any] | None:
        """The ``rope_scaling``, if it scales."""
        return self("rope_scaling", {}) or None

    def context_length(self) -> int:
        """The number of positions that the model can tell apart."""
        return context_length(self.context, self.scaling())

    def norm(self, name: str = "rms_norm_eps", default: float | type[float] = float) -> Norm:
        """The root-mean-square norm.

        Args:
            name: The entry with its epsilon.
            default: What that is where the configuration has none. Default: it must have it.

        Returns:
            The norm.
        """
        eps: float = self(name, default)
        if eps < 0:
            raise ValueError(f"'{name}' in the configuration must not be negative")
        return Norm(eps)

    def rope(
        self,
        share: float = 1.0,
        *,
        interleaved: bool = False,
        base: float = 10000.0,
        head_dim: int | None = None,
    ) -> Rope:
        """The rotary positions.

        Args:
            share: Of the dimensions of a head that are rotated, where the configuration does not
                say. Default: 1.0.
            interleaved: Whether neighbours rotate together. Default: ``False``.
            base: Where the configuration has none. Default: 10000.
            head_dim: Default: ``None``, that of the configuration.

        Returns:
            The positions.
        """
        scaling = self.scaling()
        share = float((scaling or {}).get("partial_rotary_factor") or 0) or self(
            self.first("partial_rotary_factor", "rotary_pct", "rope_pct"), share
        )
        if not 0 < share <= 1 or math.isnan(share):
            raise ValueError(f"'partial_rotary_factor' in the configuration is {share}")
        return Rope(
            dims=int((head_dim or self.head_dim) * share),
            base=self("rope_theta", base),
            interleaved=self("rope_traditional", interleaved),
            scaling=scaling,
            context=self.context,
        )

    def attention(self, rope: Rope | None = None, **options: Any) -> Attention:
        """Attention of the usual sizes.

        Args:
            rope: The positions. Default: ``None``, none.
            **options: Further attributes of `Attention`.

        Returns:
            The attention.
        """
        return Attention(self.heads, self.kv_heads, self.head_dim, rope, **options)
