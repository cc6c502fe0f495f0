"""The functions of the C library as its headers declare them, for calls through ctypes."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mlx_sys_py

HEADERS = sorted(Path(mlx_sys_py.get_include()).glob("mlx/c/*.h"))
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
FUNCTION = re.compile(r"MLX_C_API\s+([\w\s*]+?)\s*\b(\w+)\s*\(([^;]*)\)\s*;")
STRUCT = re.compile(r"typedef struct \w+\s*\{([^}]*)\}\s*(\w+);")
NUMBERS = {
    "bool": ctypes.c_bool,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "size_t": ctypes.c_size_t,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
}


class Declaration(NamedTuple):
    """A function: what it returns, its name, and its parameters as they are written."""

    result: str
    name: str
    parameters: list[str]


def _struct(body: str, name: str) -> type[ctypes.Structure]:
    fields = [
        (
            f"field_{i}",
            ctypes.c_void_p
            if "*" in declaration
            else NUMBERS.get(declaration.split()[0], ctypes.c_int),
        )
        for i, declaration in enumerate(filter(None, map(str.strip, body.split(";"))))
    ]
    return type(name, (ctypes.Structure,), {"_fields_": fields})


def _parameters(text: str) -> Iterator[str]:
    """The parameters of a declaration, but `void`; a comma within brackets separates nothing."""
    for part in re.split(r",(?![^()]*\))", " ".join(text.split())):
        if part not in ("", "void"):
            yield part.strip()


_SOURCE = "\n".join(COMMENT.sub("", path.read_text()) for path in HEADERS)
STRUCTS: dict[str, Any] = {name: _struct(body, name) for body, name in STRUCT.findall(_SOURCE)}
DECLARATIONS = [
    Declaration(result.removeprefix("const "), name, list(_parameters(parameters)))
    for result, name, parameters in FUNCTION.findall(_SOURCE)
    if "..." not in parameters
]
LIBRARY = ctypes.CDLL(str(next(Path(mlx_sys_py.get_library_dir()).glob("libmlxc.*"))))


def function(declaration: Declaration) -> Any:
    """What calls a function; arguments are to be of ctypes' types."""
    result = getattr(LIBRARY, declaration.name)
    result.restype = STRUCTS.get(
        declaration.result, ctypes.c_void_p if "*" in declaration.result else ctypes.c_int
    )
    return result
