"""The levels of the CPU kernels as a parameter of tests.

A file of tests says once which levels it is for (``pytestmark = at_every_level``), and each of its
tests runs at each of them that the machine has. ``test_cpu_levels.py`` tells the others.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mlx_sys_py import cpu_kernels

# All that there are, the most capable first.
KERNELS = ["v4_amx", "v4_bf16", "v4", "v3", "v2", "generic"]
HERE = cpu_kernels.levels()


# Of a module, as Hypothesis runs a test many times.
@pytest.fixture(params=HERE, scope="module")
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each level that this machine can run, "stock" among them; it is in use meanwhile."""
    before = cpu_kernels.get_level()
    cpu_kernels.set_level(request.param)
    yield request.param
    cpu_kernels.set_level(before)


at_every_level = pytest.mark.usefixtures("level")
# For properties of our kernels that those of MLX lack.
ours_only = pytest.mark.ours_only


def is_excluded(item: pytest.Item) -> bool:
    """Whether a test is of our kernels only and its parameter says stock."""
    callspec = getattr(item, "callspec", None)
    return (
        item.get_closest_marker("ours_only") is not None
        and callspec is not None
        and callspec.params.get("level") == "stock"
    )
