"""Our headers against the C API they implement.

``data/mlx_c_api.tsv`` lists the functions of mlx-c 0.6 that are in the headers we have too: header,
name, result and parameters.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from codegen import emit_c, pxd, table
from codegen.vocabulary import GROUPS

PACKAGE = Path(__file__).parents[1]
OWN_HEADERS = PACKAGE / "include/mlx/c"

# How our API differs from mlx-c's: the names that begin so, and the reason they are not there.
NOT_HERE = {
    "mlx_fast_cuda_kernel": "kernels in the source language of one backend are not portable",
    "mlx_fast_metal_kernel": "kernels in the source language of one backend are not portable",
}

Signature = tuple[str, str, str]


def facts() -> list[dict[str, str]]:
    with (PACKAGE / "tests/data/mlx_c_api.tsv").open() as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def normal(text: str) -> str:
    """C with no white space that means nothing."""
    return re.sub(r"\s*([*(),])\s*", r"\1", " ".join(text.split()))


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all headers under mlx/c, derived ones too."""
    root = tmp_path_factory.mktemp("include")
    folder = shutil.copytree(OWN_HEADERS, root / "mlx/c")
    for group in GROUPS:
        (folder / f"{group}.h").write_text(emit_c.header(table.read(PACKAGE / "spec", group)))
    return root


@pytest.fixture(scope="module")
def ours(headers: Path) -> dict[str, Signature]:
    """Header, result and parameters of each of our functions."""
    found = {}
    for path in headers.glob("mlx/c/*.h"):
        for declaration in pxd.read(path).declarations:
            if match := pxd.FUNCTION.fullmatch(declaration.text):
                parameters = normal(match["parameters"])
                found[match["name"]] = (
                    path.name,
                    normal(match["result"]),
                    "" if parameters == "void" else parameters,
                )
    return found


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: fact["function"])
def test_function_is_as_in_mlx_c(fact: dict[str, str], ours: dict[str, Signature]) -> None:
    name = fact["function"]
    if name.startswith(tuple(NOT_HERE)):
        assert name not in ours
    else:
        expected = (fact["header"], normal(fact["returns"]), normal(fact["parameters"]))
        assert ours.get(name) == expected


def test_every_difference_is_one() -> None:
    names = [fact["function"] for fact in facts()]
    for prefix in NOT_HERE:
        assert any(name.startswith(prefix) for name in names)


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
