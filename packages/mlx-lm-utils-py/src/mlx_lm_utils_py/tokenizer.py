"""The tokenizer of a model, with its special tokens and its chat template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import tokenizers

from .chat_template import Message, check_messages, render_chat_template
from .config import MAX_JSON_BYTES, read_json
from .detokenizer import StreamingDetokenizer
from .gguf_tokenizer import token_id, tokenizer_from_gguf

__all__ = ["Tokenizer"]


def __dir__() -> list[str]:
    return __all__


# Chat models end their turn with one of these; GGUF files often name only the end of a document.
_END_OF_TURN = (
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>",
    "<|end_of_text|>",
)  # fmt: skip
_SPECIAL = ("bos", "eos", "unk", "pad")
# No text has this character: Unicode keeps it for use inside of programs.
_CUT = "\ufdd0"


class Tokenizer:
    """Text to tokens and back.

    Args:
        tokenizer: A tokenizer of the ``tokenizers`` library.
        special_tokens: Special tokens by name: ``bos_token``, ``eos_token``, ``unk_token``,
            ``pad_token``. Default: none.
        eos_token_ids: Tokens that end an answer, besides ``eos_token``. Default: none.
        chat_template: Jinja source that turns messages into a prompt. Default: ``None``.

    Raises:
        ValueError: If a special token or an id is not in the vocabulary.

    Example:
        >>> from tokenizers.models import BPE
        >>> tokenizer = Tokenizer(tokenizers.Tokenizer(BPE({"a": 0, "b": 1}, [])))
        >>> tokenizer.encode("ab")
        [0, 1]
    """

    def __init__(
        self,
        tokenizer: tokenizers.Tokenizer,
        special_tokens: Mapping[str, str] | None = None,
        eos_token_ids: Iterable[int] = (),
        chat_template: str | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self.special_tokens: dict[str, str] = dict(special_tokens or {})
        self.chat_template = chat_template
        self.vocab_size: int = tokenizer.get_vocab_size()
        for name, token in self.special_tokens.items():
            if tokenizer.token_to_id(token) is None:
                raise ValueError(f"{name} {token!r} is not in the vocabulary")
        self.bos_token: str | None = self.special_tokens.get("bos_token")
        self.eos_token: str | None = self.special_tokens.get("eos_token")
        self.bos_token_id: int | None = self._id(self.bos_token)
        self.eos_token_id: int | None = self._id(self.eos_token)
        ids = set(eos_token_ids)
        if self.eos_token_id is not None:
            ids.add(self.eos_token_id)
        for i in ids:
            if tokenizer.id_to_token(i) is None:
                raise ValueError(f"eos_token_ids has {i}, which is no token")
        self.eos_token_ids: frozenset[int] = frozenset(ids)
        added = tokenizer.get_added_tokens_decoder().values()
        special = {token.content for token in added if token.special and len(token.content) > 1}
        # Longest first, so that no token is cut where a part of it is one itself.
        self._special = sorted(special, key=len, reverse=True)

    def _id(self, token: str | None) -> int | None:
        return None if token is None else self._tokenizer.token_to_id(token)

    @classmethod
    def from_folder(cls, folder: str | Path) -> Tokenizer:
        """Load the tokenizer of a Hugging Face checkpoint.

        Args:
            folder: Folder with ``tokenizer.json``, and where the model has them
                ``tokenizer_config.json``, ``generation_config.json``, ``config.json`` and
                ``chat_template.jinja``.

        Returns:
            The tokenizer.

        Raises:
            FileNotFoundError: If there is no ``tokenizer.json``.
            ValueError: If a file is damaged.
        """
        folder = Path(folder)
        path = folder / "tokenizer.json"
        read_json(path)
        try:
            tokenizer = tokenizers.Tokenizer.from_file(str(path))
        # The library raises bare exceptions.
        except Exception as error:
            raise ValueError(f"{path} is not a valid tokenizer: {error}") from None
        config = _read_optional(folder / "tokenizer_config.json")
        special_tokens = {}
        for name in (f"{short}_token" for short in _SPECIAL):
            token = config.get(name)
            if isinstance(token, dict):
                token = token.get("content")
            if isinstance(token, str):
                special_tokens[name] = token
        return cls(tokenizer, special_tokens, _eos_ids(folder), _find_template(folder, config))

    @classmethod
    def from_gguf(cls, metadata: Mapping[str, Any]) -> Tokenizer:
        """Build the tokenizer that a GGUF file describes.

        Args:
            metadata: The metadata of the file, as `read_gguf_header` gives it.

        Returns:
            The tokenizer.

        Raises:
            ValueError: If the metadata is damaged or describes an unknown kind of tokenizer.
        """
        tokenizer = tokenizer_from_gguf(metadata)
        size = tokenizer.get_vocab_size()
        special_tokens = {}
        for short, name in zip(_SPECIAL, ("bos", "eos", "unknown", "padding"), strict=True):
            i = token_id(metadata, name, size)
            if i is not None:
                special_tokens[f"{short}_token"] = metadata["tokenizer.ggml.tokens"][i]
        added = tokenizer.get_added_tokens_decoder()
        ends = {i for i, token in added.items() if token.special and token.content in _END_OF_TURN}
        ends |= {i for name in ("eot", "eom") if (i := token_id(metadata, name, size)) is not None}
        template = metadata.get("tokenizer.chat_template")
        if template is not None and not isinstance(template, str):
            raise ValueError("'tokenizer.chat_template' must be a string")
        return cls(tokenizer, special_tokens, ends, template)

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """Turn text into tokens.

        Args:
            text: The text. Special tokens written in it are recognized.
            add_special_tokens: Add what the model expects round a document, such as its first
                token. Default: ``True``.

        Returns:
            The ids.

        Raises:
            TypeError: If ``text`` is not a string.
            ValueError: If ``text`` is not valid Unicode.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, not {type(text).__name__}")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"text is not valid Unicode: {error.reason}") from None
        return list(self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """Turn tokens into text.

        Args:
            ids: The ids.
            skip_special_tokens: Leave out special tokens. Default: ``False``.

        Returns:
            The text.

        Raises:
            ValueError: If an id is negative or too large to be one.
        """
        ids = list(ids)
        for i in ids:
            if not 0 <= i < 2**32:
                raise ValueError(f"ids has {i}, which is no token")
        return str(self._tokenizer.decode(ids, skip_special_tokens=skip_special_tokens))

    @property
    def detokenizer(self) -> StreamingDetokenizer:
        """A new streaming detokenizer."""
        return StreamingDetokenizer(self._tokenizer)

    @overload
    def apply_chat_template(
        self, messages: Sequence[Message], *, tokenize: Literal[False], **options: Any
    ) -> str: ...

    @overload
    def apply_chat_template(
        self, messages: Sequence[Message], *, tokenize: Literal[True] = True, **options: Any
    ) -> list[int]: ...

    def apply_chat_template(
        self, messages: Sequence[Message], *, tokenize: bool = True, **options: Any
    ) -> str | list[int]:
        """Turn a conversation into a prompt.

        Special tokens that a message spells out, such as the one that ends a turn, become ordinary
        tokens: whoever writes a message cannot end it and speak for somebody else. In a prompt
        that is returned as text nothing tells them apart.

        Args:
            messages: Mappings with ``role`` and ``content``.
            tokenize: Return tokens rather than text. Default: ``True``.
            **options: Options of `render_chat_template`, such as ``add_generation_prompt``, and
                variables of the template.

        Returns:
            The prompt, as ids or as text.

        Raises:
            TypeError: If ``messages`` is of the wrong type.
            ValueError: If the model has no chat template, or it fails.
        """
        if self.chat_template is None:
            raise ValueError("this model has no chat template")
        variables = {**self.special_tokens, **options}
        if not tokenize:
            return render_chat_template(self.chat_template, messages, **variables)
        check_messages(messages)
        text = render_chat_template(
            self.chat_template, [self._cut_special(message) for message in messages], **variables
        )
        # The template writes the special tokens itself.
        pieces = (self.encode(piece, add_special_tokens=False) for piece in text.split(_CUT))
        return [i for piece in pieces for i in piece]

    def _cut_special(self, value: Any) -> Any:
        """Mark a cut within every special token that a message spells out."""
        if isinstance(value, str):
            for token in self._special:
                value = value.replace(token, token[0] + _CUT + token[1:])
            return value
        if isinstance(value, Mapping):
            return {key: self._cut_special(item) for key, item in value.items()}
        return [self._cut_special(item) for item in value] if isinstance(value, list) else value


def _read_optional(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _eos_ids(folder: Path) -> list[int]:
    """The ids that end an answer; what is written for generation goes before the model's own."""
    for name in ("generation_config.json", "config.json"):
        value = _read_optional(folder / name).get("eos_token_id")
        ids = value if isinstance(value, list) else [] if value is None else [value]
        if not all(type(i) is int and 0 <= i < 2**32 for i in ids):
            raise ValueError(f"{folder / name}: 'eos_token_id' must be an id or a list of ids")
        if ids:
            return ids
    return []


def _find_template(folder: Path, config: Mapping[str, Any]) -> str | None:
    path = folder / "chat_template.jinja"
    if path.is_file():
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ValueError(f"{path} has {path.stat().st_size} bytes, too many for a template")
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not UTF-8 text") from None
    template = config.get("chat_template")
    if isinstance(template, list):
        # Some models carry several by name.
        named = [entry for entry in template if isinstance(entry, dict)]
        template = next((e.get("template") for e in named if e.get("name") == "default"), None)
    if template is not None and not isinstance(template, str):
        raise ValueError(f"{folder / 'tokenizer_config.json'}: 'chat_template' must be a string")
    return template
