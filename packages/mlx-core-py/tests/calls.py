"""Calls of every function, as text, for official MLX and this package alike.

A row is a call with all parameters by name. `spellings` writes it in every way that Python has: so
many positional arguments, the others by keyword, defaults left out; `with_wrong_values` puts
something that does not fit in the place of each argument. `run` gives what a call returns as plain
objects. Run as a program, the file does that for the calls that standard input lists, so that a
call that ends the process ends no other.
"""

from __future__ import annotations

import ast
import importlib
import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

# Larger arrays are not computed: their shape tells enough.
LARGEST = 100_000

WRONG_VALUES = (
    "None",
    "'text'",
    "object()",
    "True",
    "-7",
    "99",
    "2**31",
    "2**70",
    "1.5",
    "float('nan')",
    "[]",
    "()",
    "(0, 0)",
    "(9,)",
    "[1, 'text']",
    "[[1], [2, 3]]",
    "{}",
    "mx.zeros((7, 5, 3))",
    "mx.array([True, False])",
    "mx.array(3)",
    "mx.zeros((0,))",
    "mx.float16",
    "mx.cpu",
    "print",
)

NAMES = {
    "x": "mx.array([[1.0, -2.0, 3.0], [4.5, 0.5, -6.0]])",
    "y": "mx.array([[0.5, 2.0, 2.5], [1.0, -3.0, 4.0]])",
    "u": "mx.array([[0.1, -0.2, 0.3], [0.5, 0.75, -0.6]])",
    "p": "mx.array([[1.5, 2.0, 3.0], [4.5, 1.25, 6.0]])",
    "v": "mx.array([3.0, 1.0, 2.0, 5.0])",
    "w": "mx.array([0.5, -1.0, 2.0, 1.0])",
    "s": "mx.array([1.0, 2.0, 3.0, 5.0])",
    "i": "mx.array([[1, 2, 3], [4, 5, 6]])",
    "j": "mx.array([[3, 2, 2], [1, 3, 1]])",
    "n": "mx.array([1, 0, 1])",
    "b": "mx.array([[True, False, True], [False, False, True]])",
    "c": "mx.array([[True, True, False], [False, True, True]])",
    "z": "mx.array([1 + 2j, -0.5j])",
    "m": "mx.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.25], [0.5, 0.25, 2.0]])",
    "t": "mx.array([[4.0, 0.0, 0.0], [1.0, 3.0, 0.0], [0.5, 0.25, 2.0]])",
    "k": "mx.random.key(3)",
    "q": "mx.sin(mx.arange(64).reshape(1, 2, 4, 8))",
    "g": "mx.sin(mx.arange(256).reshape(4, 64))",
    "cpu": "mx.cpu",
}


class Call:
    """A call with all arguments by name; `parts` are pairs of name (or None) and text."""

    def __init__(self, function: str, parts: list[tuple[str | None, str]]) -> None:
        self.function, self.parts = function, parts

    @classmethod
    def parse(cls, text: str) -> Call:
        tree = ast.parse(text.strip(), mode="eval").body
        assert isinstance(tree, ast.Call), text
        parts: list[tuple[str | None, str]] = [(None, ast.unparse(arg)) for arg in tree.args]
        parts += [(keyword.arg, ast.unparse(keyword.value)) for keyword in tree.keywords]
        return cls(ast.unparse(tree.func), parts)

    def text(self, positional: int, left_out: Iterable[int] = ()) -> str:
        kept = [
            value if name is None or at < positional else f"{name}={value}"
            for at, (name, value) in enumerate(self.parts)
            if at not in left_out
        ]
        module = "" if self.function.startswith(("nn.", "optimizers.", "utils.")) else "mx."
        return f"{module}{self.function}({', '.join(kept)})"

    def spellings(self) -> list[str]:
        count = len(self.parts)
        texts = [self.text(positional) for positional in range(count + 1)]
        texts += [self.text(0, [at]) for at in range(count)]
        texts += [self.text(end, range(end, count)) for end in range(count)]
        texts += [self.text(2, [at]) for at in range(2, count)]
        return list(dict.fromkeys(texts))

    def with_wrong_values(self, positional: int) -> list[str]:
        texts = []
        for at, (name, _) in enumerate(self.parts):
            for wrong in WRONG_VALUES:
                parts = [*self.parts]
                parts[at] = (name, wrong)
                texts.append(Call(self.function, parts).text(positional))
        return texts


def names_of(module: str) -> dict[str, Any]:
    """What the texts of calls may use; ``module`` is ``mlx.core`` or ``mlx_core_py``."""
    mx, package = importlib.import_module(module), module.removesuffix(".core")
    names = {"mx": mx, "np": np}
    for name in ("nn", "optimizers", "utils"):
        names[name] = importlib.import_module(f"{package}.{name}")
    for name, text in NAMES.items():
        names[name] = eval(text, names)
    return names


def plain(value: Any, mx: Any) -> Any:
    """A value that means the same in both packages."""
    if isinstance(value, mx.array):
        data = None
        if value.size <= LARGEST:
            wide = value.astype(mx.float32) if value.dtype == mx.bfloat16 else value
            data = np.array(wide)
        return "array", str(value.dtype).rpartition(".")[2], tuple(value.shape), data
    if isinstance(value, mx.Dtype):
        return "dtype", str(value).rpartition(".")[2]
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return kind, [plain(item, mx) for item in value]
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return "constant", value
    if isinstance(value, dict):
        # A module is a dictionary too; what else than parameters it keeps there is its own affair.
        entries = value.parameters() if hasattr(value, "parameters") else value
        return type(value).__name__, {key: plain(item, mx) for key, item in entries.items()}
    return "object", "callable" if callable(value) else type(value).__name__


def run(text: str, names: dict[str, Any]) -> Any:
    """What a call gives: ``("value", …)`` or ``("error", names of the classes, message)``."""
    names["mx"].random.seed(0)
    try:
        return "value", plain(eval(text, dict(names)), names["mx"])
    except Exception as error:
        return "error", [kind.__name__ for kind in type(error).__mro__], str(error)


def run_apart(module: str, texts: list[str]) -> Iterator[Any]:
    """What the calls give in a process of their own: ``("end", status)`` where it ends."""
    position = 0
    while position < len(texts):
        process = subprocess.run(
            [sys.executable, __file__, module],
            input="\n".join(texts[position:]).encode(),
            capture_output=True,
            check=False,
        )
        results = []
        rest = process.stdout
        while rest:
            size = int.from_bytes(rest[:8], "little")
            if len(rest) < 8 + size:
                break
            results.append(pickle.loads(rest[8 : 8 + size]))
            rest = rest[8 + size :]
        yield from results
        position += len(results)
        if position < len(texts):
            yield "end", process.returncode
            position += 1


def main(module: str) -> None:
    out = sys.stdout.buffer
    sys.stdout = sys.stderr
    names = names_of(module)
    for line in sys.stdin.read().splitlines():
        data = pickle.dumps(run(line, names))
        out.write(len(data).to_bytes(8, "little") + data)
        out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
