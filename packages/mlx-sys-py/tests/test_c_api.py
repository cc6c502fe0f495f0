"""Our headers against the C API they implement.

``data/mlx_c_api.tsv`` lists the functions of mlx-c 0.6 (header, name, result and parameters),
``data/mlx_c_types.tsv`` its types (header, kind, name and definition), ``data/mlx_c_includes.tsv``
what its headers include.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from codegen import differences, emit_c, table
from codegen.differences import Entity, Interface
from codegen.vocabulary import GROUPS

PACKAGE = Path(__file__).parents[1]
OWN_HEADERS = PACKAGE / "include/mlx/c"
MLX_C = differences.mlx_c(PACKAGE / "tests/data")


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all headers under mlx/c, derived ones too."""
    root = tmp_path_factory.mktemp("include")
    folder = shutil.copytree(OWN_HEADERS, root / "mlx/c")
    for group in GROUPS:
        (folder / f"{group}.h").write_text(emit_c.header(table.read(PACKAGE / "spec", group)))
    return root


@pytest.fixture(scope="module")
def ours() -> Interface:
    return differences.headers(PACKAGE / "spec", OWN_HEADERS)


def test_the_lists_are_whole() -> None:
    assert len(MLX_C.functions) == 620
    assert len(MLX_C.types) == 39
    assert len(MLX_C.includes) == 29


@pytest.mark.parametrize("fact", MLX_C.functions.values(), ids=lambda fact: fact.name)
def test_function_is_as_in_mlx_c(fact: Entity, ours: Interface) -> None:
    assert not differences.changed({fact.name: fact}, ours, ours.functions)


@pytest.mark.parametrize("fact", MLX_C.types.values(), ids=lambda fact: fact.name)
def test_type_is_as_in_mlx_c(fact: Entity, ours: Interface) -> None:
    assert not differences.changed({fact.name: fact}, ours, ours.types)


@pytest.mark.parametrize("header", MLX_C.includes)
def test_header_brings_what_it_brings_in_mlx_c(header: str, ours: Interface) -> None:
    assert MLX_C.includes[header] <= ours.includes[header]


def test_a_difference_is_seen(ours: Interface) -> None:
    known = {
        "mlx_nothing": Entity("ops.h", "mlx_nothing", "int()"),
        "mlx_abs": Entity("ops.h", "mlx_abs", "int()"),
        "mlx_version": Entity("ops.h", "mlx_version", "int(mlx_string*str_)"),
    }
    lines = differences.changed(known, ours, ours.functions)
    assert [line.partition(" is ")[2][:7] for line in lines] == ["missing", "`int(ml", "not in "]


def test_the_page_of_differences(ours: Interface) -> None:
    page = differences.page(PACKAGE / "tests/data", PACKAGE / "spec", OWN_HEADERS)
    assert "All are here" in page
    entries = set(re.findall(r"^- `(\w+)`: ", page, re.MULTILINE))
    assert entries == {*ours.functions, *ours.types} - {*MLX_C.functions, *MLX_C.types}


def test_headers_are_c(headers: Path, tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    program = tmp_path / "program.c"
    program.write_text('#include "mlx/c/mlx.h"\nint main(void) { return 0; }\n')
    command = [compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    result = subprocess.run(
        [*command, f"-I{headers}", str(program)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
