"""A request to generate, checked: what reaches the loop has no mistakes left."""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mlx_core_py as mx

from mlx_lm_py._checks import check_function, check_integer
from mlx_lm_py.cache import Cache, Lease, PrefixCache, cache_length
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.sampling import LogitsProcessor, Sampler, begun, greedy

from .kv_options import KVOptions

__all__ = ["IMPOSSIBLE", "Plan", "check_cache", "check_prefix_cache", "make_plan"]


def __dir__() -> list[str]:
    return __all__


# What is wrong where no token can be chosen.
IMPOSSIBLE = (
    "the logits are NaN or infinite: what the model computes may be beyond the range of its type "
    "(load it with another dtype, such as bfloat16 or float32), or logits_processors leave no token"
)


@dataclass(frozen=True)
class Plan:
    """What to generate.

    Attributes:
        prompt: The tokens to continue, at least one.
        max_tokens: Number of tokens to generate, for which the context has room.
        sampler: Chooses a token from log-probabilities of shape ``(1, vocabulary)``.
        processors: Change the logits, one after the other, by the tokens so far.
        cache: The cache of each layer, to which the prompt is added.
        prefill_step_size: Number of tokens of the prompt to read at a time.
        kv: How the cache is kept.
        lease: What was found of the prompt in a prefix cache; ``None`` without one.
    """

    prompt: list[int]
    max_tokens: int
    sampler: Sampler
    processors: tuple[LogitsProcessor, ...]
    cache: MutableSequence[Cache]
    prefill_step_size: int
    kv: KVOptions
    lease: Lease | None = None

    @property
    def cached(self) -> int:
        """Number of tokens of the prompt that the cache has held from the beginning."""
        return self.lease.length if self.lease is not None else 0

    def keep(self, tokens: Sequence[int], *, is_last: bool = True) -> None:
        """Keep what was read in the prefix cache, if there is one.

        Args:
            tokens: All tokens that the cache holds.
            is_last: Whether nothing more will be read. Default: ``True``.
        """
        if self.lease is not None:
            mx.eval(self.lease.keep(tokens, self.cache, is_last=is_last))

    @contextmanager
    def keeping(self, tokens: Sequence[int], most: int) -> Iterator[None]:
        """Keep what was read at the end of a ``with`` block, unless it fails.

        Args:
            tokens: All tokens so far, a list that grows.
            most: How many of them the cache holds at most.
        """
        try:
            yield
        except GeneratorExit:
            # Whoever asked has enough.
            self.keep(tokens[:most])
            raise
        self.keep(tokens[:most])


def make_plan(
    prompt: Sequence[int] | mx.array,
    model: LanguageModel,
    *,
    max_tokens: int = 256,
    sampler: Sampler | None = None,
    logits_processors: Sequence[LogitsProcessor] | None = None,
    prompt_cache: Sequence[Cache] | None = None,
    prefill_step_size: int = 512,
    max_kv_size: int | None = None,
    kv_bits: int | None = None,
    kv_group_size: int = 64,
    quantized_kv_start: int = 0,
    prefix_cache: PrefixCache | None = None,
) -> Plan:
    """Check the arguments of `generate_step`, which says what they mean.

    Raises:
        TypeError: If the prompt or a number is of the wrong type.
        ValueError: If the prompt is empty, holds what is no token or is longer than the context
            of the model, or a number is too small.
    """
    tokens = _checked_prompt(prompt, model)
    max_tokens = _within_context(len(tokens), model, max_tokens, prompt_cache)
    processors: Any = logits_processors if logits_processors is not None else ()
    if not isinstance(processors, Sequence) or not all(map(callable, processors)):
        raise TypeError("logits_processors must be a list of functions of tokens and logits")
    check_integer("prefill_step_size", prefill_step_size, 1)
    if sampler is not None:
        check_function("sampler", sampler)
    kv = KVOptions(max_kv_size, kv_bits, kv_group_size, quantized_kv_start)
    lease = None
    cache: Any = prompt_cache
    if prefix_cache is not None:
        check_prefix_cache(prefix_cache)
        if prompt_cache is not None:
            raise ValueError("prefix_cache and prompt_cache cannot be used together")
        lease = kv.begin(prefix_cache, model, tokens, len(tokens) + 1)
        cache = lease.cache
    elif prompt_cache is None:
        cache = kv.new_cache(model)
    else:
        kv.quantize(cache)
    return Plan(
        tokens,
        max_tokens,
        begun(sampler or greedy),
        tuple(processors),
        cache,
        prefill_step_size,
        kv,
        lease,
    )


def _checked_prompt(prompt: Sequence[int] | mx.array, model: LanguageModel) -> list[int]:
    # Arrays of NumPy are as good as ours.
    values = prompt.tolist() if hasattr(prompt, "tolist") else prompt
    if not isinstance(values, (list, tuple)) or not all(type(i) is int for i in values):
        raise TypeError("prompt must be a list or a one-dimensional array of integers")
    values = list(values)
    if not values:
        raise ValueError("prompt must have at least one token")
    size = model.args.vocab_size
    for i in values:
        if not 0 <= i < size:
            raise ValueError(f"prompt has {i}, which is none of the {size} tokens of the model")
    return values


def check_cache(name: str, cache: Any, model: LanguageModel) -> None:
    """Check that something is the cache of a model, as far as that shows.

    Args:
        name: What the exception calls it.
        cache: The cache.
        model: The model.

    Raises:
        TypeError: If it is no list of caches.
        ValueError: If it has not one for each layer.
    """
    if not isinstance(cache, Sequence) or not all(hasattr(layer, "can_trim") for layer in cache):
        raise TypeError(f"{name} must be a list of caches, as make_prompt_cache makes it")
    if len(cache) != len(model.layers):
        raise ValueError(
            f"{name} has {len(cache)} entries for the {len(model.layers)} layers of the model"
        )


def check_prefix_cache(prefix_cache: Any) -> None:
    """Raise a `TypeError` if that is no prefix cache."""
    if not isinstance(prefix_cache, PrefixCache):
        raise TypeError(f"prefix_cache must be a PrefixCache, not {type(prefix_cache).__name__}")


def _within_context(
    count: int, model: LanguageModel, max_tokens: int, cache: Sequence[Cache] | None
) -> int:
    """Lower ``max_tokens`` to what there are positions for after ``count`` more in the cache."""
    check_integer("max_tokens", max_tokens, 1)
    if cache is not None:
        check_cache("prompt_cache", cache, model)
    held = 0 if cache is None else cache_length(cache)
    size = model.args.context_length
    if held + count > size:
        before = f" after {held} in the cache" if held else ""
        raise ValueError(
            f"prompt has {count} tokens{before}, more than the context of {size} tokens holds"
        )
    # The last token needs no position: nothing follows it.
    return min(max_tokens, size - held - count + 1)
