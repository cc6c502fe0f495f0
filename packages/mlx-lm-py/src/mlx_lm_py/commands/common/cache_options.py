"""Options of what is kept of what was read, and of guesses of what comes next."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .arguments import integer_in
from .parser import UsageError

if TYPE_CHECKING:
    from mlx_lm_py.cache import Cache
    from mlx_lm_py.models.protocols import LanguageModel

    from .opening import Opened

__all__ = [
    "add_cache",
    "add_prompt_cache",
    "add_speculation",
    "check_guesses",
    "kv_options",
    "make_caches",
    "make_quantized_caches",
    "speculation_options",
]


def __dir__() -> list[str]:
    return __all__


def add_cache(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Declare what is kept of what was read.

    Args:
        parser: The parser.

    Returns:
        The group of these options.
    """
    group = parser.add_argument_group("key-value cache")
    group.add_argument(
        "--max-kv-size",
        type=integer_in(5),
        metavar="N",
        help="keep the first 4 and the latest positions, N in all, and forget the others",
    )
    group.add_argument(
        "--kv-bits", type=int, choices=[2, 3, 4, 5, 6, 8], help="bits of a number (default: 16)"
    )
    group.add_argument(
        "--kv-group-size",
        type=int,
        choices=[32, 64, 128],
        default=64,
        help="numbers that share a scale, with --kv-bits (default: %(default)s)",
    )
    group.add_argument(
        "--quantized-kv-start",
        type=integer_in(0),
        default=0,
        metavar="N",
        help="keep them as they are until there are N positions, with --kv-bits "
        "(default: %(default)s)",
    )
    return group


def add_prompt_cache(group: argparse._ArgumentGroup) -> None:
    """Declare the file of a prompt that was read before.

    Args:
        group: The group that `add_cache` has made.
    """
    group.add_argument(
        "--prompt-cache",
        metavar="FILE",
        help="go on after what is in this file, which cache-prompt has written, or /save in a chat",
    )


def add_speculation(parser: argparse.ArgumentParser) -> None:
    """Declare who guesses what comes next.

    Args:
        parser: The parser.
    """
    group = parser.add_argument_group(
        "guesses of what comes next", "for the same answer in less time"
    )
    one = group.add_mutually_exclusive_group()
    one.add_argument(
        "--draft-model",
        metavar="PATH_OR_REPO",
        help="a much smaller model with the same tokens, which guesses",
    )
    one.add_argument(
        "--ngram",
        type=integer_in(1),
        metavar="N",
        help="guess what came after the latest N tokens before; 3 is a good number",
    )
    group.add_argument(
        "--num-draft-tokens",
        type=integer_in(1),
        metavar="N",
        help="most tokens to guess at a time (default: 2 with --draft-model, 16 with --ngram)",
    )


def check_guesses(options: argparse.Namespace, together: bool) -> None:
    """Raise an error if options of this module do not go together.

    Args:
        options: With those of `add_cache` and `add_speculation`.
        together: Whether several answers are made at once.

    Raises:
        UsageError: If they do not.
    """
    guesses = options.draft_model is not None or options.ngram is not None
    if options.num_draft_tokens is not None and not guesses:
        raise UsageError("--num-draft-tokens needs --draft-model or --ngram")
    alone = {
        "--draft-model": options.draft_model is not None,
        "--ngram": options.ngram is not None,
        "--quantized-kv-start": options.quantized_kv_start > 0,
    }
    for name, given in alone.items():
        if given and together:
            raise UsageError(
                f"{name} is for a single answer: it cannot be used for several at once"
            )


def speculation_options(options: argparse.Namespace, opened: Opened) -> dict[str, Any]:
    """Who guesses what comes next.

    Args:
        options: With those of `add_speculation`.
        opened: The model, and the one that guesses.

    Returns:
        Options of `stream_generate`.
    """
    if options.draft_model is None and options.ngram is None:
        return {}
    return {
        "draft_model": opened.draft_model,
        "draft_tokenizer": opened.draft_tokenizer,
        "ngram_size": options.ngram,
        "num_draft_tokens": options.num_draft_tokens,
    }


def kv_options(options: argparse.Namespace) -> dict[str, Any]:
    """In how many bits keys and values are kept.

    Args:
        options: With those of `add_cache`.

    Returns:
        Options of `stream_generate`.
    """
    return {
        "kv_bits": options.kv_bits,
        "kv_group_size": options.kv_group_size,
        "quantized_kv_start": options.quantized_kv_start,
    }


def make_caches(
    options: argparse.Namespace, model: LanguageModel, draft_model: LanguageModel | None = None
) -> list[Cache]:
    """Make an empty cache that keeps as much as the options say.

    Args:
        options: With those of `add_cache`.
        model: The model.
        draft_model: The model that guesses, whose cache comes after. Default: ``None``.

    Returns:
        The cache.
    """
    from mlx_lm_py.cache import make_prompt_cache

    cache = make_prompt_cache(model, options.max_kv_size)
    return cache if draft_model is None else [*cache, *make_prompt_cache(draft_model)]


def make_quantized_caches(options: argparse.Namespace, model: LanguageModel) -> list[Cache]:
    """Make an empty cache whose numbers are kept in few bits from the first one on.

    Args:
        options: With those of `add_cache`.
        model: The model.

    Returns:
        The cache; one of numbers as they are if that is what the options say.
    """
    from mlx_lm_py.cache import (
        KVCache,
        QuantizedKVCache,
        QuantizedRotatingKVCache,
        RotatingKVCache,
    )

    cache = make_caches(options, model)
    if options.kv_bits is None:
        return cache
    how = {"group_size": options.kv_group_size, "bits": options.kv_bits}
    for i, layer in enumerate(cache):
        if type(layer) is KVCache:
            cache[i] = QuantizedKVCache(**how)
        elif type(layer) is RotatingKVCache:
            cache[i] = QuantizedRotatingKVCache(layer.max_size, layer.keep, **how)
    return cache
