"""Print the folder of the installed MLX backend, which holds ``include`` and ``lib``."""

import sys
from importlib.machinery import PathFinder
from pathlib import Path

spec = PathFinder.find_spec("mlx")
for location in (spec.submodule_search_locations if spec else None) or []:
    if (Path(location) / "include" / "mlx" / "version.h").is_file():
        print(location)
        break
else:
    sys.exit("no MLX backend is installed: pip install mlx-cpu (mlx-metal on macOS)")
