"""The tokenizer of a model, with its special tokens and its chat template."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import tokenizers

from .chat_template import Message, check_messages, random_digits, render_chat_template
from .detokenizer import StreamingDetokenizer
from .end_tokens import END_TOKENS, known_ends
from .gguf_tokenizer import token_id, tokenizer_from_gguf
from .tokenizer_files import find_templates, read_optional, tokenizer_from_folder

__all__ = ["Tokenizer"]


def __dir__() -> list[str]:
    return __all__


_SPECIAL = ("bos", "eos", "unk", "pad")
# Digits look the same however a template prints them: as JSON, by ``repr``, in capitals. Nobody who
# writes a message can know them.
_CUT = random_digits()


class Tokenizer:
    """Text to tokens and back.

    Args:
        tokenizer: A tokenizer of the ``tokenizers`` library.
        special_tokens: Special tokens by name: ``bos_token``, ``eos_token``, ``unk_token``,
            ``pad_token``. Default: none.
        eos_token_ids: Tokens that end an answer, besides ``eos_token``. Default: none.
        chat_template: Jinja source that turns messages into a prompt; or several by name, of
            which ``"default"`` is used, and ``"tool_use"`` where there are tools. Default:
            ``None``.

    Raises:
        ValueError: If a special token is not in the vocabulary.

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
        chat_template: str | Mapping[str, str] | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self.special_tokens: dict[str, str] = dict(special_tokens or {})
        if chat_template is None or isinstance(chat_template, str):
            chat_template = {"default": chat_template} if chat_template else {}
        self.chat_templates: dict[str, str] = dict(chat_template)
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
        # A model may end with an id that only its output layer has, padded to a round number.
        self.eos_token_ids: frozenset[int] = frozenset(ids)
        added = tokenizer.get_added_tokens_decoder().values()
        special = {token.content for token in added if token.special and len(token.content) > 1}
        # Longest first, so that no token is cut where a part of it is one itself.
        self._special = sorted(special, key=len, reverse=True)

    def _id(self, token: str | None) -> int | None:
        return None if token is None else self._tokenizer.token_to_id(token)

    @classmethod
    def from_folder(
        cls, folder: str | Path, overrides: Mapping[str, Any] | None = None
    ) -> Tokenizer:
        """Load the tokenizer of a Hugging Face checkpoint.

        Args:
            folder: Folder with ``tokenizer.json``, or ``tekken.json``, or ``tokenizer.model``, or
                ``*.tiktoken``, or ``vocab.json`` and ``merges.txt``; and where the model has them
                ``tokenizer_config.json``, ``generation_config.json``, ``config.json`` and
                ``chat_template.jinja``.
            overrides: Entries that go before those of ``tokenizer_config.json``. Default: ``None``.

        Returns:
            The tokenizer. An answer ends with what these files say, and with what is known to end
            one by its name.

        Raises:
            FileNotFoundError: If there is no tokenizer.
            ValueError: If a file is damaged.
        """
        folder = Path(folder)
        config = read_optional(folder / "tokenizer_config.json") | dict(overrides or {})
        tokenizer = tokenizer_from_folder(folder, config)
        special_tokens = {}
        for name in (f"{short}_token" for short in _SPECIAL):
            token = config.get(name)
            if isinstance(token, dict):
                token = token.get("content")
            # Some name a token to pad with that no vocabulary has; nothing here pads.
            if isinstance(token, str) and tokenizer.token_to_id(token) is not None:
                special_tokens[name] = token
        added = {t.content: i for i, t in tokenizer.get_added_tokens_decoder().items()}
        ends = {*_eos_ids(folder), *known_ends(added)}
        return cls(tokenizer, special_tokens, ends, find_templates(folder, config))

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
        # Looked up one by one: a dictionary of the whole vocabulary takes a fifth of the time.
        ids = ((token, tokenizer.token_to_id(token)) for token in END_TOKENS)
        ends = known_ends({token: i for token, i in ids if i is not None})
        ends |= {i for name in ("eot", "eom") if (i := token_id(metadata, name, size)) is not None}
        templates = {}
        for key, template in metadata.items():
            if key == "tokenizer.chat_template" or key.startswith("tokenizer.chat_template."):
                if not isinstance(template, str):
                    raise ValueError(f"'{key}' must be a string")
                templates[key[len("tokenizer.chat_template.") :] or "default"] = template
        return cls(tokenizer, special_tokens, ends, templates)

    @property
    def backend(self) -> tokenizers.Tokenizer:
        """The tokenizer of the ``tokenizers`` library."""
        return self._tokenizer

    def save_pretrained(self, folder: str | Path) -> None:
        """Save the tokenizer as a Hugging Face checkpoint has it.

        Args:
            folder: An existing folder, for ``tokenizer.json``, ``tokenizer_config.json``, the
                templates, and in ``generation_config.json`` the ids that end an answer.
        """
        folder = Path(folder)
        self._tokenizer.save(str(folder / "tokenizer.json"))
        config = {"tokenizer_class": "PreTrainedTokenizerFast", **self.special_tokens}
        ends = {"eos_token_id": sorted(self.eos_token_ids)}
        for name, value in (("tokenizer_config", config), ("generation_config", ends)):
            text = json.dumps(value, indent=2, ensure_ascii=False)
            (folder / f"{name}.json").write_text(text, encoding="utf-8")
        for name, template in self.chat_templates.items():
            path = folder / "chat_template.jinja"
            if name != "default":
                path = folder / "additional_chat_templates" / f"{name}.jinja"
                path.parent.mkdir(exist_ok=True)
            path.write_text(template, encoding="utf-8")

    @property
    def chat_template(self) -> str | None:
        """The usual chat template, if the model has one."""
        return self.chat_templates.get("default")

    @chat_template.setter
    def chat_template(self, template: str) -> None:
        self.chat_templates["default"] = template

    def token_to_id(self, token: str) -> int | None:
        """Look a token up.

        Args:
            token: The token as the vocabulary spells it, such as ``"<|im_end|>"``.

        Returns:
            Its id, or ``None`` if there is none.
        """
        i: int | None = self._tokenizer.token_to_id(token)
        return i

    @property
    def special_token_ids(self) -> frozenset[int]:
        """The tokens that are no text, such as those that begin and end a turn."""
        added = self._tokenizer.get_added_tokens_decoder()
        return frozenset(i for i, token in added.items() if token.special) | self.eos_token_ids

    def token_bytes(self) -> list[bytes]:
        """The bytes of all tokens.

        Returns:
            What each token adds to a text, in the order of their ids; of a special token what it
            is spelled like; nothing for ids without a token.

        Raises:
            ValueError: If the tokenizer's pieces are no pieces of text, as those of WordPiece.
        """
        detokenizer = self.detokenizer
        if not detokenizer.has_bytes:
            raise ValueError("the tokens of this tokenizer have no bytes of their own")
        # The vocabulary may have holes, and then ids beyond the number of its tokens.
        size = max(self._tokenizer.get_vocab().values(), default=-1) + 1
        return [detokenizer.token_bytes(i) for i in range(size)]

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
        text = str(self._tokenizer.decode(ids, skip_special_tokens=skip_special_tokens))
        if "\ufffd" in text:
            # The library gives up all bytes round a broken character, readable ones too.
            detokenizer = StreamingDetokenizer(self._tokenizer, skip_special_tokens)
            if detokenizer.has_bytes:
                return "".join(map(detokenizer.add_token, ids)) + detokenizer.finalize()
        return text

    @property
    def detokenizer(self) -> StreamingDetokenizer:
        """A new streaming detokenizer, which shows special tokens: they may open a tool call."""
        return StreamingDetokenizer(self._tokenizer, skip_special_tokens=False)

    @overload
    def apply_chat_template(
        self, messages: Sequence[Message], *, tokenize: Literal[False], **options: Any
    ) -> str: ...

    @overload
    def apply_chat_template(
        self, messages: Sequence[Message], *, tokenize: Literal[True] = True, **options: Any
    ) -> list[int]: ...

    def apply_chat_template(
        self,
        messages: Sequence[Message],
        *,
        tokenize: bool = True,
        chat_template: str | None = None,
        **options: Any,
    ) -> str | list[int]:
        """Turn a conversation into a prompt.

        Special tokens that a message spells out, such as the one that ends a turn, become ordinary
        tokens: whoever writes a message cannot end it and speak for somebody else. In a prompt
        that is returned as text nothing tells them apart.

        Args:
            messages: Mappings with ``role`` and ``content``.
            tokenize: Return tokens rather than text. Default: ``True``.
            chat_template: Another template than the model's usual one: its source, or the name of
                one that the model has. Default: ``"tool_use"`` if there are tools and the model
                has a template of that name, else ``"default"``.
            **options: Options of `render_chat_template`, such as ``add_generation_prompt`` or
                ``tools``, and variables of the template.

        Returns:
            The prompt, as ids or as text.

        Raises:
            TypeError: If ``messages`` is of the wrong type.
            ValueError: If the model has no chat template, or it fails.
        """
        source = self._find_template(chat_template, bool(options.get("tools")))
        variables = {**self.special_tokens, **options}
        if not tokenize:
            return render_chat_template(source, messages, **variables)
        check_messages(messages)
        # Documents are as little to be trusted as messages; tools are the program's own.
        if "documents" in variables:
            variables["documents"] = self._cut_special(variables["documents"])
        text = render_chat_template(
            source, [self._cut_special(message) for message in messages], **variables
        )
        # The template writes the special tokens itself.
        pieces = (self.encode(piece, add_special_tokens=False) for piece in text.split(_CUT))
        return [i for piece in pieces for i in piece]

    def _find_template(self, wanted: str | None, has_tools: bool) -> str:
        if wanted is not None:
            return self.chat_templates.get(wanted, wanted)
        name = "tool_use" if has_tools and "tool_use" in self.chat_templates else "default"
        if name in self.chat_templates:
            return self.chat_templates[name]
        if self.chat_templates:
            names = ", ".join(sorted(self.chat_templates))
            raise ValueError(f"this model has several chat templates; name one: {names}")
        raise ValueError("this model has no chat template")

    def _cut_special(self, value: Any) -> Any:
        """Mark a cut within every special token that a message spells out."""
        if isinstance(value, str):
            for token in self._special:
                value = value.replace(token, token[0] + _CUT + token[1:])
            return value
        if isinstance(value, Mapping):
            return {self._cut_special(key): self._cut_special(v) for key, v in value.items()}
        return [self._cut_special(item) for item in value] if isinstance(value, list) else value


def _eos_ids(folder: Path) -> list[int]:
    """The ids that end an answer; what is written for generation goes before the model's own."""
    for name in ("generation_config.json", "config.json"):
        value = read_optional(folder / name).get("eos_token_id")
        ids = value if isinstance(value, list) else [] if value is None else [value]
        if not all(type(i) is int and i < 2**32 for i in ids):
            raise ValueError(f"{folder / name}: 'eos_token_id' must be an id or a list of ids")
        # Old files say -1 where there is none.
        ids = [i for i in ids if i >= 0]
        if ids:
            return ids
    return []
