"""Tokens that end an answer, by their text."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["END_TOKENS", "known_ends"]


def __dir__() -> list[str]:
    return __all__


_ENDS_OF_TURNS = (
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|return|>", "<|call|>", "<|calls|>",
    "<|flush|>", "<end_of_turn>", "<end_of_utterance>", "<EOT>", "_<EOT>",
)  # fmt: skip
_ENDS_OF_DOCUMENTS = ("<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>")
# After these a model that fills in the middle of code goes on with another file.
_ENDS_OF_FILES = (
    "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>",
    "<REPO>", "<reponame>", "<|file_sep|>",
)  # fmt: skip

END_TOKENS = frozenset((*_ENDS_OF_TURNS, *_ENDS_OF_DOCUMENTS, *_ENDS_OF_FILES))
"""What llama.cpp takes for the end of an answer, whatever a model file says of it."""


def known_ends(vocabulary: Mapping[str, int]) -> set[int]:
    """Find the tokens that end an answer.

    Args:
        vocabulary: The ids of tokens, by their text.

    Returns:
        The ids.

    Example:
        >>> known_ends({"a": 0, "<|im_end|>": 1})
        {1}
    """
    found = {token: vocabulary[token] for token in END_TOKENS & vocabulary.keys()}
    # Where a tool is called or a turn returned by tokens of their own, this ends a part of a turn.
    if {"<|return|>", "<|call|>"} <= found.keys() or {"<|flush|>", "<|calls|>"} <= found.keys():
        found.pop("<|end|>", None)
    return set(found.values())
