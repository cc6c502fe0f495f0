"""Configuration of Sphinx. Build with ``nox -s docs``: autodoc reads the installed packages."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

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
    "api_table",
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
