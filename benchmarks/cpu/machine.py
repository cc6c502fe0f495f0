"""What the figures were measured on and with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

# The distributions of all sides.
DISTRIBUTIONS = (
    "mlx-sys-py",
    "mlx",
    "numpy",
    "torch",
    "llama-cpp-python",
    "openvino-genai",
)


def processor() -> str:
    """The name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def instructions() -> str:
    """The extensions of the instruction set that matter most to the figures."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    known = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    return ", ".join(flag for flag in known if flag in flags) or platform.machine()


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def version(distribution: str) -> str | None:
    """The version of an installed distribution."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions() -> dict[str, str | None]:
    """The versions of Python and of all sides; ``None`` for what is not installed."""
    return {"python": platform.python_version()} | {name: version(name) for name in DISTRIBUTIONS}


def machine(threads: int) -> dict[str, Any]:
    """The processor, what it can do, how many of them there are and how many threads are used."""
    return {
        "processor": processor(),
        "instructions": instructions(),
        "processors": processors(),
        "threads": threads,
    }


def commit() -> str | None:
    """The commit that is measured, with a mark if files differ from it; None outside of a clone."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        folder = Path(__file__).parent
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
