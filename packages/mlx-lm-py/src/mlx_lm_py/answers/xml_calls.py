"""How families of models write calls of tools whose arguments are texts between tags."""

from __future__ import annotations

import json
from collections.abc import Callable

from .calls import Calls
from .source import Malformed, Parsing
from .tools import text_value

__all__ = ["glm_calls", "invoke_calls", "qwen_calls"]


def __dir__() -> list[str]:
    return __all__


class _Object:
    """The arguments of a call, one after the other."""

    def __init__(self, calls: Calls, name: str) -> None:
        self._calls = calls
        self._before = "{"
        self.name: str = name.strip()
        if not self.name:
            raise Malformed
        calls.start(self.name)

    def key(self, key: str) -> frozenset[str] | None:
        """Begin an argument; returns the types that it may have."""
        key = key.strip()
        if not key:
            raise Malformed
        self._calls.arguments(f"{self._before}{json.dumps(key, ensure_ascii=False)}: ")
        self._before = ", "
        return self._calls.tools.types(self.name, key)

    def close(self) -> None:
        """End the call."""
        self._calls.arguments("{}" if self._before == "{" else "}")
        self._calls.done()


def qwen_calls(calls: Calls, tag: str) -> Parsing[None]:
    """``<function=f><parameter=p>value</parameter></function>``, as Qwen3-Coder writes."""
    source = calls.source
    if tag == "<tool_call>":
        yield from source.spaces()
        yield from source.expect("<function=")
    name, _ = yield from source.until([">"])
    arguments = _Object(calls, name)
    while True:
        yield from source.spaces()
        if (yield from source.one_of(["<parameter=", "</function>"])) == "</function>":
            arguments.close()
            return
        key, _ = yield from source.until([">"])
        types = arguments.key(key)
        yield from text_value(source, calls.arguments, "</parameter>", types, lines=True)


def glm_calls(calls: Calls, tag: str) -> Parsing[None]:
    """``f<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>``, as GLM 4.5 writes."""
    source = calls.source
    begin, end = "<arg_key>", "</tool_call>"
    name, word = yield from source.until([begin, end])
    if "<" in name or "{" in name:
        raise Malformed
    arguments = _Object(calls, name)
    while word == begin:
        key, _ = yield from source.until(["</arg_key>"])
        yield from source.spaces()
        yield from source.expect("<arg_value>")
        yield from text_value(source, calls.arguments, "</arg_value>", arguments.key(key))
        yield from source.spaces()
        word = yield from source.one_of([begin, end])
    arguments.close()


def invoke_calls(mark: str, end: str) -> Callable[[Calls, str], Parsing[None]]:
    """``<invoke name="f"><parameter name="p">value</parameter></invoke>`` up to an end tag.

    MiniMax writes so, and DeepSeek V3.2 with a mark in each tag, where ``string="true"`` in the
    tag of a parameter says which are texts.
    """
    begin = f'<{mark}invoke name="'
    parameter, end_invoke = f'<{mark}parameter name="', f"</{mark}invoke>"

    def parse(calls: Calls, tag: str) -> Parsing[None]:
        source = calls.source
        while True:
            yield from source.spaces()
            if (yield from source.one_of([begin, end])) == end:
                return
            name, _ = yield from source.until(['">'])
            arguments = _Object(calls, name)
            while True:
                yield from source.spaces()
                if (yield from source.one_of([parameter, end_invoke])) == end_invoke:
                    arguments.close()
                    break
                head, _ = yield from source.until([">"])
                key, _, attribute = head.partition('"')
                types = arguments.key(key)
                if "string=" in attribute:
                    types = frozenset({"string"}) if '"true"' in attribute else None
                close = f"</{mark}parameter>"
                yield from text_value(source, calls.arguments, close, types, lines=not mark)

    return parse
