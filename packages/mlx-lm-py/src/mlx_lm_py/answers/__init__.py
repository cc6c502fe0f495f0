"""From the text of a model to an answer: where it ends, its reasoning, its calls of tools.

Its names are loaded when they are first asked for: who generates text needs the end of it alone.
"""

from __future__ import annotations

from collections.abc import Callable

from mlx_lm_py._later import names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
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


__getattr__: Callable[[str], object] = names_of(
    __name__,
    {
        "Answer": "events",
        "ArgumentsDelta": "events",
        "CallBroken": "events",
        "CallDone": "events",
        "CallStart": "events",
        "Event": "events",
        "ReasoningDelta": "events",
        "TextDelta": "events",
        "ToolCall": "events",
        "collect": "events",
        "merge": "events",
        "FAMILIES": "formats",
        "AnswerFormat": "formats",
        "answer_format": "formats",
        "make_format": "formats",
        "AnswerParser": "parser",
        "StopStrings": "stop",
    },
)
