"""How much of a prompt a cache holds already."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import mlx_core_py as mx

from mlx_lm_py.cache import AttentionCache, Cache, quantize_prompt_cache, trim_prompt_cache

from .opening import prefill_step_size

if TYPE_CHECKING:
    from mlx_lm_utils_py import Tokenizer

    from mlx_lm_py.models.protocols import LanguageModel

__all__ = ["cut_back", "cut_level", "in_own_tokens", "pieces", "read_tokens", "tail_after"]


def __dir__() -> list[str]:
    return __all__


def tail_after(text: str, prompt: list[int], tokenizer: Tokenizer) -> list[int] | None:
    """Find the tokens of a prompt that come after a text.

    Args:
        text: The text.
        prompt: The prompt.
        tokenizer: That of the model.

    Returns:
        The tokens; ``None`` if the prompt does not begin with the text, or a token goes across its
        end.
    """
    count = bisect.bisect_left(
        range(len(prompt)), len(text), key=lambda k: len(tokenizer.decode(prompt[:k]))
    )
    return prompt[count:] if tokenizer.decode(prompt[:count]) == text else None


def in_own_tokens(held: list[int], prompt: list[int], tokenizer: Tokenizer) -> list[int]:
    """Put the tokens that a cache holds where a prompt has others for the same text.

    A model need not write a text in the tokens that the tokenizer has for it.

    Args:
        held: The tokens that the cache holds.
        prompt: The prompt.
        tokenizer: That of the model.

    Returns:
        The prompt in these tokens; as it is if it does not begin with their text.
    """
    if prompt[: len(held)] == held:
        return prompt
    tail = tail_after(tokenizer.decode(held), prompt, tokenizer)
    return prompt if tail is None else held + tail


def cut_back(cache: Sequence[Cache], held: list[int], prompt: list[int]) -> int | None:
    """Cut a cache back to what it has in common with a prompt, of which a token is left.

    Args:
        cache: The cache.
        held: The tokens that it holds.
        prompt: The prompt.

    Returns:
        How many tokens of the prompt the cache holds; ``None`` if a layer keeps what cannot be
        taken back, and the cache is of no use.
    """
    common = 0
    for have, wanted in zip(held, prompt[:-1], strict=False):
        if have != wanted:
            break
        common += 1
    extra = len(held) - common
    if extra and trim_prompt_cache(cache, extra) != extra:
        return None
    return common


def cut_level(cache: Sequence[Cache], length: int) -> int | None:
    """Cut a cache back where an answer was stopped.

    The step after the latest token may have begun, and been interrupted between two layers.

    Args:
        cache: The cache.
        length: How many tokens there are.

    Returns:
        How many of them it holds, in every layer; ``None`` if a layer keeps what cannot be taken
        back, and the cache is of no use.
    """
    offsets = [layer.offset for layer in cache if isinstance(layer, AttentionCache)]
    held = min([*offsets, length])
    extra = [offset - held for offset in offsets]
    if not any(extra):
        return held if offsets else None
    if len(set(extra)) == 1:
        return held if trim_prompt_cache(cache, extra[0]) == extra[0] else None
    # What keeps no positions may have seen those that others have not.
    if len(extra) != len(cache):
        return None
    each = list(zip(cache, extra, strict=True))
    if not all(layer.can_trim(n) for layer, n in each):
        return None
    for layer, n in each:
        layer.trim(n)
    return held


def pieces(tokens: list[int]) -> list[list[int]]:
    """Cut tokens into pieces, each of which is read at once.

    Args:
        tokens: The tokens.

    Returns:
        The pieces.
    """
    step = prefill_step_size()
    return [tokens[start : start + step] for start in range(0, len(tokens), step)]


def read_tokens(
    model: LanguageModel,
    parts: Iterable[list[int]],
    cache: list[Cache],
    *,
    kv_bits: int | None = None,
    kv_group_size: int = 64,
    quantized_kv_start: int = 0,
) -> None:
    """Read tokens, and generate none.

    Args:
        model: The model.
        parts: The tokens, as `pieces` cuts them.
        cache: What takes them in.
        kv_bits: As of `generate_step`. Default: ``None``.
        kv_group_size: As of `generate_step`. Default: 64.
        quantized_kv_start: As of `generate_step`. Default: 0.
    """
    for part in parts:
        model(mx.array([part]), cache=cache, last_only=True)
        if kv_bits is not None:
            quantize_prompt_cache(cache, kv_bits, kv_group_size, quantized_kv_start)
        mx.eval([layer.state for layer in cache])
