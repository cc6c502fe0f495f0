"""Where we and the other readers differ, and why that is right."""

from __future__ import annotations

import re

# By format: a pattern of the message, and the reason.
Table = dict[str, tuple[tuple[str, str], ...]]

# What we refuse, by our message, though the other reader takes it.
WE_REFUSE: Table = {
    "npy": (
        (r"Python objects|texts|dates|structures|precision", "no array has such elements"),
        (r"type that no array has|structured type", "no array has such elements"),
        (r"at most 2147483647|impossible shape|too large", "arrays have extents of 32 bits"),
        (r"backslash|cannot be read: .* is expected", "an expression of Python, not of the format"),
        (r"a number begins with 0|not a tuple", "an expression of Python, not of the format"),
        (r"is negative", "NumPy takes -1 for all that is there"),
        (r"a text has no end", "an expression of Python, not of the format"),
        (r"follows the dictionary", "an expression of Python, not of the format"),
        (r"neither True nor False", "an expression of Python, not of the format"),
    ),
    "npz": ((r"two arrays of one name", "NumPy gives the last"),),
    "safetensors": (
        (r"null character", "C ends a name there"),
        (r"at most 2147483647|impossible shape|65 dimensions", "arrays have extents of 32 bits"),
        (r"dtype \"(F4|F6_|F8_E5M2|F8_E4M3FNUZ|F8_E5M2FNUZ)", "no array has such elements"),
        (r"two entries of one name|two texts of one name", "the format forbids it"),
        (r"does not begin with '\{'", "the format forbids it"),
    ),
}

# What we take, by the other reader's message, though that refuses it.
THEY_REFUSE: Table = {
    "npy": (
        (r"Cannot parse header: .*\\n +\"$", "space behind the last line, which is no indentation"),
        (r"Cannot parse header: .*[0-9]L", "long integers of Python 2, which it takes before 3.0"),
    ),
    "npz": ((r"contains pickled", "bytes before the archive, which zip allows"),),
}


def reason(table: Table, kind: str, message: str) -> str | None:
    """Why a difference is right, or nothing."""
    kinds = ("npz", "npy") if kind == "npz" else (kind,)
    for name in kinds:
        for pattern, why in table.get(name, ()):
            if re.search(pattern, message, re.DOTALL):
                return why
    return None
