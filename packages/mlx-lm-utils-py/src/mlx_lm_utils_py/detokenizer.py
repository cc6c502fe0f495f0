"""From tokens to text, one token at a time."""

from __future__ import annotations

import codecs
import functools
import json
import re
from typing import Any

import tokenizers

__all__ = ["StreamingDetokenizer", "byte_characters"]


def __dir__() -> list[str]:
    return __all__


# After so many tokens the text of the earlier ones is not made again.
_WINDOW = 16
_EACH_BYTE = "mlx_lm_utils_py.each_byte"


def _replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error(_EACH_BYTE, _replace_each_byte)


@functools.cache
def byte_characters() -> list[str]:
    """The alphabet of byte-level BPE, in which every byte is a printable character.

    Bytes that are printable in Latin-1 stand for themselves, the others, in order, for what
    follows U+00FF.

    Returns:
        The characters of the bytes 0 to 255.
    """
    return [character for character, _ in sorted(_byte_of_character().items(), key=lambda x: x[1])]


@functools.cache
def _byte_of_character() -> dict[str, int]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(256 + i): byte for i, byte in enumerate(others)}


class StreamingDetokenizer:
    """Turns tokens into text as they come, never showing part of a character.

    A token is a run of bytes, which may end within a character of UTF-8; those bytes wait for the
    token that completes them. Each token costs time proportional to its own length.

    Args:
        tokenizer: The tokenizer. Pieces of byte-level tokenizers and of SentencePiece are put
            together here; those of others by the tokenizer's own decoder, with what came just
            before.
        skip_special_tokens: Leave out special tokens. Default: ``True``.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer, skip_special_tokens: bool = True) -> None:
        steps = _decoder_steps(tokenizer)
        kinds = [step["type"] for step in steps]
        self._byte_level = "ByteLevel" in kinds
        self._pieces_are_text = bool({"ByteFallback", "Metaspace", "Replace"} & set(kinds))
        self._strips = any(
            step["type"] == "Strip" or step.get("prepend_scheme") in ("first", "always")
            for step in steps
        )
        self._tokenizer = tokenizer
        self._added = tokenizer.get_added_tokens_decoder()
        self._skip_special_tokens = skip_special_tokens
        self.reset()

    def reset(self) -> None:
        """Forget all tokens."""
        # Byte-level vocabularies show a broken character once, SentencePiece each of its bytes.
        errors = "replace" if self._byte_level else _EACH_BYTE
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors)
        self._strip_next = self._strips
        self._recent: list[int] = []
        self._shown = 0

    def add_token(self, token: int) -> str:
        """Take the next token.

        Args:
            token: Its id. Ids without a token, which padded vocabularies have, add no text.

        Returns:
            The text that is now certain; empty while a character is incomplete.
        """
        if not self.has_bytes:
            return self._decoded(token)
        return self._text(self.token_bytes(token), final=False)

    def finalize(self) -> str:
        """End the text.

        Returns:
            What is left; an incomplete character becomes U+FFFD.
        """
        if not self.has_bytes:
            return self._decode(self._recent)[self._shown :]
        return self._text(b"", final=True)

    def _decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=self._skip_special_tokens)
        return text

    def _decoded(self, token: int) -> str:
        """What a token adds to the text of the recent ones."""
        if self._tokenizer.id_to_token(token) is None:
            return ""
        self._recent.append(token)
        text = self._decode(self._recent)
        # The bytes of a character may come one by one.
        if text.endswith("\ufffd"):
            return ""
        new = text[self._shown :]
        self._shown = len(text)
        if len(self._recent) > _WINDOW:
            # One token is enough to tell how the next one is joined to the text before it.
            self._recent = self._recent[-1:]
            self._shown = len(self._decode(self._recent))
        return new

    def _text(self, data: bytes, final: bool) -> str:
        text = self._decoder.decode(data, final)
        if text and self._strip_next:
            self._strip_next = False
            text = text.removeprefix(" ")
        return text

    @property
    def has_bytes(self) -> bool:
        """Whether each token is a run of bytes, whatever goes before it."""
        return self._byte_level or self._pieces_are_text

    def token_bytes(self, token: int) -> bytes:
        """The bytes that a token adds to the text.

        Args:
            token: Its id.

        Returns:
            The bytes; none for ids without a token.
        """
        added = self._added.get(token)
        if added is not None and added.special and self._skip_special_tokens:
            return b""
        # Spaces in tokens that were added, such as Gemma's runs of them, are U+2581 as in others.
        if added is not None and self._byte_level:
            return added.content.encode()
        piece = self._tokenizer.id_to_token(token)
        if piece is None:
            return b""
        if self._byte_level:
            table = _byte_of_character()
            # As the library does, a piece outside the alphabet stands for itself.
            if all(character in table for character in piece):
                return bytes(table[character] for character in piece)
            return piece.encode()
        if re.fullmatch(r"<0x[0-9A-Fa-f]{2}>", piece):
            return bytes.fromhex(piece[3:5])
        return piece.replace("▁", " ").encode()


def _decoder_steps(tokenizer: tokenizers.Tokenizer) -> list[dict[str, Any]]:
    if tokenizer.decoder is None:
        return []
    # The library shows what a decoder is only in its serialized form.
    state: dict[str, Any] = json.loads(tokenizer.decoder.__getstate__())
    return state["decoders"] if state["type"] == "Sequence" else [state]
