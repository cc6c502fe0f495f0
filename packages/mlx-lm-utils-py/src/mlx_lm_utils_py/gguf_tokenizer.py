"""Build a tokenizer from the metadata of a GGUF file.

The keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing

__all__ = ["MAX_PIECE_CHARS", "token_id", "tokenizer_from_gguf"]


def __dir__() -> list[str]:
    return __all__


MAX_PIECE_CHARS = 1024

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6

# How a text is cut into words before the merges: published with each model's tokenizer.json.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_TAIL = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_WORD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_LLAMA3 = rf"{_WORD}|\p{{N}}{{1,3}}|{_TAIL}"
_QWEN2 = rf"{_WORD}|\p{{N}}|{_TAIL}"

_SPLITS: dict[str, tuple[str, ...]] = {
    "default": (_GPT2,),
    "gpt-2": (_GPT2,),
    "olmo": (_GPT2,),
    "phi-2": (_GPT2,),
    "smollm": (r"\p{N}", _GPT2),
    "starcoder": (r"\p{N}", _GPT2),
    "refact": (r"\p{N}", _GPT2),
    "llama-bpe": (_LLAMA3,),
    "llama3": (_LLAMA3,),
    "llama-v3": (_LLAMA3,),
    "qwen2": (_QWEN2,),
    "deepseek-r1-qwen": (_QWEN2,),
    "stablelm2": (_QWEN2,),
}
_LLAMA3_NAMES = ("llama-bpe", "llama3", "llama-v3")


def tokenizer_from_gguf(metadata: Mapping[str, Any]) -> Tokenizer:
    """Build a tokenizer from the ``tokenizer.ggml`` entries of a GGUF file.

    Args:
        metadata: As `read_gguf_header` gives it. ``tokenizer.ggml.model`` may be ``gpt2``
            (byte-level BPE) or ``llama`` (SentencePiece BPE with byte fallback).

    Returns:
        A tokenizer of the ``tokenizers`` library.

    Raises:
        ValueError: If an entry is missing, of the wrong type, or names a tokenizer that is not
            known here.
    """
    tokens = _strings(metadata, "tokenizer.ggml.tokens")
    vocabulary = {token: i for i, token in enumerate(tokens)}
    if len(vocabulary) != len(tokens):
        raise ValueError("tokenizer.ggml.tokens has the same token twice")
    types = _numbers(metadata, "tokenizer.ggml.token_type", len(tokens), [_NORMAL] * len(tokens))
    kind = metadata.get("tokenizer.ggml.model")
    if kind == "gpt2":
        tokenizer, add_bos = _byte_level(metadata, vocabulary)
    elif kind == "llama":
        tokenizer, add_bos = _sentencepiece(metadata, vocabulary, types)
    else:
        raise ValueError(f"tokenizer.ggml.model {kind!r} is not supported; known: gpt2, llama")
    special = (_CONTROL, _UNKNOWN)
    tokenizer.add_tokens(
        [
            AddedToken(token, special=types[i] in special, normalized=False)
            for i, token in enumerate(tokens)
            if types[i] in (*special, _USER_DEFINED)
        ]
    )
    bos = eos = None
    if _flag(metadata, "add_bos_token", add_bos):
        bos = token_id(metadata, "bos", len(tokens))
    if _flag(metadata, "add_eos_token", False):
        eos = token_id(metadata, "eos", len(tokens))
    if bos is not None or eos is not None:
        before = [] if bos is None else ["<bos>"]
        after = [] if eos is None else ["<eos>"]
        names = {"<bos>": bos, "<eos>": eos}
        tokenizer.post_processor = TemplateProcessing(
            single=[*before, "$A", *after],
            pair=[*before, "$A", *after, *before, "$B:1", *after],
            special_tokens=[(name, i) for name, i in names.items() if i is not None],
        )
    return tokenizer


def token_id(metadata: Mapping[str, Any], name: str, vocab_size: int) -> int | None:
    """Look up one of the special tokens that a GGUF file names.

    Args:
        metadata: The metadata of the file.
        name: Such as ``"bos"``, ``"eos"`` or ``"eot"``.
        vocab_size: Number of tokens.

    Returns:
        The id, or ``None`` if the file names none.

    Raises:
        ValueError: If the id is no token.
    """
    key = f"tokenizer.ggml.{name}_token_id"
    value = metadata.get(key)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value < vocab_size:
        raise ValueError(f"{key} is {value!r}, which is none of the {vocab_size} tokens")
    return value


def _byte_level(metadata: Mapping[str, Any], vocabulary: dict[str, int]) -> tuple[Tokenizer, bool]:
    name = metadata.get("tokenizer.ggml.pre", "default")
    if name not in _SPLITS:
        known = ", ".join(sorted(_SPLITS))
        raise ValueError(f"tokenizer.ggml.pre {name!r} is not supported; known: {known}")
    merges = []
    for merge in _strings(metadata, "tokenizer.ggml.merges"):
        left, _, right = merge.partition(" ")
        if left not in vocabulary or right not in vocabulary or left + right not in vocabulary:
            raise ValueError(f"tokenizer.ggml.merges has {merge!r}, whose tokens are not all known")
        merges.append((left, right))
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges, ignore_merges=name in _LLAMA3_NAMES))
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(split), "isolated") for split in _SPLITS[name]),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, name in _LLAMA3_NAMES


def _sentencepiece(
    metadata: Mapping[str, Any], vocabulary: dict[str, int], types: Sequence[int]
) -> tuple[Tokenizer, bool]:
    scores = _numbers(metadata, "tokenizer.ggml.scores", len(vocabulary))
    pieces = {
        token: scores[i] for token, i in vocabulary.items() if types[i] in (_NORMAL, _USER_DEFINED)
    }
    unknown = token_id(metadata, "unknown", len(vocabulary))
    tokenizer = Tokenizer(
        BPE(
            vocab=vocabulary,
            merges=_merges(pieces, vocabulary),
            unk_token=None if unknown is None else list(vocabulary)[unknown],
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    spaces: list[Any] = [normalizers.Replace(" ", "▁")]
    steps: list[Any] = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if _flag(metadata, "add_space_prefix", True):
        spaces.insert(0, normalizers.Prepend("▁"))
        steps.append(decoders.Strip(" ", 1, 0))
    tokenizer.normalizer = normalizers.Sequence(spaces)
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer, True


def _merges(pieces: Mapping[str, float], vocabulary: Mapping[str, int]) -> list[tuple[str, str]]:
    """SentencePiece joins the pair with the best score; BPE the one with the earliest merge."""
    merges = []
    for token, score in pieces.items():
        if len(token) > MAX_PIECE_CHARS:
            raise ValueError(f"tokenizer.ggml.tokens has a token of {len(token)} characters")
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in pieces and right in pieces:
                merges.append((-score, vocabulary[left], vocabulary[right], left, right))
    return [(left, right) for *_, left, right in sorted(merges)]


def _strings(metadata: Mapping[str, Any], key: str) -> list[str]:
    value = metadata.get(key)
    if not isinstance(value, list) or not value or not all(type(item) is str for item in value):
        raise ValueError(f"the GGUF metadata needs '{key}', a list of strings")
    return value


def _numbers(
    metadata: Mapping[str, Any], key: str, count: int, default: list[int] | None = None
) -> list[Any]:
    value = metadata.get(key, default)
    if (
        not isinstance(value, list)
        or len(value) != count
        or not all(type(item) in (int, float) for item in value)
    ):
        raise ValueError(f"the GGUF metadata needs '{key}', a list of {count} numbers")
    return value


def _flag(metadata: Mapping[str, Any], name: str, default: bool) -> bool:
    value = metadata.get(f"tokenizer.ggml.{name}", default)
    if type(value) is not bool:
        raise ValueError(f"'tokenizer.ggml.{name}' must be true or false, not {value!r}")
    return value
