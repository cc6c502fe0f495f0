"""What a compiler needs to know, as pkg-config tells it: ``python -m mlx_sys_py --cflags``."""

from __future__ import annotations

import argparse
import os
import platform
import sys

import mlx_sys_py


def show_config() -> str:
    """What this build is and what it runs on, one fact per line."""
    facts = {
        "mlx_sys_py": mlx_sys_py.__version__,
        "MLX": mlx_sys_py.MLX_VERSION,
        "Python": platform.python_version(),
        "platform": platform.platform(),
        "default device": repr(mlx_sys_py.default_device()),
        "headers": mlx_sys_py.get_include(),
        "library": mlx_sys_py.get_library_dir(),
    }
    return "\n".join(f"{name}: {value}" for name, value in facts.items())


def main(arguments: list[str] | None = None) -> int:
    """Print what the options ask for; the compiler's flags share one line, as in pkg-config."""
    library = mlx_sys_py.get_library_dir()
    flags = {
        "cflags": f"-I{mlx_sys_py.get_include()}",
        "libs": f"-L{library} -Wl,-rpath,{library} "
        + " ".join(f"-l{name}" for name in mlx_sys_py.get_libraries()),
    }
    parser = argparse.ArgumentParser(
        prog="python -m mlx_sys_py",
        description="Print how to compile and link against MLX's C interface.",
    )
    parser.add_argument("--cflags", action="store_true", help="flags for the compiler")
    parser.add_argument("--libs", action="store_true", help="flags for the linker")
    parser.add_argument(
        "--pkgconfig-dir", action="store_true", help="the folder of mlxc.pc, for PKG_CONFIG_PATH"
    )
    parser.add_argument("--version", action="store_true", help="the version of this package")
    parser.add_argument("--show-config", action="store_true", help="what was built, for what")
    options = parser.parse_args(arguments)
    if not any(vars(options).values()):
        parser.print_usage(sys.stderr)
        return 2
    lines = []
    if options.version:
        lines.append(mlx_sys_py.__version__)
    if chosen := [text for name, text in flags.items() if getattr(options, name)]:
        lines.append(" ".join(chosen))
    if options.pkgconfig_dir:
        lines.append(os.path.join(library, "pkgconfig"))
    if options.show_config:
        lines.append(show_config())
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
