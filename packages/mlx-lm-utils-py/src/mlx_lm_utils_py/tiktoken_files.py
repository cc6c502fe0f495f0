"""Vocabularies of tiktoken and of Mistral's tekken: the bytes of tokens, by rank.

Source: https://github.com/openai/tiktoken, https://github.com/mistralai/mistral-common
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .config import read_json
from .detokenizer import byte_characters
from .word_splits import WORD_SPLITS

__all__ = ["is_tiktoken", "read_tekken", "read_tiktoken"]


def __dir__() -> list[str]:
    return __all__


_NORMAL, _CONTROL = 1, 3
_MAX_BYTES = 64 * 2**20
_MAX_TOKEN_BYTES = 1024
_MAX_TOKENS = 2**22
# How words are cut is in no such file: by the class of the tokenizer, as GGUF files name it.
_WORDS_OF_CLASSES = {
    "QWenTokenizer": "qwen2",
    "TikTokenTokenizer": "kimi-k2",
    "PreTrainedTokenizerFast": "llama-bpe",
    "LlamaTokenizer": "llama-bpe",
    "LlamaTokenizerFast": "llama-bpe",
}
_QWEN_SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", *(f"<|extra_{i}|>" for i in range(205)),
)  # fmt: skip
# Of files that do not list them.
_TEKKEN_SPECIAL = (
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]",
    "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
)  # fmt: skip


def is_tiktoken(path: Path) -> bool:
    """Tell a vocabulary of tiktoken from a model of SentencePiece, which may have the same name.

    Args:
        path: The file.

    Returns:
        Whether its first line is a token and its rank.
    """
    with path.open("rb") as file:
        line = file.readline(4 * _MAX_TOKEN_BYTES).split()
    return len(line) == 2 and line[1].isdigit() and _decoded(line[0]) is not None


def read_tiktoken(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Read a vocabulary of tiktoken in the terms of the metadata of a GGUF file.

    Args:
        path: The file.
        config: What ``tokenizer_config.json`` says: the class of the tokenizer tells how it cuts
            words. Default of that: as Llama 3 does.

    Returns:
        The ``tokenizer.ggml`` entries for `tokenizer_from_gguf`, without special tokens but
        Qwen's, which stand nowhere else.

    Raises:
        ValueError: If the file is damaged, or the class is not known.
    """
    kind = config.get("tokenizer_class") or "PreTrainedTokenizerFast"
    words = _WORDS_OF_CLASSES.get(str(kind))
    if words is None:
        raise ValueError(
            f"{path}: how a {kind} cuts words is not known; {[*_WORDS_OF_CLASSES]} are"
        )
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise ValueError(f"{path} has {size} bytes, too many for a vocabulary")
    tokens: list[bytes] = []
    for number, line in enumerate(path.read_bytes().splitlines()):
        parts = line.split()
        token = _decoded(parts[0]) if len(parts) == 2 else None
        if token is None or parts[1] != str(len(tokens)).encode():
            raise ValueError(f"{path}: line {number + 1} is not a token with its rank")
        tokens.append(token)
    special = _QWEN_SPECIAL if words == "qwen2" else ()
    return _metadata(path, words, (), tokens, special)


def read_tekken(path: Path) -> dict[str, Any]:
    """Read a ``tekken.json`` in the terms of the metadata of a GGUF file.

    Args:
        path: The file.

    Returns:
        The ``tokenizer.ggml`` entries for `tokenizer_from_gguf`.

    Raises:
        ValueError: If the file is damaged, or its words are cut in another way than tekken's.
    """
    whole = read_json(path)
    config, vocabulary = whole.get("config"), whole.get("vocab")
    if not isinstance(config, dict) or not isinstance(vocabulary, list):
        raise ValueError(f"{path} has no 'config' and 'vocab'")
    if (config.get("pattern"),) != WORD_SPLITS["tekken"].expressions:
        raise ValueError(f"{path}: the pattern by which words are cut is not known")
    size, count = config.get("default_vocab_size"), config.get("default_num_special_tokens")
    if type(size) is not int or type(count) is not int or not 0 <= count < size <= _MAX_TOKENS:
        raise ValueError(f"{path}: the sizes in 'config' make no sense")
    if len(vocabulary) < size - count:
        raise ValueError(f"{path} has {len(vocabulary)} tokens, less than its size says")
    tokens = []
    for rank, entry in enumerate(vocabulary[: size - count]):
        text = entry.get("token_bytes") if isinstance(entry, dict) else None
        token = _decoded(text.encode()) if isinstance(text, str) else None
        if token is None or entry.get("rank") != rank:
            raise ValueError(f"{path}: token {rank} is not bytes with their rank")
        tokens.append(token)
    special = [f"<SPECIAL_{i}>" for i in range(count)]
    special[: len(_TEKKEN_SPECIAL)] = _TEKKEN_SPECIAL[:count]
    for entry in whole.get("special_tokens") or ():
        place = entry.get("rank") if isinstance(entry, dict) else None
        text = entry.get("token_str") if isinstance(entry, dict) else None
        if type(place) is not int or not 0 <= place < count or not isinstance(text, str):
            raise ValueError(f"{path}: {str(entry)[:100]} is no special token")
        special[place] = text
    metadata = _metadata(path, "tekken", special, tokens, ())
    for name, text in (("bos", "<s>"), ("eos", "</s>"), ("unknown", "<unk>")):
        if text in special:
            metadata[f"tokenizer.ggml.{name}_token_id"] = special.index(text)
    return metadata


def _decoded(text: bytes) -> bytes | None:
    try:
        token = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return token if 0 < len(token) <= _MAX_TOKEN_BYTES else None


def _metadata(
    path: Path, words: str, before: Sequence[str], tokens: Sequence[bytes], after: Sequence[str]
) -> dict[str, Any]:
    alphabet = byte_characters()
    if not tokens or len(set(tokens)) != len(tokens):
        raise ValueError(f"{path} has the same token twice, or none")
    spelled = ["".join(alphabet[byte] for byte in token) for token in tokens]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": words,
        "tokenizer.ggml.tokens": [*before, *spelled, *after],
        "tokenizer.ggml.token_type": [
            *([_CONTROL] * len(before)),
            *([_NORMAL] * len(tokens)),
            *([_CONTROL] * len(after)),
        ],
        "tokenizer.ggml.merges": list(_merges(spelled)),
    }


def _merges(tokens: Sequence[str]) -> Iterable[str]:
    """Any two tokens that are one together, in the order of the ranks of that one."""
    ranks = {token: rank for rank, token in enumerate(tokens)}
    for token in tokens:
        pairs = [
            (ranks[token[:cut]], ranks[token[cut:]], f"{token[:cut]} {token[cut:]}")
            for cut in range(1, len(token))
            if token[:cut] in ranks and token[cut:] in ranks
        ]
        for *_, merge in sorted(pairs):
            yield merge
