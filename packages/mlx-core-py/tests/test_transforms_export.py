"""Functions in files and graphs as text, to and from the official package."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import pytest

official = pytest.importorskip("mlx.core")


def function(lib: Any) -> Any:
    return lambda x, y: (lib.exp(x) @ y, x - y)


def run(lib: Any, fun: Any, lists: tuple[list[float], list[float]]) -> list[Any]:
    x, y = map(lib.array, lists)
    return [result.tolist() for result in fun(x, y=y)]


@pytest.mark.parametrize("writer", [mx, official])
@pytest.mark.parametrize("reader", [mx, official])
def test_a_function_in_a_file(writer: Any, reader: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "f.mlxfn")
    one = writer.array([1.0, 1.0])
    writer.export_function(path, function(writer), one, y=one, metadata="a text")
    imported, metadata = reader.import_function(path, return_metadata=True)
    assert metadata == "a text"
    lists = [1.0, 2.0], [3.0, 4.0]
    ours, theirs = run(reader, imported, lists), run(official, function(official), lists)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-6)
    assert ours[1] == theirs[1]


@pytest.mark.parametrize("lib", [mx, official])
def test_arguments_in_a_tuple_and_a_dictionary(lib: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "f.mlxfn")
    one = lib.array(1.0)
    lib.export_function(path, lambda x, y, z: x + y * z, (one, one), {"z": one})
    imported = lib.import_function(path)
    x, y, z = lib.array(2.0), lib.array(3.0), lib.array(4.0)
    assert imported((x, y), {"z": z})[0].item() == imported(x, y, z=z)[0].item() == 14


def test_several_traces(tmp_path: Path) -> None:
    path = tmp_path / "f.mlxfn"
    with mx.exporter(path, lambda *xs: sum(xs), shapeless=True) as exporter:
        exporter(mx.array([1.0]))
        exporter(mx.array([1.0]), mx.array([1.0]))
    imported = mx.import_function(path)
    assert imported(mx.array([1.0, 2.0]))[0].tolist() == [1, 2]
    assert imported(mx.array([1.0, 2.0]), mx.array([1.0, 2.0]))[0].tolist() == [2, 4]


def test_a_callback_sees_every_step() -> None:
    steps: list[dict[str, Any]] = []
    mx.export_function(steps.append, lambda x: mx.exp(x) + 1, mx.array(1.0))
    assert [s["name"] for s in steps if s["type"] == "primitive"] == ["Exp", "Add"]


def test_wrong_arguments(tmp_path: Path) -> None:
    path = tmp_path / "f.mlxfn"
    with pytest.raises(ValueError, match="arguments must be arrays"):
        mx.export_function(path, lambda x: x, 1.0)
    with pytest.raises(TypeError, match="callable"):
        mx.export_function(path, 3, mx.array(1.0))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fun must return"):
        mx.export_function(path, lambda x: 3, mx.array(1.0))
    with pytest.raises(FileNotFoundError):
        mx.import_function(tmp_path / "none")


def test_a_graph(tmp_path: Path) -> None:
    x = mx.array(1)
    tree, file = {"sum": x + 1}, io.StringIO()
    mx.export_to_dot(tmp_path / "graph.dot", tree, x=x)
    mx.export_to_dot(file, [tree], x=x)
    assert file.getvalue() == (tmp_path / "graph.dot").read_text()
    assert '"x" ->' in file.getvalue()
