"""The declarations for Cython that are derived from C headers."""

from __future__ import annotations

from pathlib import Path

import pytest
from codegen import pxd

HEADER = """
/* A comment with a ; in it. */
#ifndef X_H
#define X_H
#include <stdbool.h>
#include "mlx/c/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum x_kind_ MLX_C_ENUM {
  X_A, /* the first */
  X_B,
} x_kind;

typedef struct x_ {
  void* ctx;
  bool (*ready)(void*);
} x;

typedef void (*x_handler)(const char* msg, void* data);

#if defined(SOME_PROCESSOR)
#include <some.h>
#else
typedef float _Complex x_number;
#endif

/** Documented. */
MLX_C_API int x_apply(
    x* res,
    const x from,
    int (*fun)(x*, const int*, size_t num, void*),
    bool flag);
MLX_C_API const char* x_name(void);
#define x_error(...) \\
  _x_error(__VA_ARGS__)
MLX_C_API void _x_error(const int line, const char* fmt, ...);

#ifdef __cplusplus
}
#endif
#endif
"""

EXPECTED = """
cdef extern from "mlx/c/x.h" nogil:
    ctypedef enum x_kind:
        X_A
        X_B
    ctypedef struct x:
        void* ctx
        c_bool (*ready)(void*) noexcept nogil
    ctypedef void (*x_handler)(const char* msg, void* data) noexcept nogil
    ctypedef struct x_number:
        pass
    int x_apply(x* res, const x from, int (*fun)(x*, const int*, size_t num, void*) \
noexcept nogil, c_bool flag) noexcept
    const char* x_name() noexcept
    void _x_error(const int line, const char* fmt, ...) noexcept
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_every_kind_of_declaration(tmp_path: Path) -> None:
    text = pxd.pxd([write(tmp_path, "x.h", HEADER)])
    assert text.endswith(EXPECTED)


def test_headers_come_after_those_they_include(tmp_path: Path) -> None:
    first = write(tmp_path, "a.h", '#include "mlx/c/b.h"\nMLX_C_API int a(b* res);\n')
    second = write(tmp_path, "b.h", "typedef struct b_ { void* ctx; } b;\n")
    text = pxd.pxd([first, second])
    assert text.index("mlx/c/b.h") < text.index("mlx/c/a.h")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("\nint a(void);\n", 2, "int a"),
        ("\n\nMLX_C_API int a(int b[3]);\n", 3, "int b[3]"),
        ("typedef union a_ { int b; } a;\n", 1, "union"),
        ("typedef enum a_ { A = 1 } a;\n", 1, "A = 1"),
        ("#pragma once\n", 1, "pragma"),
        ("#if A > 1\n#endif\n", 1, "#if A > 1"),
        ("#ifndef A\n", 1, "not closed"),
        ("MLX_C_API int a(void)\n", 1, "whole declaration"),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_place(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    path = write(tmp_path, "x.h", text)
    with pytest.raises(pxd.HeaderError) as caught:
        pxd.pxd([path])
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert what in str(caught.value)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "c.pxd"
    good = write(tmp_path, "x.h", HEADER)
    assert pxd.main(["--out", str(out), str(good)]) == 0
    assert out.read_text() == pxd.pxd([good])
    # A file that is written anew has everything that knows it compiled.
    before = out.stat().st_mtime_ns
    assert pxd.main(["--out", str(out), str(good)]) == 0
    assert out.stat().st_mtime_ns == before
    bad = write(tmp_path, "bad.h", "int a;\n")
    assert pxd.main(["--out", str(out), str(bad)]) == 1
    assert f"{bad}:1: " in capsys.readouterr().err
