"""A table of what a model is made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mlx_core_py as mx
from mlx_core_py.trees import tree_flatten

__all__ = ["Summary", "SummaryRow", "summarize"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class SummaryRow:
    """What a table says of one module.

    ``parameters``, ``trainable`` and ``nbytes`` count what is in the module and in those inside
    it; an array that stands in two places counts once. Of a quantized layer ``parameters`` counts
    the weights that are packed, and not their scales. ``depth`` is how many modules it is inside
    of.

    Example:
        >>> nn.summary.summarize(nn.Linear(3, 2)).rows[0].parameters
        8
    """

    path: str
    kind: str
    outputs: tuple[tuple[int, ...], ...] | None
    parameters: int
    trainable: int
    nbytes: int
    depth: int = 0


@dataclass(frozen=True)
class Summary:
    """The rows of a table, which ``str`` and ``print`` show; the first one is the whole model.

    Example:
        >>> print(nn.Sequential(nn.Linear(3, 2), nn.ReLU()).summary(mx.zeros((5, 3))))
        layer        output shape  parameters  trainable  bytes
        Sequential   (5, 2)                 8          8     32
          0  Linear  (5, 2)                 8          8     32
          1  ReLU    (5, 2)                 0          0      0
    """

    rows: tuple[SummaryRow, ...]

    def __str__(self) -> str:
        cells = [["layer", "output shape", "parameters", "trainable", "bytes"]]
        around: list[str] = []
        for row in self.rows:
            # What the path says beyond that of the module around it, in which a list or dictionary
            # may be named.
            del around[row.depth :]
            name = row.path.removeprefix(around[-1] if around else "").removeprefix(".")
            around.append(row.path)
            label = "  " * row.depth + (f"{name}  {row.kind}" if name else row.kind)
            shapes = " ".join(str(shape) for shape in row.outputs or ())
            counts = (f"{n:,}" for n in (row.parameters, row.trainable, row.nbytes))
            cells.append([label, shapes, *counts])
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        # Texts to the left, numbers to the right.
        lines = [
            [f"{text:{'<' if i < 2 else '>'}{width}}" for i, (text, width) in enumerate(pairs)]
            for pairs in (zip(line, widths, strict=True) for line in cells)
        ]
        return "\n".join("  ".join(line) for line in lines)

    __repr__ = __str__


def summarize(model: Any, *inputs: Any, depth: int | None = None, **named: Any) -> Summary:
    """Return a table of the modules of a model: output shapes, parameters, bytes.

    Args:
        model: The model.
        inputs: What to call the model with, to learn the shapes of outputs. Nothing is evaluated.
            Without inputs the model is not called, and the table has no shapes.
        depth: Inside of how many modules to list one; ``None`` (default) lists all.
        named: Named arguments of the call.

    Returns:
        The table. Paths leave out the names of lists of :class:`Sequential`.

    Raises:
        TypeError: If ``model`` is no module.

    Example:
        >>> summary = nn.summary.summarize(nn.Linear(3, 2), mx.zeros((5, 3)))
        >>> summary.rows[0].outputs, summary.rows[0].nbytes
        (((5, 2),), 32)
    """
    # By what it has: the class itself offers this function as a method.
    if not hasattr(model, "leaf_modules"):
        raise TypeError(f"model must be a Module, not {type(model).__name__}")
    shapes: dict[int, tuple[tuple[int, ...], ...]] = {}
    if inputs or named:
        with _recorded(model, shapes):
            model(*inputs, **named)
    packed = _packed_weights(model)
    rows = []
    for path, module, level in _in_order(model, "", 0):
        if depth is None or level <= depth:
            parameters = _distinct(module.parameters())
            trainable = _distinct(module.trainable_parameters())
            rows.append(
                SummaryRow(
                    path,
                    type(module).__name__,
                    shapes.get(id(module)),
                    sum(packed.get(id(parameter), parameter.size) for parameter in parameters),
                    sum(parameter.size for parameter in trainable),
                    sum(parameter.nbytes for parameter in parameters),
                    level,
                )
            )
    return Summary(tuple(rows))


def _distinct(tree: Any) -> list[mx.array]:
    return list({id(leaf): leaf for _, leaf in tree_flatten(tree)}.values())


def _packed_weights(model: Any) -> dict[int, int]:
    """Return how many weights the arrays of quantized layers stand for, by identity."""
    counts = {}
    for module in model.modules():
        bits = getattr(module, "bits", None)
        if isinstance(bits, int) and "scales" in module and "weight" in module:
            counts[id(module["weight"])] = module["weight"].size * 32 // bits
            counts |= {id(module[name]): 0 for name in ("scales", "biases") if name in module}
    return counts


def _in_order(module: Any, path: str, level: int) -> Iterator[tuple[str, Any, int]]:
    """Give a module and those inside it in the order of their attributes, and how deep they are."""
    yield path, module, level
    for name, child in tree_flatten(module.children(), is_leaf=module.is_module):
        if module.is_module(child):
            below = name.removeprefix("layers.")
            yield from _in_order(child, f"{path}.{below}" if path else below, level + 1)


@contextmanager
def _recorded(model: Any, shapes: dict[int, tuple[tuple[int, ...], ...]]) -> Iterator[None]:
    """Note the shapes of the outputs of all modules while the block runs.

    A call looks for ``__call__`` in the class, so for that long each module has a subclass of its
    own class.
    """
    modules = {id(module): module for module in model.modules()}.values()
    classes = [type(module) for module in modules]
    for module, kind in zip(modules, classes, strict=True):

        def call(self: Any, *args: Any, _kind: Any = kind, **kwargs: Any) -> Any:
            output = _kind.__call__(self, *args, **kwargs)
            leaves = [leaf for _, leaf in tree_flatten(output) if isinstance(leaf, mx.array)]
            shapes[id(self)] = tuple(leaf.shape for leaf in leaves)
            return output

        module.__class__ = type(kind.__name__, (kind,), {"__call__": call})
    try:
        yield
    finally:
        for module, kind in zip(modules, classes, strict=True):
            module.__class__ = kind
