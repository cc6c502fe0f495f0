"""What the tests compare with computes exactly, and so do the kernels here."""

from __future__ import annotations

import os

# Before anything is evaluated. Products with rows that are rounded have tests of their own, in
# mlx-sys-py.
os.environ.setdefault("MLX_SYS_PY_CPU_ACTIVATIONS", "16")
