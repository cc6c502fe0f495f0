"""The tokenizer of a Hugging Face checkpoint, in whichever files it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers

from .config import MAX_JSON_BYTES, read_json
from .gguf_tokenizer import tokenizer_from_gguf
from .sentencepiece_model import read_sentencepiece
from .tiktoken_files import is_tiktoken, read_tekken, read_tiktoken

__all__ = ["find_templates", "read_optional", "tokenizer_from_folder"]


def __dir__() -> list[str]:
    return __all__


# The classes of transformers whose vocabularies are a list of tokens and one of merges, and the
# name that GGUF files have for how each of them cuts words.
_WORDS_OF_CLASSES = {
    "Qwen2Tokenizer": "qwen2",
    "GPT2Tokenizer": "gpt-2",
    "GPTNeoXTokenizer": "gpt-2",
    "CodeGenTokenizer": "gpt-2",
    "RobertaTokenizer": "gpt-2",
}
_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5


def tokenizer_from_folder(folder: Path, config: Mapping[str, Any]) -> tokenizers.Tokenizer:
    """Load the tokenizer of a checkpoint.

    Args:
        folder: A folder with ``tokenizer.json``; or with ``tekken.json``; or with
            ``tokenizer.model``, of SentencePiece or tiktoken, ``tiktoken.model`` or
            ``*.tiktoken``; or with ``vocab.json`` and ``merges.txt``.
        config: What ``tokenizer_config.json`` says.

    Returns:
        The tokenizer. What its file says of cutting and padding texts is for training, and is off.

    Raises:
        FileNotFoundError: If there is none of these files.
        ValueError: If a file is damaged, or its words are cut in a way that is not known.
    """
    path = folder / "tokenizer.json"
    vocabularies = [
        *(
            folder / name
            for name in ("tokenizer.model", "tiktoken.model")
            if (folder / name).is_file()
        ),
        *sorted(folder.glob("*.tiktoken")),
    ]
    if path.is_file():
        read_json(path)
        try:
            tokenizer = tokenizers.Tokenizer.from_file(str(path))
        # The library raises bare exceptions.
        except Exception as error:
            raise ValueError(f"{path} is not a valid tokenizer: {error}") from None
    elif (folder / "tekken.json").is_file():
        tokenizer = tokenizer_from_gguf(read_tekken(folder / "tekken.json"))
    elif vocabularies:
        by_rank = is_tiktoken(vocabularies[0])
        if by_rank:
            metadata = read_tiktoken(vocabularies[0], config)
        else:
            metadata = read_sentencepiece(vocabularies[0])
        _add_tokens(metadata, folder, config)
        _name_bos(metadata, config)
        tokenizer = tokenizer_from_gguf(metadata)
        if by_rank:
            # There a word that is a token is taken as it is.
            tokenizer.model.ignore_merges = True
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        tokenizer = tokenizer_from_gguf(_vocabulary_and_merges(folder, config))
    else:
        raise FileNotFoundError(
            f"{folder} has no tokenizer: neither tokenizer.json, tekken.json, tokenizer.model or "
            "*.tiktoken, nor vocab.json with merges.txt"
        )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def read_optional(path: Path) -> dict[str, Any]:
    """Read a JSON file that may be absent.

    Args:
        path: The file.

    Returns:
        What it holds; nothing if there is no such file.

    Raises:
        ValueError: If the file is damaged.
    """
    return read_json(path) if path.is_file() else {}


def find_templates(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """Read the chat templates of a checkpoint.

    Args:
        folder: The folder, which may have ``chat_template.jinja``, a folder
            ``additional_chat_templates``, and ``chat_template.json``.
        config: What ``tokenizer_config.json`` says.

    Returns:
        The templates by name. The usual one is ``"default"``.

    Raises:
        ValueError: If a template is no text.
    """
    found: dict[str, str] = {}
    beside = folder / "chat_template.json"
    for path, template in (
        (folder / "tokenizer_config.json", config.get("chat_template")),
        (beside, read_optional(beside).get("chat_template")),
    ):
        if isinstance(template, str):
            found["default"] = template
        elif isinstance(template, list):
            found |= {
                entry["name"]: entry["template"]
                for entry in template
                if isinstance(entry, dict)
                and isinstance(entry.get("name"), str)
                and isinstance(entry.get("template"), str)
            }
        elif template is not None:
            raise ValueError(f"{path}: 'chat_template' must be a string")
    files = sorted((folder / "additional_chat_templates").glob("*.jinja"))
    for path in (folder / "chat_template.jinja", *files):
        if path.is_file():
            found["default" if path.parent == folder else path.stem] = _read_template(path)
    return found


def _read_template(path: Path) -> str:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, too many for a template")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None


def _vocabulary_and_merges(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    kind = config.get("tokenizer_class") or "GPT2Tokenizer"
    words = _WORDS_OF_CLASSES.get(str(kind).removesuffix("Fast"))
    if words is None:
        known = ", ".join(_WORDS_OF_CLASSES)
        raise ValueError(
            f"{folder} has no tokenizer.json, and how a {kind} cuts words is not known; "
            f"known: {known}"
        )
    vocabulary = read_json(folder / "vocab.json")
    merges = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    metadata = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": words,
        "tokenizer.ggml.tokens": [],
        "tokenizer.ggml.token_type": [],
        "tokenizer.ggml.merges": [
            line for line in merges if line.strip() and not line.startswith("#version")
        ],
    }
    _put(metadata, {token: (i, _NORMAL) for token, i in vocabulary.items()}, folder / "vocab.json")
    _add_tokens(metadata, folder, config)
    return metadata


def _add_tokens(metadata: dict[str, Any], folder: Path, config: Mapping[str, Any]) -> None:
    """Put in the tokens that were added to a vocabulary after it was made."""
    path = folder / "added_tokens.json"
    added = {token: (i, _CONTROL) for token, i in read_optional(path).items()}
    listed = config.get("added_tokens_decoder")
    for i, entry in (listed if isinstance(listed, dict) else {}).items():
        if isinstance(entry, dict) and isinstance(entry.get("content"), str) and i.isdecimal():
            kind = _CONTROL if entry.get("special") else _USER_DEFINED
            added[entry["content"]] = int(i), kind
    _put(metadata, added, path)


def _name_bos(metadata: dict[str, Any], config: Mapping[str, Any]) -> None:
    """Tell which token documents begin with, if the configuration does."""
    bos = config.get("bos_token")
    bos = bos.get("content") if isinstance(bos, dict) else bos
    tokens = metadata["tokenizer.ggml.tokens"]
    if isinstance(bos, str) and bos in tokens:
        metadata["tokenizer.ggml.bos_token_id"] = tokens.index(bos)
    for name in ("add_bos_token", "add_eos_token"):
        if isinstance(config.get(name), bool):
            metadata[f"tokenizer.ggml.{name}"] = config[name]


def _put(metadata: dict[str, Any], added: Mapping[str, tuple[Any, int]], path: Path) -> None:
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    # No vocabulary is near as long; an id from a file is not to ask for memory without bound.
    limit = len(tokens) + 2 * len(added) + 2**16
    for token, (i, kind) in added.items():
        if type(i) is not int or not 0 <= i < limit:
            raise ValueError(f"{path}: token {token!r} has the id {i!r}, which makes no sense")
        missing = i + 1 - len(tokens)
        tokens += [""] * missing
        types += [_UNUSED] * missing
        tokens[i], types[i] = token, kind
    if "tokenizer.ggml.scores" in metadata:
        scores = metadata["tokenizer.ggml.scores"]
        scores += [0.0] * (len(tokens) - len(scores))
