"""``python -m mlx_lm_py`` is ``mlx-lm-py``."""

import sys

from .cli import main

# What benchmarks start is a process of this module too.
if __name__ == "__main__":
    sys.exit(main())
