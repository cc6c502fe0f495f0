"""``python -m mlx_lm_py`` is ``mlx-lm-py``."""

import sys

from .cli import main

sys.exit(main())
