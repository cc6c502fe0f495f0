"""How the weights of checkpoints become those of a model, and become a checkpoint's again.

A rule is data. In its patterns ``*`` stands for a number or a word without dots, and is what it was
on the other side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import mlx_core_py as mx

__all__ = [
    "Convert",
    "Drop",
    "Join",
    "Rename",
    "Rule",
    "Split",
    "Stack",
    "Transpose",
    "checkpoint_name",
    "load_weights",
    "save_weights",
]


def __dir__() -> list[str]:
    return __all__


Weights = dict[str, mx.array]

# What is of the features that come in, and so of each part of a weight the same.
_OF_INPUTS = ("signs",)


@dataclass(frozen=True)
class Drop:
    """Weights that the model has no use for.

    Attributes:
        pattern: Their names, or how these begin.
    """

    pattern: str


@dataclass(frozen=True)
class Rename:
    """Weights under another name.

    Attributes:
        theirs: A part of the name in the checkpoint, from its beginning.
        ours: What it is in the model.
        undone: Whether it becomes the checkpoint's again, where there are several of it.
    """

    theirs: str
    ours: str
    undone: bool = True


@dataclass(frozen=True)
class Split:
    """A weight that is several, one below the other.

    Attributes:
        theirs: The name in the checkpoint, without ``.weight``, ``.bias``, ``.scales``, ….
        ours: The names in the model.
        rows: The number of rows of each.
        heads: Into how many blocks the rows are divided, in each of which there is a part of each.
            Default: 1.
        axis: Which axis the rows are. Default: 0; 1 where experts are stacked.
    """

    theirs: str
    ours: tuple[str, ...]
    rows: tuple[int, ...]
    heads: int = 1
    axis: Literal[0, 1] = 0


@dataclass(frozen=True)
class Stack:
    """Weights of experts, one by one, that lie in one array.

    Attributes:
        theirs: The name in the checkpoint, whose last ``*`` is the number of the expert.
        ours: The name in the model.
    """

    theirs: str
    ours: str


@dataclass(frozen=True)
class Convert:
    """What no other rule says.

    Attributes:
        load: From the weights of a checkpoint to those of the model.
        save: Back.
    """

    load: Callable[[dict[str, mx.array]], dict[str, mx.array]]
    save: Callable[[dict[str, mx.array]], dict[str, mx.array]]


@dataclass(frozen=True)
class Transpose:
    """Matrices whose rows are the features that come in.

    Attributes:
        pattern: Their names, without ``.weight``.
    """

    pattern: str


@dataclass(frozen=True)
class Join:
    """Weights that are one, one below the other.

    Attributes:
        theirs: The names in the checkpoint.
        ours: The name in the model.
        rows: The number of rows of each.
        heads: Into how many blocks the rows are divided, as of `Split`.
    """

    theirs: tuple[str, ...]
    ours: str
    rows: tuple[int, ...]
    heads: int = 1

    @property
    def undone(self) -> Split:
        """The rule from the model to the checkpoint."""
        return Split(self.ours, self.theirs, self.rows, self.heads)


Rule = Convert | Drop | Join | Rename | Split | Stack | Transpose


def load_weights(weights: Mapping[str, mx.array], rules: Sequence[Rule]) -> Weights:
    """Make the weights of a checkpoint those of a model.

    Args:
        weights: The weights by name.
        rules: Are followed one after the other.

    Returns:
        The weights by the names of the model.

    Example:
        >>> rules = [Rename("transformer.h.*.attn", "model.layers.*.self_attn")]
        >>> list(load_weights({"transformer.h.3.attn.q.weight": mx.zeros(1)}, rules))
        ['model.layers.3.self_attn.q.weight']
    """
    loaded = dict(weights)
    for rule in rules:
        match rule:
            case Convert(load=load):
                loaded = load(loaded)
            case Drop(pattern):
                at = _matcher(pattern)
                loaded = {name: value for name, value in loaded.items() if not at.match(name)}
            case Rename(theirs, ours):
                loaded = _renamed(loaded, theirs, ours)
            case Split():
                loaded = _split(loaded, rule)
            case Join():
                loaded = _joined(loaded, rule.undone)
            case Stack(theirs, ours):
                loaded = _stacked(loaded, theirs, ours)
            case Transpose(pattern):
                loaded = _transposed(loaded, pattern)
    return loaded


def save_weights(weights: Mapping[str, mx.array], rules: Sequence[Rule]) -> Weights:
    """Make the weights of a model those of a checkpoint.

    Args:
        weights: The weights by name.
        rules: As for `load_weights`.

    Returns:
        The weights by the names of the checkpoint, without what `Drop` left out.
    """
    saved = dict(weights)
    for rule in reversed(rules):
        match rule:
            case Convert(save=save):
                saved = save(saved)
            case Rename(theirs, ours, undone=True):
                saved = _renamed(saved, ours, theirs)
            case Split():
                saved = _joined(saved, rule)
            case Join():
                saved = _split(saved, rule.undone)
            case Stack(theirs, ours):
                saved = _unstacked(saved, theirs, ours)
            case Transpose(pattern):
                saved = _transposed(saved, pattern)
    return saved


def _matcher(pattern: str, end: str = r"(?=\.|$)") -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", r"([^.]+)") + end)


def _filled(pattern: str, values: Sequence[str]) -> str:
    parts = pattern.split("*")
    filled = parts[0]
    for part, value in zip(parts[1:], values, strict=True):
        filled += value + part
    return filled


def _renamed(weights: Weights, before: str, after: str) -> Weights:
    at = _matcher(before)
    renamed: Weights = {}
    for name, value in weights.items():
        match = at.match(name)
        if match:
            name = _filled(after, match.groups()) + name[match.end() :]
        renamed[name.removeprefix(".")] = value
    return renamed


def _transposed(weights: Weights, pattern: str) -> Weights:
    at = _matcher(pattern + ".weight", "$")
    return {
        name: value.T if at.match(name) and value.ndim == 2 else value
        for name, value in weights.items()
    }


def _split(weights: Weights, rule: Split) -> Weights:
    at = _matcher(rule.theirs, r"\.([^.]+)$")
    split: Weights = {}
    for name, value in weights.items():
        match = at.match(name)
        if match is None:
            split[name] = value
            continue
        *values, kind = match.groups()
        if kind in _OF_INPUTS:
            split |= {f"{_filled(ours, values)}.{kind}": value for ours in rule.ours}
            continue
        rows_of_all = rule.heads * sum(rule.rows)
        if value.ndim <= rule.axis or value.shape[rule.axis] != rows_of_all:
            raise ValueError(
                f"the weight '{name}' has the shape {value.shape}, not {rows_of_all} rows"
            )
        if rule.axis == 1:
            cuts = [sum(rule.rows[:i]) for i in range(1, len(rule.rows))]
            for ours, part in zip(rule.ours, mx.split(value, cuts, axis=1), strict=True):
                split[f"{_filled(ours, values)}.{kind}"] = part
            continue
        blocks = value.reshape(rule.heads, sum(rule.rows), *value.shape[1:])
        start = 0
        for ours, rows in zip(rule.ours, rule.rows, strict=True):
            part = blocks[:, start : start + rows].reshape(-1, *value.shape[1:])
            split[f"{_filled(ours, values)}.{kind}"] = part
            start += rows
    return split


def _joined(weights: Weights, rule: Split) -> Weights:
    at = _matcher(rule.ours[0], r"\.([^.]+)$")
    joined = dict(weights)
    for name in weights:
        match = at.match(name)
        if match is None:
            continue
        *values, kind = match.groups()
        if kind in _OF_INPUTS:
            parts = [joined.pop(f"{_filled(ours, values)}.{kind}") for ours in rule.ours]
            joined[f"{_filled(rule.theirs, values)}.{kind}"] = parts[0]
            continue
        if rule.axis == 1:
            found = [joined.pop(f"{_filled(ours, values)}.{kind}") for ours in rule.ours]
            joined[f"{_filled(rule.theirs, values)}.{kind}"] = mx.concatenate(found, axis=1)
            continue
        parts = [
            joined.pop(f"{_filled(ours, values)}.{kind}").reshape(
                rule.heads, rows, *weights[name].shape[1:]
            )
            for ours, rows in zip(rule.ours, rule.rows, strict=True)
        ]
        whole = mx.concatenate(parts, axis=1)
        joined[f"{_filled(rule.theirs, values)}.{kind}"] = whole.reshape(-1, *whole.shape[2:])
    return joined


def _stacked(weights: Weights, theirs: str, ours: str) -> Weights:
    at = _matcher(theirs, r"\.([^.]+)$")
    stacked: Weights = {}
    experts: dict[str, dict[int, mx.array]] = {}
    for name, value in weights.items():
        match = at.match(name)
        if match is None:
            stacked[name] = value
            continue
        *values, expert, kind = match.groups()
        if not expert.isdecimal():
            raise ValueError(f"the weight '{name}' has no number of an expert")
        experts.setdefault(f"{_filled(ours, values)}.{kind}", {})[int(expert)] = value
    for name, found in experts.items():
        if sorted(found) != list(range(len(found))):
            raise ValueError(f"the experts of '{name}' are not numbered without gaps")
        stacked[name] = mx.stack([found[i] for i in range(len(found))])
    return stacked


def _unstacked(weights: Weights, theirs: str, ours: str) -> Weights:
    at = _matcher(ours, r"\.([^.]+)$")
    unstacked: Weights = {}
    for name, value in weights.items():
        match = at.match(name)
        if match is None:
            unstacked[name] = value
            continue
        *values, kind = match.groups()
        for i in range(value.shape[0]):
            unstacked[f"{_filled(theirs, [*values, str(i)])}.{kind}"] = value[i]
    return unstacked


def checkpoint_name(path: str, rules: Sequence[Rule]) -> str:
    """Tell what a layer is called in checkpoints.

    Args:
        path: The path of a layer of the model.
        rules: As for `load_weights`.

    Returns:
        Its name there; of a layer that is one with others there, that of all.

    Example:
        >>> rules = [Split("layers.*.qk", ("layers.*.q", "layers.*.k"), (1, 1))]
        >>> checkpoint_name("layers.3.q", rules)
        'layers.3.qk'
    """
    for rule in reversed(rules):
        match rule:
            case Rename(theirs, ours, undone=True):
                pairs = [(ours, theirs)]
            case Split(theirs, parts):
                pairs = [(part, theirs) for part in parts]
            case _:
                continue
        for before, after in pairs:
            found = _matcher(before).match(path)
            if found:
                path = (_filled(after, found.groups()) + path[found.end() :]).removeprefix(".")
                break
    return path
