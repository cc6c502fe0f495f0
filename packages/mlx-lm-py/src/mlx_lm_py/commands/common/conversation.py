"""A conversation with a model, which reads of each turn only what is new."""

from __future__ import annotations

import bisect
import json
import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_lm_py.cache import (
    AttentionCache,
    Cache,
    cache_length,
    make_prompt_cache,
    trim_prompt_cache,
)
from mlx_lm_py.generation import stream_generate

if TYPE_CHECKING:
    from mlx_lm_utils_py import Tokenizer

    from mlx_lm_py.generation import GenerationResponse
    from mlx_lm_py.models.protocols import LanguageModel

__all__ = ["Conversation"]


def __dir__() -> list[str]:
    return __all__


class Conversation:
    """Messages, and the cache of a model that has read them.

    Args:
        model: The model.
        tokenizer: Its tokenizer, which has a chat template.
        system_prompt: Instructions that go before everything. Default: ``None``.

    Attributes:
        messages: What was said, without the system prompt.
        system_prompt: As above.
        reused: How many tokens of the latest prompt were not read again.
    """

    def __init__(
        self, model: LanguageModel, tokenizer: Tokenizer, system_prompt: str | None = None
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self.system_prompt: str | None = system_prompt
        self.messages: list[dict[str, str]] = []
        self.reused: int = 0
        self._cache: Sequence[Cache] = make_prompt_cache(model)
        self._held: list[int] = []

    @property
    def context(self) -> tuple[int, int]:
        """How many positions are used, and how many there are."""
        return len(self._held), self._model.args.context_length

    @property
    def cache_bytes(self) -> int:
        """The size of the cache."""
        return sum(layer.nbytes for layer in self._cache)

    def answer(
        self, text: str | None, template_options: dict[str, Any], **options: Any
    ) -> Generator[GenerationResponse]:
        """Say something and stream the answer.

        What there is of an answer when the iterator is closed stays in the conversation.

        Args:
            text: What is said; ``None`` for another answer to what was said last.
            template_options: Options of `Tokenizer.apply_chat_template`.
            **options: Options of `stream_generate`.

        Yields:
            The pieces of the answer.

        Raises:
            ValueError: If the context has no room for it, or the template fails. The conversation
                is then as it was.
        """
        before = list(self.messages)
        if text is not None:
            self.messages.append({"role": "user", "content": text})
        answer, new = "", []
        try:
            prompt = self._prompt(template_options)
            self.reused = self._reuse(prompt)
            stream = stream_generate(
                self._model,
                self._tokenizer,
                prompt[self.reused :],
                prompt_cache=self._cache,
                **options,
            )
        except Exception:
            self.messages = before
            raise
        try:
            for response in stream:
                answer += response.text
                new.append(response.token)
                yield response
        finally:
            # As well after Ctrl-C, or when nobody wants to hear more.
            self._remember([*prompt, *new])
            self.messages.append({"role": "assistant", "content": answer})

    def _prompt(self, template_options: dict[str, Any]) -> list[int]:
        messages = list(self.messages)
        if self.system_prompt:
            messages.insert(0, {"role": "system", "content": self.system_prompt})
        options = {**template_options, "add_generation_prompt": True}
        prompt: list[int] = self._tokenizer.apply_chat_template(messages, **options)
        return self._in_own_tokens(prompt)

    def _in_own_tokens(self, prompt: list[int]) -> list[int]:
        """Put the tokens that the cache holds where a prompt has others for the same text.

        A model need not write a text in the tokens that the tokenizer has for it.
        """
        held = self._held
        if prompt[: len(held)] == held:
            return prompt
        text = self._tokenizer.decode(held)
        count = bisect.bisect_left(
            range(len(prompt)), len(text), key=lambda k: len(self._tokenizer.decode(prompt[:k]))
        )
        if self._tokenizer.decode(prompt[:count]) != text:
            return prompt
        return held + prompt[count:]

    def _reuse(self, prompt: list[int]) -> int:
        """Cut the cache back to what it has in common with a prompt, of which a token is left."""
        common = 0
        for held, wanted in zip(self._held, prompt[:-1], strict=False):
            if held != wanted:
                break
            common += 1
        extra = len(self._held) - common
        if extra and trim_prompt_cache(self._cache, extra) != extra:
            # A layer keeps what cannot be taken back: all is read again.
            self._cache, common = make_prompt_cache(self._model), 0
        self._held = prompt[:common]
        return common

    def _remember(self, tokens: list[int]) -> None:
        lengths = {layer.offset for layer in self._cache if isinstance(layer, AttentionCache)}
        held = cache_length(self._cache)
        # The step after the last piece may have begun; or it was interrupted between two layers.
        ahead = max(held - len(tokens), 0)
        if len(lengths) != 1 or (ahead and trim_prompt_cache(self._cache, ahead) != ahead):
            self._cache, held = make_prompt_cache(self._model), 0
        self._held = tokens[:held]

    def clear(self) -> None:
        """Forget everything but the system prompt."""
        self.messages = []

    def undo(self) -> bool:
        """Take back the latest thing that was said, and the answer to it.

        Returns:
            Whether there was anything.
        """
        for i in range(len(self.messages) - 1, -1, -1):
            if self.messages[i]["role"] == "user":
                del self.messages[i:]
                return True
        return False

    def drop_answer(self) -> bool:
        """Take back the latest answer.

        Returns:
            Whether something was said that can be answered again.
        """
        while self.messages and self.messages[-1]["role"] != "user":
            self.messages.pop()
        return bool(self.messages)

    def save(self, path: Path) -> None:
        """Write the conversation to a file, whole or not at all.

        Args:
            path: The file.

        Raises:
            OSError: If it cannot be written.
        """
        record = {"system_prompt": self.system_prompt, "messages": self.messages}
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def load(self, path: Path) -> None:
        """Go on with a conversation from a file.

        Args:
            path: The file, as `save` writes it.

        Raises:
            OSError: If it cannot be read.
            ValueError: If it holds no conversation.
        """
        try:
            record = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            raise ValueError(f"{path} is not JSON") from None
        messages = record.get("messages") if isinstance(record, dict) else None
        system_prompt = record.get("system_prompt") if isinstance(record, dict) else None
        if (
            not isinstance(messages, list)
            or not all(
                isinstance(message, dict)
                and message.keys() == {"role", "content"}
                and all(isinstance(value, str) for value in message.values())
                for message in messages
            )
            or not isinstance(system_prompt, str | None)
        ):
            raise ValueError(f"{path} holds no conversation that /save has written")
        self.messages, self.system_prompt = messages, system_prompt
