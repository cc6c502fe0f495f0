"""The tests import mlx_sys_py as installed, and the generator, which is not, from the sources."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
