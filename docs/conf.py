"""Configuration of Sphinx. Build with ``nox -s docs``: autodoc reads the installed packages."""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from mlx_lm_py.models.registry import ALIASES, FAMILIES
from sphinx.application import Sphinx

project = "mlx-py"
author = "The mlx-py developers"
copyright = "2026, " + author
release = metadata.version("mlx-core-py")
version = ".".join(release.split(".")[:2])

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"mlx-py {release}"

myst_enable_extensions = ["colon_fence", "substitution"]
myst_heading_anchors = 3
myst_substitutions = {"mlx_version": release}

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
napoleon_use_rtype = False

ROOT = Path(__file__).parents[1]
table = ROOT / "packages" / "mlx-sys-py"
# What the benchmarks have found, they show themselves.
sys.path.insert(0, str(ROOT / "benchmarks"))


def write_table_pages(app: Sphinx) -> None:
    """Let the generator of mlx-sys-py write its pages: a group of operations each, and one more."""
    folder = Path(app.srcdir, "reference", "table")
    for group in ("ops", "random", "linalg", "fft", "fast", "special"):
        command = [sys.executable, "-m", "codegen", "--group", group, "--spec", "spec"]
        subprocess.run([*command, "--out", folder, "--emit", "md"], cwd=table, check=True)
    command = [sys.executable, "-m", "codegen.differences", "--facts", "tests/data"]
    subprocess.run([*command, "--out", folder / "differences.md"], cwd=table, check=True)


def write_measured_pages(app: Sphinx) -> None:
    """Make a page with tables and plots of each file of results that is kept."""
    from cpu import page, results
    from gguf_types import report

    folder = Path(app.srcdir, "design", "measured")
    shutil.rmtree(folder, ignore_errors=True)
    for path in sorted(ROOT.glob("benchmarks/results/cpu-*.json")):
        page.write(results.load(path), folder, path.stem)
    for path in sorted(ROOT.glob("benchmarks/results/gguf-*.json")):
        report.write(results.load(path), folder, path.stem)


def write_pictures(app: Sphinx) -> None:
    """Let the examples that take seconds draw the pictures that the guide shows."""
    folder = Path(app.srcdir, "guide", "pictures")
    folder.mkdir(exist_ok=True)
    options = {"linear_regression": ["--steps", "2000"], "mnist": ["--epochs", "10"]}
    for name in ("tutorial", "linear_regression", "logistic_regression", "mnist", "vae", "resume"):
        program = [sys.executable, ROOT / "examples" / f"{name}.py", *options.get(name, [])]
        command = [*program, "--picture", folder / f"{name}.png"]
        subprocess.run(command, check=True, capture_output=True)


def write_model_pages(app: Sphinx) -> None:
    """Make a page of each family of models."""
    folder = Path(app.srcdir, "reference", "models")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    names_of = FAMILIES | {alias: FAMILIES[name] for alias, name in ALIASES.items()}
    for module in sorted(set(FAMILIES.values())):
        names = ", ".join(f"`{name}`" for name, other in names_of.items() if other == module)
        page = f"""\
# {module}

For the architectures {names}.

```{{eval-rst}}
.. automodule:: mlx_lm_py.models.families.{module}
```
"""
        (folder / f"{module}.md").write_text(page)


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", write_table_pages)
    app.connect("builder-inited", write_measured_pages)
    app.connect("builder-inited", write_pictures)
    app.connect("builder-inited", write_model_pages)
