"""What was said in a conversation, as files hold it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

__all__ = ["Transcript"]


def __dir__() -> list[str]:
    return __all__


@dataclass
class Transcript:
    """What was said.

    Attributes:
        messages: Mappings with ``role`` and ``content``, and perhaps ``reasoning_content``.
        system_prompt: Instructions that go before everything. Default: ``None``.

    Example:
        >>> said = Transcript([{"role": "user", "content": "Hi"}])
        >>> Transcript.from_json(said.to_json(), "a file") == said
        True
    """

    messages: list[dict[str, str]] = field(default_factory=list)
    system_prompt: str | None = None

    def to_json(self) -> str:
        """Write it as JSON.

        Returns:
            The text.
        """
        record = {"system_prompt": self.system_prompt, "messages": self.messages}
        return json.dumps(record, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, place: str) -> Transcript:
        """Read what `to_json` has written.

        Args:
            text: The text.
            place: Where it comes from, for messages of errors.

        Returns:
            What was said.

        Raises:
            ValueError: If it is something else.
        """
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"{place} is not JSON") from None
        messages = record.get("messages") if isinstance(record, dict) else None
        system_prompt = record.get("system_prompt") if isinstance(record, dict) else None
        if (
            not isinstance(messages, list)
            or not all(map(_is_message, messages))
            or not isinstance(system_prompt, str | None)
        ):
            raise ValueError(f"{place} holds no conversation that /save has written")
        return cls(messages, system_prompt)


def _is_message(value: object) -> bool:
    return (
        isinstance(value, dict)
        and {"role", "content"} <= value.keys() <= {"role", "content", "reasoning_content"}
        and all(isinstance(text, str) for text in value.values())
    )
