"""``python -m mlx_core_py.as_mlx SCRIPT|-m MODULE …``: run a program written for official MLX."""

from __future__ import annotations

import os
import runpy
import sys

from mlx_core_py import as_mlx

_USAGE = """\
usage: python -m mlx_core_py.as_mlx SCRIPT [arguments ...]
       python -m mlx_core_py.as_mlx -m MODULE [arguments ...]

Run a program written for official MLX: `mlx.core`, `mlx.nn`, `mlx.utils` are mlx_core_py."""


def main(arguments: list[str]) -> int:
    """Run the program that the arguments name, as Python itself would.

    Args:
        arguments: A script, or ``-m`` and a module, and the program's own arguments.

    Returns:
        The exit status.
    """
    is_module = arguments[:1] == ["-m"]
    program = arguments[is_module:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(_USAGE)
        return 0
    if not program or (not is_module and program[0].startswith("-")):
        print(_USAGE, file=sys.stderr)
        return 2
    as_mlx.install()
    sys.argv[:] = program
    if is_module:
        # sys.path begins with the current folder already, as `python -m` wants it.
        runpy.run_module(program[0], run_name="__main__", alter_sys=True)
        return 0
    if not os.path.exists(program[0]):
        print(f"python -m mlx_core_py.as_mlx: there is no file {program[0]!r}", file=sys.stderr)
        return 2
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.abspath(program[0]))
    runpy.run_path(program[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
