"""Run a module of the generator from wherever the build is: ``codegen.py [module] options``."""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
module = "codegen"
if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
    module += "." + sys.argv.pop(1)
runpy.run_module(module, run_name="__main__", alter_sys=True)
