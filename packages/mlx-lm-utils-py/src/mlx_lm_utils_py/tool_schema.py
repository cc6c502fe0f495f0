"""JSON schemas of Python functions, for models that call tools.

The form is that of ``transformers.utils.get_json_schema``:
https://huggingface.co/docs/transformers/chat_extras
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

__all__ = ["function_schema"]


def __dir__() -> list[str]:
    return __all__


_TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    types.NoneType: "null",
    list: "array",
    dict: "object",
}
_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns?|Raises|Examples?|Yields|Notes?):\s*$")
_ARGUMENT = re.compile(r"^(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


def function_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """Describe a function to a model.

    Args:
        function: The function. Its annotations are the types of the parameters; its docstring says
            what it does and, under ``Args:``, what each parameter means.

    Returns:
        A tool: ``{"type": "function", "function": {"name": ..., "description": ...,
        "parameters": ...}}``.

    Raises:
        TypeError: If it is no function.
        ValueError: If a parameter has no annotation, or one that JSON has no type for.

    Example:
        >>> def add(a: int, b: int = 0) -> int:
        ...     '''Add two numbers.
        ...
        ...     Args:
        ...         a: The first.
        ...     '''
        ...     return a + b
        >>> function_schema(add)["function"]["parameters"]["required"]
        ['a']
    """
    if not callable(function):
        raise TypeError(f"tools must be JSON schemas or functions, not {type(function).__name__}")
    description, meanings = _read_docstring(inspect.getdoc(function) or "")
    hints = typing.get_type_hints(function)
    properties: dict[str, Any] = {}
    required = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in hints:
            raise ValueError(f"the parameter '{name}' of {function.__name__} needs an annotation")
        try:
            properties[name] = _type_schema(hints[name])
        except ValueError as error:
            raise ValueError(f"the parameter '{name}' of {function.__name__} {error}") from None
        if name in meanings:
            properties[name]["description"] = meanings[name]
        if parameter.default is inspect.Parameter.empty:
            required.append(name)
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    return {
        "type": "function",
        "function": {
            "name": function.__name__,
            "description": description,
            "parameters": parameters,
        },
    }


def _type_schema(hint: Any) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        kinds = {_TYPES.get(type(value), "") for value in arguments}
        if len(kinds) > 1 or "" in kinds:
            raise ValueError(f"has the annotation {hint}, whose values are not of one type")
        return {"type": kinds.pop(), "enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        options = [_type_schema(one) for one in arguments if one is not types.NoneType]
        if len(options) == 1:
            schema = options[0]
        elif all(option.keys() == {"type"} for option in options):
            schema = {"type": [option["type"] for option in options]}
        else:
            schema = {"anyOf": options}
        if len(options) < len(arguments):
            schema["nullable"] = True
        return schema
    if origin is tuple and arguments[-1:] != (Ellipsis,):
        return {"type": "array", "prefixItems": [_type_schema(one) for one in arguments]}
    if origin in (list, tuple, set, Sequence):
        return {"type": "array", "items": _type_schema(arguments[0])}
    if origin in (dict, Mapping):
        schema = {"type": "object"}
        if len(arguments) == 2 and arguments[1] is not Any:
            schema["additionalProperties"] = _type_schema(arguments[1])
        return schema
    if hint is Any:
        return {}
    if isinstance(hint, type) and hint in _TYPES:
        return {"type": _TYPES[hint]}
    raise ValueError(f"has the annotation {hint}, which JSON has no type for")


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The text before the first section, and what ``Args`` says of each parameter."""
    about: list[str] = []
    meanings: dict[str, str] = {}
    section = name = ""
    indent = 0
    for line in text.splitlines():
        heading = _SECTION.match(line)
        if heading:
            section, name = heading[1], ""
        elif not section:
            about.append(line)
        elif section in ("Args", "Arguments", "Parameters") and line.strip():
            argument = _ARGUMENT.match(line.strip())
            # What is further in than the first parameter goes on with one.
            depth = len(line) - len(line.lstrip())
            if argument and (not name or depth <= indent):
                name, indent = argument[1], depth
                meanings[name] = argument[2]
            elif name:
                meanings[name] = f"{meanings[name]} {line.strip()}".strip()
    return "\n".join(about).strip(), meanings
