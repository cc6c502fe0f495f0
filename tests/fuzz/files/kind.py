"""The kind "files"."""

from __future__ import annotations

import atexit
import os
import re
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from traceback import format_exc

from fuzz.kinds import Failure

from .cases import FORMATS, Case, draw_case, draw_changes
from .known import THEY_REFUSE, WE_REFUSE, reason
from .readers import (
    Contents,
    read_gguf_tensors,
    read_ours,
    read_theirs,
    same_type,
    with_one_nan,
)

# What a file of some hundred bytes may take, in seconds and in KiB.
MAX_SECONDS = 5.0
MAX_MEMORY = 200_000


class Files:
    """Files of each format, most of them damaged, against the readers of others.

    Args:
        only: The formats; all of them if empty.
    """

    regressions = Path(__file__).parent / "seeds.txt"

    def __init__(self, only: tuple[str, ...] = ()) -> None:
        self.names = only or FORMATS

    def seeds(self, start: int) -> Iterator[str]:
        unknown = set(self.names) - set(FORMATS)
        if unknown:
            raise ValueError(f"there is no format {', '.join(unknown)}: {', '.join(FORMATS)} are")
        for number in count(start):
            for name in self.names:
                yield f"{name}:{number}"

    def run(self, seed: str) -> int | Failure:
        return _check(seed, draw_case(seed))

    def minimise(self, failure: Failure) -> Failure:
        """The same failure with fewer changes of the file."""
        changes: Sequence[int] = draw_changes(failure.seed)
        for change in tuple(changes):
            fewer = [other for other in changes if other != change]
            result = _check(failure.seed, draw_case(failure.seed, fewer))
            if isinstance(result, Failure) and result.cause == failure.cause:
                changes, failure = fewer, result
        return failure


@cache
def _folder() -> str:
    """Of this process. To make one for each file takes longer than all else."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    return folder


def _check(seed: str, case: Case) -> int | Failure:
    def failure(cause: str, what: str) -> Failure:
        return Failure(seed, f"{case.kind}: {cause}", what, _program(case))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    ours: Contents | str
    path = os.path.join(_folder(), f"x.{case.kind}")
    try:
        ours = read_ours(case.kind, case.content, path, case.way)
    except OSError as error:
        ours = str(error).replace(path, "x")
    except Exception as error:
        return failure(f"raises {type(error).__name__}", format_exc())
    if time.process_time() - start > MAX_SECONDS:
        return failure("takes long", f"{time.process_time() - start} seconds")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    if memory > MAX_MEMORY:
        return failure("takes much memory", f"{memory} KiB")
    if case.kind == "gguf":
        difference = None if isinstance(ours, str) else _compare_gguf(ours, path)
    else:
        difference = _compare(case, ours)
    return failure(*difference) if difference else 1


def _compare(case: Case, ours: Contents | str) -> tuple[str, str] | None:
    theirs: Contents | str
    try:
        theirs = read_theirs(case.kind, case.content)
    # Whatever the other reader raises, it does not read the file.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        theirs = f"{type(error).__name__}: {error}"
    if isinstance(ours, str):
        if isinstance(theirs, str) or reason(WE_REFUSE, case.kind, ours):
            return None
        return f"we refuse: {_general(ours)}", ours
    if isinstance(theirs, str):
        if reason(THEY_REFUSE, case.kind, theirs):
            return None
        return f"they refuse: {_general(theirs)}", theirs
    return _difference(case.kind, ours, theirs)


def _difference(kind: str, ours: Contents, theirs: Contents) -> tuple[str, str] | None:
    if ours.keys() != theirs.keys():
        return "other names", f"{sorted(ours)}, theirs {sorted(theirs)}"
    for name, mine in ours.items():
        other = theirs[name]
        if mine.shape != other.shape:
            return "another shape", f"{name}: {mine.shape}, theirs {other.shape}"
        if not same_type(kind, mine.dtype, other.dtype):
            return "another type", f"{name}: {mine.dtype}, theirs {other.dtype}"
        content = other.content
        if mine.dtype == "bool":
            content = bytes(byte != 0 for byte in content)
        if mine.content != content:
            return "other values", f"{name}: {mine.content!r}, theirs {content!r}"
    return None


def _compare_gguf(ours: Contents, path: str) -> tuple[str, str] | None:
    try:
        numbers, dequantized = read_gguf_tensors(path)
    except Exception as error:
        return f"they refuse: {_general(f'{type(error).__name__}: {error}')}", format_exc()
    theirs = numbers | {name: with_one_nan(x) for name, x in dequantized.items()}
    mine = {name: ours[name] for name in theirs if name in ours}
    for name in dequantized:
        if name in mine and mine[name].dtype == "float32":
            mine[name] = with_one_nan(mine[name])
    return _difference("gguf", mine, theirs)


def _general(message: str) -> str:
    """A message without what is this file's."""
    return re.sub(r"\d+|\"[^\"]*\"|'[^']*'|;.*", "_", message, flags=re.DOTALL)[:120]


def _program(case: Case) -> str:
    read = "io.BytesIO(content)" if case.way == "object" else "path"
    return "\n".join(
        (
            "import io, mlx_core_py as mx",
            f"content = {case.content!r}",
            f'path = "x.{case.kind}"',
            'open(path, "wb").write(content)',
            f"print(mx.load({read}, format={case.kind!r}, mmap={case.way == 'mmap'}))",
        )
    )
