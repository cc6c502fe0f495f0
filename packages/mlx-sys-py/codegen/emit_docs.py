"""The reference page of a group, in MyST Markdown."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

from codegen.model import Function, Group, Section
from codegen.signatures import signature

_LISTS = ("Args", "Raises")
_SECTIONS = (*_LISTS, "Returns", "Example", "Examples", "Note", "See")

_PAGE = """\
<!-- Derived from {sources}: edit that, not this. -->

# `mlx_sys_py.{name}`

{sections}
"""

_ENTRY = """\
````{{py:function}} {name}({args}) -> {returns}
:module: mlx_sys_py.{group}

{body}
````
"""


def page(group: Group) -> str:
    """The text of `<group>.md`, in which every file of the group is a section."""
    return _PAGE.format(
        sources=group.sources,
        name=group.name,
        sections="\n".join(
            _section(section, len(group.sections) > 1) for section in group.sections
        ),
    )


def _section(section: Section, titled: bool) -> str:
    title = f"## {section.path.stem.replace('_', ' ').capitalize()}\n\n" if titled else ""
    public = [f for f in section.functions if f.in_python and not f.private]
    entries = "\n".join(_entry(f) for f in sorted(public, key=lambda f: f.name))
    return f"{title}{section.doc}\n\n{entries}"


def _entry(function: Function) -> str:
    blocks = list(_blocks(function.doc))
    if function.aliases:
        blocks.append(f"Also called {_code(function.aliases)}.")
    if function.method_args:
        blocks.append("Also a method of {py:class}`array <mlx_sys_py.array>`.")
    if function.variants:
        blocks.append(f"C: {_code(variant.name for variant in function.variants)}")
    return _ENTRY.format(
        name=function.name,
        args=signature(function.args),
        returns=ast.unparse(function.returns),
        group=function.group,
        body="\n\n".join(blocks),
    )


def _code(names: Iterator[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _blocks(doc: str) -> Iterator[str]:
    """A docstring's text and sections, as Markdown."""
    heading = ""
    lines: list[str] = []
    for line in [*doc.splitlines(), "See:"]:
        name = line.rstrip(":")
        starts = line.endswith(":") and name in _SECTIONS
        # `See: MLX ...` is a section of one line.
        if starts or line.startswith("See: "):
            if any(lines):
                yield _part(heading, textwrap.dedent("\n".join(lines)).strip("\n"))
            heading, lines = (name, []) if starts else ("See", [line.removeprefix("See: ")])
        else:
            lines.append(line)


def _part(heading: str, text: str) -> str:
    if not heading:
        return text
    if heading in _LISTS:
        return f"**{heading}**\n\n" + "\n".join(_items(text))
    if heading.startswith("Example"):
        return f"**{heading}**\n\n```python\n{text}\n```"
    return f"**{heading}** {text}"


def _items(text: str) -> Iterator[str]:
    """The entries `name (type): text` of a section, whose further lines are indented more."""
    for line in text.splitlines():
        if line.startswith(" ") or not line:
            yield f"  {line.strip()}"
            continue
        name, _, rest = line.partition(":")
        word, _, kind = name.partition(" ")
        yield f"- `{word}`{' ' + kind if kind else ''}: {rest.strip()}"
