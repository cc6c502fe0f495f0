"""Versions and pins agree; the version of MLX is written in one place."""

import re
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
NATIVE = "mlx-sys-py"
BACKENDS = {"cpu": "mlx-cpu", "cuda12": "mlx-cuda-12", "cuda13": "mlx-cuda-13"}
MANIFESTS: dict[str, dict[str, Any]] = {
    path.parent.name: tomllib.loads(path.read_text())
    for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
}
SIBLINGS = [name for name in MANIFESTS if name != NATIVE]


def meson_version(package: str) -> str:
    """The version that a package's meson.build states for its project."""
    text = (ROOT / "packages" / package / "meson.build").read_text()
    match = re.search(r"project\([^)]*?\bversion:\s*'([^']+)'", text, re.DOTALL)
    assert match, f"{package}/meson.build states no version"
    return match[1]


def version(package: str) -> str:
    """A package's version: pyproject.toml's, or meson.build's where that one is dynamic."""
    project = MANIFESTS[package]["project"]
    return str(project["version"]) if "version" in project else meson_version(package)


def requirements(package: str, extra: str | None = None) -> dict[str, Requirement]:
    """What a package requires, or what an extra of it adds, by name."""
    project = MANIFESTS[package]["project"]
    listed = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {requirement.name: requirement for requirement in map(Requirement, listed)}


def pin(requirement: Requirement) -> str:
    """The one version a requirement allows."""
    (specifier,) = requirement.specifier
    assert specifier.operator == "==", f"{requirement} is not pinned with =="
    return specifier.version


def mlx_version() -> str:
    """The version of MLX the native package is built against, whichever the backend."""
    build = map(Requirement, MANIFESTS[NATIVE]["build-system"]["requires"])
    (version,) = {pin(r) for r in build if r.name.startswith("mlx-")}
    return version


@pytest.mark.parametrize("package", MANIFESTS)
def test_meson_and_pyproject_agree(package: str) -> None:
    assert meson_version(package) == version(package)


@pytest.mark.parametrize("package", MANIFESTS)
def test_modules_tell_their_version(package: str) -> None:
    assert import_module(package.replace("-", "_")).__version__ == version(package)


def test_one_version_follows_mlx() -> None:
    assert {version(package) for package in SIBLINGS} == {mlx_version()}


def test_sys_follows_mlx_c() -> None:
    assert Version(version(NATIVE)).release[:2] == (0, 6)


@pytest.mark.parametrize("package", SIBLINGS)
def test_siblings_pin_each_other(package: str) -> None:
    pinned = {name: r for name, r in requirements(package).items() if name in MANIFESTS}
    assert pinned
    for name, requirement in pinned.items():
        assert pin(requirement) == version(name)


@pytest.mark.parametrize("extra", BACKENDS)
def test_backends_are_pinned_to_one_mlx(extra: str) -> None:
    backend = requirements(NATIVE, extra)[BACKENDS[extra]]
    assert pin(backend) == mlx_version()


@pytest.mark.parametrize("extra", BACKENDS)
@pytest.mark.parametrize("package", SIBLINGS)
def test_extras_pass_through(package: str, extra: str) -> None:
    """``package[cpu]`` asks a package below for its extra of the same name."""
    for requirement in requirements(package, extra).values():
        assert requirement.name in MANIFESTS
        assert requirement.extras == {extra}
        assert pin(requirement) == version(requirement.name)


def test_macos_needs_no_extra() -> None:
    metal = requirements(NATIVE)["mlx-metal"]
    assert pin(metal) == mlx_version()
    assert metal.marker
    assert metal.marker.evaluate({"sys_platform": "darwin", "platform_system": "Darwin"})
    assert not metal.marker.evaluate({"sys_platform": "linux", "platform_system": "Linux"})


def test_python_versions_agree() -> None:
    assert {m["project"]["requires-python"] for m in MANIFESTS.values()} == {">=3.11"}


def test_mlx_version_is_written_in_one_place() -> None:
    """Prose and results aside, which tell what was measured with which version.

    The siblings' own versions, the same number, are compared with it above.
    """
    allowed = {
        *(f"packages/{package}/pyproject.toml" for package in MANIFESTS),
        *(f"packages/{package}/meson.build" for package in SIBLINGS),
    }
    prose = (":!*.md", ":!benchmarks/results/*.json")
    command = ["git", "-C", str(ROOT), "grep", "-lIFw", mlx_version(), "--", *prose]
    found = subprocess.run(command, check=False, capture_output=True, text=True).stdout.split()
    assert not set(found) - allowed
