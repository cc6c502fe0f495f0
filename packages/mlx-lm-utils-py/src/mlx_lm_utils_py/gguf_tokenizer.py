"""Build a tokenizer from the metadata of a GGUF file.

The keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, Unigram, WordPiece
from tokenizers.processors import TemplateProcessing

from .end_tokens import END_TOKENS
from .word_splits import WORD_SPLITS

__all__ = ["MAX_PIECE_CHARS", "token_id", "tokenizer_from_gguf"]


def __dir__() -> list[str]:
    return __all__


MAX_PIECE_CHARS = 1024

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6


def tokenizer_from_gguf(metadata: Mapping[str, Any]) -> Tokenizer:
    """Build a tokenizer from the ``tokenizer.ggml`` entries of a GGUF file.

    Args:
        metadata: As `read_gguf_header` gives it. ``tokenizer.ggml.model`` may be ``gpt2``
            (byte-level BPE), ``llama`` (SentencePiece BPE with byte fallback), ``t5``
            (SentencePiece unigram), ``gemma4`` (BPE over words that begin with U+2581) or ``bert``
            (WordPiece).

    Returns:
        A tokenizer of the ``tokenizers`` library.

    Raises:
        ValueError: If an entry is missing, of the wrong type, or names a tokenizer that is not
            known here.
    """
    tokens = _named(_strings(metadata, "tokenizer.ggml.tokens"))
    vocabulary = dict(zip(tokens, range(len(tokens)), strict=True))
    if len(vocabulary) != len(tokens):
        raise ValueError("tokenizer.ggml.tokens has the same token twice")
    types = _numbers(metadata, "tokenizer.ggml.token_type", len(tokens), [_NORMAL] * len(tokens))
    # Converters did not always know what ends a turn. As ordinary text it would never be read.
    types = list(types)
    for token in END_TOKENS & vocabulary.keys():
        types[vocabulary[token]] = _CONTROL
    kind = metadata.get("tokenizer.ggml.model")
    build = _KINDS.get(kind) if isinstance(kind, str) else None
    if build is None:
        known = ", ".join(_KINDS)
        raise ValueError(f"tokenizer.ggml.model {kind!r} is not supported; known: {known}")
    tokenizer, add_bos, add_eos = build(metadata, vocabulary, types)
    special = (_CONTROL, _UNKNOWN)
    # Runs of spaces are found when spaces have become U+2581, which `build` sees to.
    marks_spaces = kind in ("llama", "t5", "gemma4")
    others = [(i, of) for i, of in enumerate(types) if of != _NORMAL]
    tokenizer.add_tokens(
        [
            AddedToken(tokens[i], special=of in special, normalized=False)
            for i, of in others
            if of in special or (of == _USER_DEFINED and not (marks_spaces and "▁" in tokens[i]))
        ]
    )
    bos = eos = None
    if _flag(metadata, "add_bos_token", add_bos):
        bos = _first_id(metadata, ("bos", "cls"), len(tokens))
    if _flag(metadata, "add_eos_token", add_eos):
        eos = _first_id(metadata, ("eos", "seperator"), len(tokens))
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


def _first_id(metadata: Mapping[str, Any], names: Sequence[str], vocab_size: int) -> int | None:
    found = (token_id(metadata, name, vocab_size) for name in names)
    return next((i for i in found if i is not None), None)


def _named(tokens: list[str]) -> list[str]:
    """Give the empty tokens, which fill up some vocabularies, names of their own."""
    if all(tokens):
        return tokens
    return [token or f"[EMPTY_{i}]" for i, token in enumerate(tokens)]


# A tokenizer, and whether a document begins with the first token and ends with the last one unless
# the file says otherwise.
_Built = tuple[Tokenizer, bool, bool]


def _byte_level(
    metadata: Mapping[str, Any], vocabulary: dict[str, int], types: Sequence[int]
) -> _Built:
    name = metadata.get("tokenizer.ggml.pre", "default")
    if name not in WORD_SPLITS:
        known = ", ".join(sorted(WORD_SPLITS))
        raise ValueError(f"tokenizer.ggml.pre {name!r} is not supported; known: {known}")
    split = WORD_SPLITS[name]
    merges = _listed_merges(metadata)
    tokenizer = Tokenizer(_bpe(vocabulary, merges, ignore_merges=split.whole_words))
    if name in ("qwen2", "qwen35"):
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(one), "isolated") for one in split.expressions),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, split.add_bos, False


def _sentencepiece(
    metadata: Mapping[str, Any], vocabulary: dict[str, int], types: Sequence[int]
) -> _Built:
    scores = _numbers(metadata, "tokenizer.ggml.scores", len(vocabulary))
    pieces = {
        token: scores[i] for token, i in vocabulary.items() if types[i] in (_NORMAL, _USER_DEFINED)
    }
    merges = _merges(pieces, vocabulary)
    return _over_spaces(metadata, vocabulary, merges, types, add_prefix=True), True, False


def _gemma4(
    metadata: Mapping[str, Any], vocabulary: dict[str, int], types: Sequence[int]
) -> _Built:
    merges = _listed_merges(metadata)
    return _over_spaces(metadata, vocabulary, merges, types, add_prefix=False), True, False


def _over_spaces(
    metadata: Mapping[str, Any],
    vocabulary: dict[str, int],
    merges: list[tuple[str, str]],
    types: Sequence[int],
    add_prefix: bool,
) -> Tokenizer:
    """BPE over text whose spaces are U+2581; what is in no token is spelled in bytes."""
    unknown = token_id(metadata, "unknown", len(vocabulary))
    # Pieces that somebody defined are taken as they are, runs of spaces among them.
    runs = [token for token, i in vocabulary.items() if types[i] == _USER_DEFINED and "▁" in token]
    tokenizer = Tokenizer(
        _bpe(
            vocabulary,
            merges,
            unk_token=None if unknown is None else list(vocabulary)[unknown],
            fuse_unk=True,
            byte_fallback=_BYTE in types,
            ignore_merges=bool(runs),
        )
    )
    if runs:
        longest_first = sorted(map(re.escape, runs), key=len, reverse=True)
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("|".join(longest_first)), "isolated")
    _mark_spaces(tokenizer, metadata, add_prefix, trim=False)
    return tokenizer


def _mark_spaces(
    tokenizer: Tokenizer, metadata: Mapping[str, Any], add_prefix: bool, trim: bool
) -> None:
    """Normalize as SentencePiece does, spaces to U+2581 last, and undo that in what is decoded."""
    steps: list[Any] = []
    charsmap = metadata.get("tokenizer.ggml.precompiled_charsmap")
    if charsmap:
        try:
            steps.append(normalizers.Precompiled(bytes(item % 256 for item in charsmap)))
        # The library raises bare exceptions.
        except Exception as error:
            raise ValueError(f"tokenizer.ggml.precompiled_charsmap is not valid: {error}") from None
    if _flag(metadata, "remove_extra_whitespaces", trim):
        steps += [
            normalizers.Replace(Regex(r"\A +| +\z"), ""),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    back: list[Any] = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if _flag(metadata, "add_space_prefix", add_prefix):
        steps.append(normalizers.Prepend("▁"))
        back.append(decoders.Strip(" ", 1, 0))
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(back)


def _unigram(
    metadata: Mapping[str, Any], vocabulary: dict[str, int], types: Sequence[int]
) -> _Built:
    """The most likely pieces, rather than merges."""
    scores = _numbers(metadata, "tokenizer.ggml.scores", len(vocabulary))
    unknown = token_id(metadata, "unknown", len(vocabulary))
    lowest = min((s for s, kind in zip(scores, types, strict=True) if kind == _NORMAL), default=0)

    def score_of(i: int) -> float:
        # Likelier than any other pieces, as the library of SentencePiece has it.
        if types[i] == _USER_DEFINED:
            return -0.1
        # What is spelled like the name of a byte is none: less likely than six characters.
        return float(8 * lowest - 1 if types[i] == _BYTE else scores[i])

    tokenizer = Tokenizer(
        Unigram(
            [(token, score_of(i)) for token, i in vocabulary.items()],
            unk_id=types.index(_UNKNOWN) if unknown is None and _UNKNOWN in types else unknown,
            byte_fallback=_BYTE in types,
        )
    )
    # Words are cut, and found again, where no piece reaches from one into the next.
    if not any("▁" in token[1:] for token, i in vocabulary.items() if types[i] != _CONTROL):
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    _mark_spaces(tokenizer, metadata, add_prefix=True, trim=True)
    return tokenizer, False, True


def _wordpiece(
    metadata: Mapping[str, Any], vocabulary: dict[str, int], types: Sequence[int]
) -> _Built:
    """The longest pieces of words, of which the file marks those that begin one."""
    pieces = {}
    for token, i in vocabulary.items():
        if types[i] in (_CONTROL, _UNKNOWN):
            pieces[token] = i
        else:
            pieces[token[1:] if token.startswith("▁") else f"##{token}"] = i
    if len(pieces) != len(vocabulary):
        raise ValueError("tokenizer.ggml.tokens has the same piece of a word twice")
    unknown = token_id(metadata, "unknown", len(vocabulary))
    if unknown is None:
        raise ValueError("the GGUF metadata needs 'tokenizer.ggml.unknown_token_id'")
    tokenizer = Tokenizer(WordPiece(pieces, unk_token=list(pieces)[unknown]))
    # llama.cpp knows no other.
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer, True, True


_KINDS = {
    "bert": _wordpiece,
    "gpt2": _byte_level,
    "llama": _sentencepiece,
    "t5": _unigram,
    "gemma4": _gemma4,
}


def _listed_merges(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    # A list without items is one of a vocabulary of single bytes.
    if metadata.get("tokenizer.ggml.merges") == []:
        return []
    listed = _strings(metadata, "tokenizer.ggml.merges")
    # The second part of one without a space is no token.
    return [(parts[0], parts[2]) for parts in (merge.partition(" ") for merge in listed)]


def _bpe(vocabulary: dict[str, int], merges: list[tuple[str, str]], **options: Any) -> BPE:
    try:
        return BPE(vocab=vocabulary, merges=merges, **options)
    # The library raises bare exceptions. It looks all tokens up, so that it need not be done twice.
    except Exception as error:
        for left, right in merges:
            if not {left, right, left + right} <= vocabulary.keys():
                merge = f"{left} {right}".rstrip()
                raise ValueError(
                    f"tokenizer.ggml.merges has {merge!r}, whose tokens are not all known"
                ) from None
        raise ValueError(f"tokenizer.ggml.merges is not valid: {error}") from None


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
    if not isinstance(value, list) or not value or set(map(type, value)) != {str}:
        raise ValueError(f"the GGUF metadata needs '{key}', a list of strings")
    return value


def _numbers(
    metadata: Mapping[str, Any], key: str, count: int, default: list[int] | None = None
) -> list[Any]:
    value = metadata.get(key, default)
    if (
        not isinstance(value, list)
        or len(value) != count
        or not set(map(type, value)) <= {int, float}
    ):
        raise ValueError(f"the GGUF metadata needs '{key}', a list of {count} numbers")
    return value


def _flag(metadata: Mapping[str, Any], name: str, default: bool) -> bool:
    value = metadata.get(f"tokenizer.ggml.{name}", default)
    if type(value) is not bool:
        raise ValueError(f"'tokenizer.ggml.{name}' must be true or false, not {value!r}")
    return value
