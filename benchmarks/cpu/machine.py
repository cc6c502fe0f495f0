"""What the figures were measured on and with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

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


def title(threads: int) -> str:
    """What to call the measurements."""
    return f"Measured on {processor()}, {threads} thread{'s' if threads > 1 else ''}"


def description(threads: int) -> str:
    """The machine and the versions of all sides, missing ones named."""
    versions = {name: version(name) for name in DISTRIBUTIONS}
    present = ", ".join(f"{name} {v}" for name, v in versions.items() if v)
    missing = ", ".join(name for name, v in versions.items() if not v)
    text = (
        f"{instructions()}; {processors()} processors, all sides with as many threads. "
        f"Python {platform.python_version()}, {present}."
    )
    return f"{text} Not installed, so not measured: {missing}." if missing else text
