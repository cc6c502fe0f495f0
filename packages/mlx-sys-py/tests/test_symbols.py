"""What the library shows to the programs it is loaded into: its interface, and nothing else."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import c_functions
import mlx_sys_py
import pytest

LIBRARY = Path(mlx_sys_py.get_library_dir()) / "libmlxc.so"
DYNAMIC_SYMBOLS = 11
UNDEFINED = 0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the library is no ELF file")


def exported(image: bytes) -> Iterator[str]:
    """The names that an ELF file (64-bit, little-endian) defines for others."""
    assert image[:6] == b"\x7fELF\x02\x01"
    (table,) = struct.unpack_from("<Q", image, 40)
    size, count = struct.unpack_from("<HH", image, 58)
    sections = [
        struct.unpack_from("<IIQQQQII", image, table + index * size) for index in range(count)
    ]
    for _, kind, _, _, start, length, strings, _ in sections:
        if kind != DYNAMIC_SYMBOLS:
            continue
        names = sections[strings][4]
        for name, _, _, section, _, _ in struct.iter_unpack(
            "<IBBHQQ", image[start : start + length]
        ):
            if name and section != UNDEFINED:
                begin = names + name
                yield image[begin : image.index(b"\0", begin)].decode()


def test_exports_are_the_functions_of_the_headers() -> None:
    declared = {declaration.name for declaration in c_functions.DECLARATIONS}
    variadic = {"_mlx_error"}
    assert set(exported(LIBRARY.read_bytes())) == declared | variadic
