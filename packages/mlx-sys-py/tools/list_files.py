"""Print the files of the given folders that the build depends on, one per line."""

import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
for folder in sys.argv[1:]:
    for path in sorted((root / folder).rglob("*")):
        if path.suffix in {".py", ".pyi", ".toml"}:
            print(path.relative_to(root).as_posix())
