"""What the parser of an answer tells: text, reasoning and calls of tools, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = [
    "Answer",
    "ArgumentsDelta",
    "CallBroken",
    "CallDone",
    "CallStart",
    "Event",
    "ReasoningDelta",
    "TextDelta",
    "ToolCall",
    "collect",
    "merge",
]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class TextDelta:
    """More of the answer itself.

    Attributes:
        text: The text.
    """

    text: str


@dataclass(frozen=True)
class ReasoningDelta:
    """More of what the model thinks before it answers.

    Attributes:
        text: The text.
    """

    text: str


@dataclass(frozen=True)
class CallStart:
    """The model calls a tool.

    Attributes:
        index: Number of the call in this answer, from 0 on.
        name: Name of the tool.
        id: What the model calls this call by, where its format has that.
    """

    index: int
    name: str
    id: str | None = None


@dataclass(frozen=True)
class ArgumentsDelta:
    """More of the arguments of a call; all of them together are a JSON object.

    Attributes:
        index: Number of the call.
        text: The text.
    """

    index: int
    text: str


@dataclass(frozen=True)
class CallDone:
    """The arguments of a call are complete.

    Attributes:
        index: Number of the call.
    """

    index: int


@dataclass(frozen=True)
class CallBroken:
    """What began as a call is none: its arguments are malformed, or end too early.

    Attributes:
        index: Number of the call.
        text: All that the model wrote for it, which is to be read as text of the answer.
    """

    index: int
    text: str


Event = TextDelta | ReasoningDelta | CallStart | ArgumentsDelta | CallDone | CallBroken
"""One of the things that a parser tells."""


@dataclass(frozen=True)
class ToolCall:
    """A complete call of a tool.

    Attributes:
        name: Name of the tool.
        arguments: The arguments, as the text of a JSON object.
        id: What the model calls this call by, where its format has that.
    """

    name: str
    arguments: str
    id: str | None = None


@dataclass(frozen=True)
class Answer:
    """A whole answer.

    Attributes:
        text: The answer itself.
        reasoning: What the model thought before.
        tool_calls: The calls of tools.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)


def merge(events: Iterable[Event]) -> list[Event]:
    """Join deltas of the same kind that follow each other.

    Args:
        events: The events.

    Returns:
        As few events as say the same.

    Example:
        >>> merge([TextDelta("a"), TextDelta("b")])
        [TextDelta(text='ab')]
    """
    merged: list[Event] = []
    pieces: list[str] = []
    last: Event | None = None

    def close() -> None:
        if isinstance(last, (TextDelta, ReasoningDelta)):
            merged.append(type(last)("".join(pieces)))
        elif isinstance(last, ArgumentsDelta):
            merged.append(ArgumentsDelta(last.index, "".join(pieces)))
        elif last is not None:
            merged.append(last)
        pieces.clear()

    for event in events:
        joined = (
            last is not None
            and type(last) is type(event)
            and isinstance(event, (TextDelta, ReasoningDelta, ArgumentsDelta))
            and getattr(last, "index", 0) == getattr(event, "index", 0)
        )
        if not joined:
            close()
            last = event
        if isinstance(event, (TextDelta, ReasoningDelta, ArgumentsDelta)):
            pieces.append(event.text)
    close()
    return merged


def collect(events: Iterable[Event]) -> Answer:
    """Put all events of an answer together.

    Args:
        events: The events.

    Returns:
        The answer; what began as a call and is none is in its text.

    Example:
        >>> events = [TextDelta("It is "), TextDelta("5."), CallStart(0, "f")]
        >>> answer = collect([*events, ArgumentsDelta(0, "{}"), CallDone(0)])
        >>> answer.text, answer.tool_calls
        ('It is 5.', [ToolCall(name='f', arguments='{}', id=None)])
    """
    text: list[str] = []
    reasoning: list[str] = []
    starts: dict[int, CallStart] = {}
    arguments: dict[int, list[str]] = {}
    calls = []
    for event in events:
        match event:
            case TextDelta():
                text.append(event.text)
            case ReasoningDelta():
                reasoning.append(event.text)
            case CallStart():
                starts[event.index], arguments[event.index] = event, []
            case ArgumentsDelta():
                arguments[event.index].append(event.text)
            case CallDone():
                start = starts[event.index]
                calls.append(ToolCall(start.name, "".join(arguments[event.index]), start.id))
            case CallBroken():
                text.append(event.text)
    return Answer("".join(text), "".join(reasoning), calls)
