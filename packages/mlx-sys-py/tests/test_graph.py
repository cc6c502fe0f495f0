"""Graphs as text."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlx_sys_py import array, graph, ops


def test_the_graph_in_the_language_of_graphviz(tmp_path: Path) -> None:
    x = array(1)
    path = tmp_path / "graph.dot"
    graph.export_to_dot(path, [ops.add(x, 2)], {"the x": x})
    text = path.read_text()
    assert text.startswith("digraph {")
    assert '"the x" ->' in text
    assert 'label ="Add"' in text


def test_the_graph_line_by_line() -> None:
    file = io.StringIO()
    x = array(1.0)
    graph.print_graph(file, [ops.sin(x) * 2], {"x": x})
    words = [line.split()[:2] for line in file.getvalue().splitlines()]
    assert words[0] == ["Inputs:", "x"]
    assert words[-2] == ["Sin", "x"]
    assert words[-1][0] == "Multiply"


@pytest.mark.parametrize("write", [graph.export_to_dot, graph.print_graph])
def test_wrong_arguments(write: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="file must be"):
        write(3, [array(1)])
    with pytest.raises(TypeError, match="outputs"):
        write(io.StringIO(), 3)
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "no such" / "file", [array(1)])
    with pytest.raises(TypeError, match="names"):
        write(io.StringIO(), [array(1)], {1: array(1)})


@pytest.mark.parametrize("write", [graph.export_to_dot, graph.print_graph])
def test_a_graph_too_deep_to_write_is_refused(write: Callable[..., Any]) -> None:
    x = array(1.0)
    for _ in range(100_000):
        x = x + 1.0
    with pytest.raises(ValueError, match="too deep"):
        write(io.StringIO(), [x])
