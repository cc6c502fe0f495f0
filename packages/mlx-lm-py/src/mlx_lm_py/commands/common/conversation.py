"""A conversation with a model, which reads of each turn only what is new."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_lm_py.answers import (
    AnswerParser,
    Event,
    ReasoningDelta,
    TextDelta,
    answer_format,
    make_format,
)
from mlx_lm_py.cache import Cache, make_prompt_cache
from mlx_lm_py.generation import stream_generate

from .reuse import cut_back, cut_level, in_own_tokens
from .transcript import Transcript

if TYPE_CHECKING:
    from mlx_lm_utils_py import Tokenizer

    from mlx_lm_py.generation import GenerationResponse
    from mlx_lm_py.models.protocols import LanguageModel
    from mlx_lm_py.sampling import LogitsProcessor

    from .kept_prompts import KeptPrompt

__all__ = ["Conversation", "Piece"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Piece:
    """A piece of an answer.

    Attributes:
        text: More of the answer itself.
        reasoning: More of what the model thinks before.
        response: How things stand.
    """

    text: str
    reasoning: str
    response: GenerationResponse


class Conversation:
    """Messages, and the cache of a model that has read them.

    Args:
        model: The model.
        tokenizer: Its tokenizer, which has a chat template.
        system_prompt: Instructions that go before everything. Default: ``None``.
        make_cache: Makes an empty cache. Default: ``None``, one that keeps all.

    Attributes:
        messages: What was said, without the system prompt.
        system_prompt: As above.
        reused: How many tokens of the latest prompt were not read again.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        system_prompt: str | None = None,
        make_cache: Callable[[], list[Cache]] | None = None,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        # Calls of tools are text here: there are none.
        found = answer_format(tokenizer)
        self._format = found if found.harmony else make_format("text", found.reasoning)
        self.system_prompt: str | None = system_prompt
        self.messages: list[dict[str, str]] = []
        self.reused: int = 0
        self._make_cache = make_cache or (lambda: make_prompt_cache(model))
        self._cache: list[Cache] = self._make_cache()
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
        self,
        text: str | None,
        template_options: dict[str, Any],
        *,
        make_processors: Callable[[int], list[LogitsProcessor]] | None = None,
        **options: Any,
    ) -> Generator[Piece]:
        """Say something and stream the answer.

        What there is of an answer when the iterator is closed stays in the conversation.

        Args:
            text: What is said; ``None`` for another answer to what was said last.
            template_options: Options of `Tokenizer.apply_chat_template`.
            make_processors: Makes what changes the logits, from the number of tokens that are read
                before the answer. Default: ``None``, nothing does.
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
        answer = {"role": "assistant", "content": ""}
        new = []
        try:
            prompt = self._prompt(template_options)
            self.reused = self._reuse(prompt)
            new_tokens = prompt[self.reused :]
            if make_processors is not None:
                options["logits_processors"] = make_processors(len(new_tokens))
            stream: Any = stream_generate(
                self._model,
                self._tokenizer,
                new_tokens,
                prompt_cache=self._cache,
                **options,
            )
        except Exception:
            self.messages = before
            raise
        parser = AnswerParser(self._format, prompt=self._tokenizer.decode(prompt[-64:]))
        try:
            for response in stream:
                new.append(response.token)
                events = parser.add(response.text)
                if response.finish_reason is not None:
                    events += parser.finish()
                yield _take(answer, events, response)
        finally:
            # As well after Ctrl-C, or when nobody wants to hear more.
            stream.close()
            if new:
                _take(answer, parser.finish(), response)
            self._remember([*prompt, *new])
            self.messages.append(answer)

    def _prompt(self, template_options: dict[str, Any]) -> list[int]:
        messages = list(self.messages)
        if self.system_prompt:
            messages.insert(0, {"role": "system", "content": self.system_prompt})
        options = {**template_options, "add_generation_prompt": True}
        prompt: list[int] = self._tokenizer.apply_chat_template(messages, **options)
        return in_own_tokens(self._held, prompt, self._tokenizer)

    def _reuse(self, prompt: list[int]) -> int:
        """Cut the cache back to what it has in common with a prompt."""
        common = cut_back(self._cache, self._held, prompt)
        if common is None:
            # All is read again.
            self._cache, common = self._make_cache(), 0
        self._held = prompt[:common]
        return common

    def _remember(self, tokens: list[int]) -> None:
        held = cut_level(self._cache, len(tokens))
        if held is None:
            self._cache, held = self._make_cache(), 0
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
        text = Transcript(self.messages, self.system_prompt).to_json()
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(text + "\n", "utf-8")
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
        said = Transcript.from_json(path.read_bytes(), str(path))
        self.messages, self.system_prompt = said.messages, said.system_prompt

    def keep(self) -> KeptPrompt:
        """Give away what was said with the cache that has read it.

        Returns:
            Both.
        """
        from .kept_prompts import KeptPrompt

        said = Transcript(list(self.messages), self.system_prompt)
        # That of a draft model comes after.
        own = self._cache[: len(self._model.layers)]
        return KeptPrompt(own, list(self._held), said)

    def resume(self, kept: KeptPrompt) -> str:
        """Go on with what was kept.

        Args:
            kept: What was kept, with its tokens.

        Returns:
            The beginning of the next message; empty if there is none.
        """
        self.messages, self.system_prompt = kept.said.messages, kept.said.system_prompt
        fresh = self._make_cache()
        if len(fresh) == len(kept.cache):
            self._cache, self._held = list(kept.cache), list(kept.tokens or ())
        else:
            # The draft model has not read it.
            self._cache, self._held = fresh, []
        begun = self.messages and self.messages[-1]["role"] == "user"
        return self.messages.pop()["content"] if begun else ""


def _take(answer: dict[str, str], events: Iterable[Event], response: GenerationResponse) -> Piece:
    """Add to an answer what is certain of it."""
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    reasoning = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    answer["content"] += text
    if reasoning:
        answer["reasoning_content"] = answer.get("reasoning_content", "") + reasoning
    return Piece(text, reasoning, response)
