"""Answers of a given structure: JSON that fits a schema, a regular expression, a grammar."""

from .constraint import Constraint, make_constraint
from .tool_grammar import tool_call_format

__all__ = ["Constraint", "make_constraint", "tool_call_format"]


def __dir__() -> list[str]:
    return __all__
