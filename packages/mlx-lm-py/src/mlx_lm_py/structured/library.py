"""llguidance, which knows after each token which ones may follow, as far as it is used here."""

from __future__ import annotations

import importlib
import weakref
from typing import Any

from mlx_lm_utils_py import Tokenizer

__all__ = ["library", "vocabulary"]


def __dir__() -> list[str]:
    return __all__


# A tokenizer of 100 000 tokens takes a quarter of a second to take in.
_vocabularies: weakref.WeakKeyDictionary[Tokenizer, Any] = weakref.WeakKeyDictionary()


def library(name: str = "llguidance") -> Any:
    """Import the library, or one of its modules.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ImportError(
            "structured output needs llguidance: install mlx-lm-py[structured]"
        ) from None


class _Pieces:
    """A tokenizer, as the library looks at it."""

    def __init__(self, tokenizer: Tokenizer, ends: list[int]) -> None:
        # The library holds this object, which the table of vocabularies must not keep alive.
        self._encode = weakref.WeakMethod(tokenizer.encode)
        self.eos_token_id: int = ends[0]
        self.bos_token_id: int | None = tokenizer.bos_token_id
        self.tokens: list[bytes] = tokenizer.token_bytes()
        self.tokens += [b""] * (max(ends) + 1 - len(self.tokens))
        self.special_token_ids: list[int] = sorted(tokenizer.special_token_ids)

    def __call__(self, text: str | bytes) -> list[int]:
        if isinstance(text, bytes):
            text = text.decode()
        encode = self._encode()
        return encode(text, add_special_tokens=False) if encode is not None else []


def vocabulary(tokenizer: Tokenizer) -> Any:
    """The library's view of a tokenizer, made once for each.

    Raises:
        ImportError: If the library is not installed.
        ValueError: If no token ends an answer, or the tokens have no bytes of their own.
    """
    found = _vocabularies.get(tokenizer)
    if found is None:
        llguidance = library()
        ends = sorted(tokenizer.eos_token_ids)
        if not ends:
            raise ValueError("the tokenizer has no token that ends an answer")
        pieces = llguidance.TokenizerWrapper(_Pieces(tokenizer, ends))
        found = llguidance.LLTokenizer(
            pieces, eos_token=ends, slices=llguidance.LLTokenizer.json_slices()
        )
        _vocabularies[tokenizer] = found
    return found
