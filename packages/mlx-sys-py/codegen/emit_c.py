"""The C header of a group, and the C++ behind it."""

from __future__ import annotations

import textwrap

from codegen.model import Function, Group, Variant
from codegen.text import call
from codegen.vocabulary import TYPES

_HEADER = """\
/* Derived from {sources}: edit that, not this. */

#ifndef MLX_C_{upper}_H
#define MLX_C_{upper}_H

{includes}

#ifdef __cplusplus
extern "C" {{
#endif

/* {doc} */

{declarations}

#ifdef __cplusplus
}}
#endif

#endif
"""

_SOURCE = """\
// Derived from {sources}: edit that, not this.

#include <tuple>
#include <utility>

#include "mlx/c/{name}.h"
#include "mlx/mlx.h"

{includes}

{definitions}
"""

_DEFINITION = """\
// {path}:{line}
{declaration} {{
  return mlx_c::guard([&] {{
{body}
  }});
}}
"""

# Headers that every body needs; those of the expressions of a row are in the row's section.
_BODY_INCLUDES = ("convert", "guard", "handle", "node_cache", "thread_state")
_INCLUDES = ("api", "types")


def header(group: Group) -> str:
    """The text of `<group>.h`."""
    includes = [f"mlx/c/{name}.h" for name in _INCLUDES] + list(group.c_includes)
    return _HEADER.format(
        sources=group.sources,
        name=group.name,
        upper=group.name.upper(),
        doc=textwrap.indent(group.doc, " * ").removeprefix(" * "),
        includes="\n".join(f'#include "{name}"' for name in includes),
        declarations="\n\n".join(
            f"/** {function.summary} */\nMLX_C_API {_declaration(variant)};"
            for function in group.functions
            for variant in function.variants
        ),
    )


def source(group: Group) -> str:
    """The text of `<group>.cpp`."""
    definitions = [
        _DEFINITION.format(
            path=function.path,
            line=variant.line,
            declaration=_declaration(variant),
            body=textwrap.indent(_body(variant, function), "    "),
        )
        for function in group.functions
        for variant in function.variants
    ]
    includes = [*group.cpp_includes, *(f"core/{name}.hpp" for name in _BODY_INCLUDES)]
    return _SOURCE.format(
        sources=group.sources,
        name=group.name,
        includes="\n".join(f'#include "{name}"' for name in includes),
        definitions="\n".join(definitions),
    )


def _declaration(variant: Variant) -> str:
    return call(f"int {variant.name}", variant.c_params or ["void"], 88)


def _body(variant: Variant, function: Function) -> str:
    value = _value(variant, function)
    # A function that takes a stream sets its thread up when it looks the stream up.
    ready = [] if variant.stream else ["mlx_c::ensure_thread();"]
    match variant.outputs:
        case ():
            lines = [f"{value};"]
        case (_,):
            lines = [f"mlx_c::set(res, {value});"]
        case outputs:
            names = [f"value_{i}" for i in range(len(outputs))]
            lines = [f"auto [{', '.join(names)}] = {value};"]
            lines += [f"mlx_c::set(res_{i}, std::move({name}));" for i, name in enumerate(names)]
    check = [f"{variant.check.format(**_values(variant))};"] if variant.check else []
    return "\n".join(ready + check + lines)


def _values(variant: Variant) -> dict[str, str]:
    """The C++ expressions for the parameters and the stream."""
    values = {param.name: TYPES[param.type].cpp.format(n=param.name) for param in variant.params}
    return values | ({"s": "mlx_c::get_stream(s)"} if variant.stream else {})


def _value(variant: Variant, function: Function) -> str:
    values = _values(variant)
    if variant.is_expression:
        return variant.cpp.format(**values)
    name = variant.cpp
    if function.cached_node:
        # A template takes one function, and cannot choose between several of one name.
        overloaded = len(function.variants) > 1
        operation = f"[](const auto&... x) {{ return {name}(x...); }}" if overloaded else name
        name = f"mlx_c::cached_node<{operation}>"
    return call(name, list(values.values()), 78)
