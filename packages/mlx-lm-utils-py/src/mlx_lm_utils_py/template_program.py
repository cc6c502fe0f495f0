"""Chat templates as programs: compiled by Jinja, in its sandbox, and what they look at.

To import Jinja takes as long as to read the weights of a small model, so that this is imported for
the first template.
"""

from __future__ import annotations

import functools
import json
from typing import NamedTuple, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["Compiled", "compile_template"]


def __dir__() -> list[str]:
    return __all__


class _Generation(Extension):
    """``{% generation %}…{% endgeneration %}`` marks what to train on; here it is only its body."""

    tags = {"generation"}  # noqa: RUF012 (so it is in the base class)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _strftime_now(format: str) -> str:
    import datetime

    return datetime.datetime.now().strftime(format)


def _tojson(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes HTML, which no model expects in a prompt.
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


class Compiled(NamedTuple):
    """A template, and what it does with the content of messages.

    Attributes:
        template: The template.
        takes_parts: Whether it looks at the parts of a content.
        takes_text: Whether it looks at a content that is text.
        takes_none: Whether it asks if there is a content.
    """

    template: jinja2.Template
    takes_parts: bool
    takes_text: bool
    takes_none: bool


@functools.lru_cache(maxsize=16)
def compile_template(source: str) -> Compiled:
    """Compile a template.

    Args:
        source: The Jinja source, which is not trusted.

    Returns:
        The template.

    Raises:
        ValueError: If it is not valid.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    try:
        tree = environment.parse(source)
        template = environment.from_string(source)
    except (jinja2.TemplateError, RecursionError) as error:
        raise ValueError(f"the chat template is not valid: {error}") from None
    # A macro, or a variable that is set to a content, is called what its content is called.
    loops = any(_is_content(loop.iter) for loop in tree.find_all(nodes.For))
    tests = {test.name for test in tree.find_all(nodes.Test) if _is_content(test.node)}
    compares = any(
        _is_content(compare.expr)
        and any(isinstance(o.expr, nodes.Const) and o.expr.value is None for o in compare.ops)
        for compare in tree.find_all(nodes.Compare)
    )
    asks = tests & {"string", "mapping", "iterable", "sequence"}
    return Compiled(
        template,
        takes_parts=loops,
        takes_text=bool(asks) or not loops,
        takes_none=compares or bool(tests & {"none", "defined", "undefined"}),
    )


def _is_content(node: nodes.Node) -> bool:
    match node:
        case nodes.Getattr(attr=name) | nodes.Name(name=name):
            return str(name) == "content"
        case nodes.Getitem(arg=nodes.Const(value=name)):
            return bool(name == "content")
        case nodes.Filter(node=inner) if inner is not None:
            return _is_content(inner)
    return False
