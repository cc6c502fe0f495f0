"""What a GGUF file says of the tokenizer of a model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlx_lm_utils_py import Tokenizer
from mlx_lm_utils_py.sentencepiece_model import read_sentencepiece
from mlx_lm_utils_py.word_splits import WORD_SPLITS

__all__ = ["tokenizer_metadata"]


def __dir__() -> list[str]:
    return __all__


_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6


def tokenizer_metadata(
    tokenizer: Tokenizer, vocab_size: int, folder: Path | None = None
) -> dict[str, Any]:
    """Describe a tokenizer as a GGUF file does.

    Args:
        tokenizer: The tokenizer.
        vocab_size: The number of tokens of the model, which may be more than the tokenizer has.
        folder: Where the model comes from, for the scores of a ``tokenizer.model``. Default:
            ``None``.

    Returns:
        The metadata by key.

    Raises:
        ValueError: If it is of a kind that GGUF files have no words for, or has more tokens than
            the model.
    """
    state = json.loads(tokenizer.backend.to_str())
    model = state["model"]
    if model["type"] != "BPE":
        raise ValueError(f"tokenizers of type {model['type']} are not written as GGUF files")
    ids: dict[str, int] = tokenizer.backend.get_vocab(with_added_tokens=True)
    count = max(ids.values()) + 1
    if count > vocab_size:
        raise ValueError(f"the tokenizer has {count} tokens, and the model only {vocab_size}")
    tokens = [f"[PAD{i}]" for i in range(vocab_size)]
    types = [_UNUSED] * vocab_size
    for token, i in ids.items():
        tokens[i], types[i] = token, _NORMAL
    for i, added in tokenizer.backend.get_added_tokens_decoder().items():
        types[i] = _CONTROL if added.special else _USER_DEFINED
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    values: dict[str, Any] = {"tokens": tokens, "token_type": types}
    if model.get("byte_fallback"):
        values |= _sentencepiece(tokens, types, merges, folder)
        values["model"] = "llama"
        values["add_space_prefix"] = "Prepend" in json.dumps(state["normalizer"])
        unknown = model.get("unk_token")
        if unknown in ids:
            types[ids[unknown]] = _UNKNOWN
            values["unknown_token_id"] = ids[unknown]
    else:
        values |= {"model": "gpt2", "pre": _words(state), "merges": merges}
    for name, gguf_name in (("bos", "bos"), ("eos", "eos"), ("pad", "padding")):
        special = tokenizer.special_tokens.get(f"{name}_token")
        if special is not None:
            values[f"{gguf_name}_token_id"] = ids[special]
    ends = sorted(tokenizer.eos_token_ids - {tokenizer.eos_token_id})
    if ends and ends[0] < vocab_size:
        values["eot_token_id"] = ends[0]
    round_text = tokenizer.encode("")
    values["add_bos_token"] = tokenizer.bos_token_id in round_text[:1]
    values["add_eos_token"] = len(round_text) > 1 or (
        not values["add_bos_token"] and tokenizer.eos_token_id in round_text[-1:]
    )
    metadata = {f"tokenizer.ggml.{key}": value for key, value in values.items()}
    for name, template in tokenizer.chat_templates.items():
        end = "" if name == "default" else f".{name}"
        metadata[f"tokenizer.chat_template{end}"] = template
    return metadata


def _sentencepiece(
    tokens: list[str], types: list[int], merges: list[str], folder: Path | None
) -> dict[str, Any]:
    """Scores: those of the original, or such as give the order of the merges."""
    for i, token in enumerate(tokens):
        if types[i] == _NORMAL and len(token) == 6 and token.startswith("<0x"):
            types[i] = _BYTE
    path = folder / "tokenizer.model" if folder is not None else None
    if path is not None and path.is_file():
        known = read_sentencepiece(path)
        pairs = zip(known["tokenizer.ggml.tokens"], known["tokenizer.ggml.scores"], strict=True)
        by_token: dict[str, float] = dict(pairs)
    else:
        by_token = {}
        for rank, merge in enumerate(merges):
            by_token.setdefault(merge.replace(" ", "", 1), -float(rank))
    lowest = min(by_token.values(), default=0.0) - 1
    return {
        "scores": [
            by_token.get(token, lowest) if types[i] == _NORMAL else 0.0
            for i, token in enumerate(tokens)
        ]
    }


def _words(state: Mapping[str, Any]) -> str:
    """The name of how words are cut."""
    before = state["pre_tokenizer"] or {}
    steps = before.get("pretokenizers", [before])
    expressions = []
    for step in steps:
        if step.get("type") == "Split" and "Regex" in step["pattern"]:
            expressions.append(step["pattern"]["Regex"])
        elif step.get("type") == "Digits" and step.get("individual_digits"):
            expressions.append(r"\p{N}")
        elif step.get("type") == "ByteLevel":
            if step.get("use_regex", True):
                expressions.append(_GPT2)
        else:
            expressions.append(str(step.get("type")))
    found = _BY_EXPRESSIONS.get(tuple(map(_plain, expressions)))
    if found is None:
        raise ValueError(f"how this tokenizer cuts words has no name in GGUF files: {expressions}")
    return found


def _plain(expression: str) -> str:
    """Without the backslashes that some write before what means itself, but for line breaks."""
    expression = expression.replace("\r", r"\r").replace("\n", r"\n")
    return re.sub(r"\\([^A-Za-z0-9])", r"\1", expression)


_GPT2 = WORD_SPLITS["gpt-2"].expressions[0]
# The first name of each kind is the commonest.
_BY_EXPRESSIONS = {
    tuple(map(_plain, split.expressions)): name for name, split in reversed(WORD_SPLITS.items())
}
