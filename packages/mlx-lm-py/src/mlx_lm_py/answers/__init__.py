"""From the text of a model to an answer: where it ends, its reasoning, its calls of tools."""

from .events import (
    Answer,
    ArgumentsDelta,
    CallBroken,
    CallDone,
    CallStart,
    Event,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    collect,
    merge,
)
from .formats import FAMILIES, AnswerFormat, answer_format, make_format
from .parser import AnswerParser
from .stop import StopStrings

__all__ = [
    "FAMILIES",
    "Answer",
    "AnswerFormat",
    "AnswerParser",
    "ArgumentsDelta",
    "CallBroken",
    "CallDone",
    "CallStart",
    "Event",
    "ReasoningDelta",
    "StopStrings",
    "TextDelta",
    "ToolCall",
    "answer_format",
    "collect",
    "make_format",
    "merge",
]


def __dir__() -> list[str]:
    return __all__
