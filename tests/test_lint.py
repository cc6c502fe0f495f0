"""The hooks of pre-commit do what ``nox -s lint`` does, with the same versions of the tools."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text()


def test_same_versions() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert set(re.findall(r"additional_dependencies: \[(.+)\]", HOOKS)) == set(groups["lint"])


def test_same_commands() -> None:
    """Options included; the files are each one's own choice."""
    noxfile = ast.parse((ROOT / "noxfile.py").read_text())
    (lint,) = (n for n in noxfile.body if isinstance(n, ast.FunctionDef) and n.name == "lint")
    commands = [
        " ".join(str(part.value) for part in call.args if isinstance(part, ast.Constant))
        for call in ast.walk(lint)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "session.run"
    ]
    assert re.findall(r"entry: (.+)", HOOKS) == commands
