"""Public modules list what they offer, and nothing that they only use."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import pytest

PACKAGES = ("mlx_sys_py", "mlx_core_py", "mlx_lm_utils_py", "mlx_lm_py")


def public_modules(package: str) -> list[str]:
    """The modules of a package without an underscore in their names, the package first."""
    path = importlib.import_module(package).__path__
    found = [module.name for module in pkgutil.walk_packages(path, f"{package}.")]
    return [package, *(name for name in found if "._" not in name)]


def test_there_are_modules() -> None:
    found = {name for package in PACKAGES for name in public_modules(package)}
    assert len(found) > 80
    assert {"mlx_sys_py.ops", "mlx_core_py.nn.layers.linear", "mlx_lm_py.cache.kv"} <= found


@pytest.mark.parametrize("name", [name for p in PACKAGES for name in public_modules(p)])
def test_dir_lists_what_a_module_offers(name: str) -> None:
    module = importlib.import_module(name)
    listed = {entry for entry in dir(module) if not entry.startswith("__")}
    if not hasattr(module, "__all__"):
        # A folder that offers nothing but its modules.
        assert all(f"{name}.{entry}" in sys.modules for entry in listed)
        return
    assert listed == {entry for entry in module.__all__ if not entry.startswith("__")}
    assert len(module.__all__) == len(set(module.__all__))
    for entry in module.__all__:
        assert hasattr(module, entry), entry
