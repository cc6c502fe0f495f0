"""The vocabulary in a ``tokenizer.model`` of SentencePiece.

The format, a message of Protocol Buffers:
https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["MAX_MODEL_BYTES", "read_sentencepiece"]


def __dir__() -> list[str]:
    return __all__


MAX_MODEL_BYTES = 256 * 2**20

# Numbers of the fields that are read.
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_TEXT, _SCORE, _TYPE = 1, 2, 3
_MODEL_TYPE, _BYTE_FALLBACK, _UNK_ID, _BOS_ID, _EOS_ID = 3, 35, 40, 41, 42
_CHARSMAP, _DUMMY_PREFIX, _EXTRA_SPACES = 2, 3, 4

_KINDS = {1: "t5", 2: "llama"}


def read_sentencepiece(path: str | Path) -> dict[str, Any]:
    """Read a SentencePiece model in the terms of the metadata of a GGUF file.

    Args:
        path: The file.

    Returns:
        The ``tokenizer.ggml`` entries for `tokenizer_from_gguf`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or its kind is neither BPE nor unigram.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > MAX_MODEL_BYTES:
        raise ValueError(f"{path} has {size} bytes, too many for a vocabulary")
    tokens: list[str] = []
    scores: list[float] = []
    types: list[int] = []
    trainer: dict[int, Any] = {}
    normalizer: dict[int, Any] = {}
    try:
        for number, value in _fields(path.read_bytes()):
            if number == _PIECES:
                piece = dict(_fields(value))
                tokens.append(piece[_TEXT].decode())
                scores.append(struct.unpack("<f", piece.get(_SCORE, b"\0\0\0\0"))[0])
                types.append(piece.get(_TYPE, 1))
            elif number == _TRAINER:
                trainer = dict(_fields(value))
            elif number == _NORMALIZER:
                normalizer = dict(_fields(value))
    # What is not such a message fails in any of these ways.
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, struct.error):
        raise ValueError(f"{path} is not a valid SentencePiece model") from None
    kind = trainer.get(_MODEL_TYPE, 1)
    if not tokens or kind not in _KINDS:
        raise ValueError(f"{path} is not a SentencePiece model of kind BPE or unigram")
    # What a vocabulary has not is -1, which is a large number in a message.
    ends = {"bos": trainer.get(_BOS_ID, 1), "eos": trainer.get(_EOS_ID, 2)}
    return {
        **{f"tokenizer.ggml.{k}_token_id": i for k, i in ends.items() if i < len(tokens)},
        "tokenizer.ggml.model": _KINDS[kind],
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.unknown_token_id": trainer.get(_UNK_ID, 0),
        "tokenizer.ggml.add_space_prefix": bool(normalizer.get(_DUMMY_PREFIX, 1)),
        "tokenizer.ggml.remove_extra_whitespaces": bool(normalizer.get(_EXTRA_SPACES, 1)),
        "tokenizer.ggml.precompiled_charsmap": list(normalizer.get(_CHARSMAP, b"")),
    }


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a message: integers, four or eight bytes, or the bytes of what has a length."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("an integer of more than 64 bits")

    def take(count: int) -> bytes:
        nonlocal at
        if count > len(message) - at:
            raise ValueError("a field that runs past the end")
        at += count
        return message[at - count : at]

    while at < len(message):
        key = varint()
        match key & 7:
            case 0:
                yield key >> 3, varint()
            case 1:
                yield key >> 3, take(8)
            case 2:
                yield key >> 3, take(varint())
            case 5:
                yield key >> 3, take(4)
            case _:
                raise ValueError("a field of an unknown kind")
