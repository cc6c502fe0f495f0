"""The generator: what it makes of rows, and what it says of rows that cannot be."""

from __future__ import annotations

import ast
import inspect
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from codegen import audit, cpp, golden, signatures, table
from codegen.__main__ import EMITTERS, MARKER, main
from codegen.vocabulary import GROUPS

SPEC = Path(__file__).parents[1] / "spec"

ROW = '''"""Rows."""

@c("mlx_take", "array a, int axis"{options})
def take({parameters}) -> {returns}:
    """Take."""
'''


def write(folder: Path, text: str, group: str = "ops") -> Path:
    spec = folder / "spec"
    spec.mkdir(exist_ok=True)
    (spec / f"{group}.pyi").write_text(text)
    return spec


def row(parameters: str = "a: array, axis: int", returns: str = "array", options: str = "") -> str:
    return ROW.format(parameters=parameters, returns=returns, options=options)


def emit(spec: Path, kind: str) -> str:
    assert main(["--group", "ops", "--spec", str(spec), "--out", str(spec), "--emit", kind]) == 0
    return (spec / f"ops.{kind}").read_text()


@pytest.mark.parametrize("name", sorted(golden.derived()))
def test_golden(name: str) -> None:
    expected = (golden.FOLDER / name).read_text()
    assert golden.derived()[name] == expected, "python -m codegen.golden writes the files anew"


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in golden.FOLDER.glob("*.txt")} == set(golden.derived())


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (row().replace("int axis", "integer axis"), 3, "unknown type 'integer' in 'integer axis'"),
        (row().replace("int axis", "int 2nd"), 3, "'2nd' is no name"),
        (row("a: array"), 3, "axis is no parameter in Python and has no binding"),
        (row(options=", by='axis'"), 3, "binding for by, which it does not take"),
        (row(options=", when=True"), 3, "when= takes a str"),
        (row(options=", python='no'"), 3, "python= takes a bool"),
        (row(options=", when=axis"), 3, "the options of c are constants"),
        (row(options=", when='axis is'"), 3, "not Python: invalid syntax"),
        (row(options=", when='axis'"), 3, "mlx_take is the last variant, so it takes no when="),
        (row(options=", axis='a.ndim - one'"), 4, "unknown name 'one'"),
        (row(options=", cpp='f({b})'"), 3, "has no placeholder 'b'"),
        (row(options=", check='f({b})'"), 3, "has no placeholder 'b'"),
        (row(options=", returns='tuple'"), 3, "unknown result 'tuple'"),
        (row(returns="int"), 3, "returns= is needed beside -> int"),
        (row("a, axis: int"), 4, "parameter a has no annotation"),
        (row("a: Tensor, axis: int"), 4, "parameter a: unknown annotation Tensor"),
        (row("a: array, axis: int = first"), 4, "unknown name 'first'"),
        (row("a: array, axis: int, **rest: int"), 4, "**keywords are not supported"),
        (row().replace('    """Take."""', "    ..."), 4, "no docstring"),
        (row().replace(" -> array", ""), 4, "no return annotation"),
        (row().replace("@c(", "@cc("), 3, "unknown decorator cc("),
        (row().replace("@c(", "@weak('a', 'b')\n@c("), 3, "weak: there is no parameter b"),
        (row().replace("@c(", "@weak('a')\n@c("), 3, "weak takes two or three parameters"),
        (row().replace("@c(", "@alias(1)\n@c("), 3, "alias takes strings"),
        (row().replace("@c(", "@overload('a: int')\n@c("), 3, "overload takes parameters and a"),
        (row().replace("@c(", "@composed\n@c("), 3, "composed: there is no parameter stream"),
        (
            row("a: array, axis: int, stream: StreamLike = None").replace("@c(", "@composed\n@c("),
            5,
            "composed rows have no C functions",
        ),
        (row().replace("@c(", "@method('axis')\n@c("), 3, "parameter axis has no annotation"),
        (row().replace("@c(", "@method('axis:')\n@c("), 3, "not Python"),
        (row() + "    _x = axis\n", 4, "_x: names with _ are the generator's own"),
        (row().replace('@c("mlx_take", "array a, int axis")\n', ""), 3, "neither a C function nor"),
        (row() + row().partition("\n\n")[2], 6, "duplicate name mlx_take, first at spec/ops.pyi:3"),
        (
            row() + row().partition("\n\n")[2].replace("mlx_take", "mlx_2"),
            7,
            "duplicate name take, first at spec/ops.pyi:4",
        ),
        (
            row().replace("@c(", '@c("mlx_first", "array a")\n@c('),
            4,
            "mlx_take is unreachable: mlx_first has no condition",
        ),
        (
            row().replace("@c(", '@c("mlx_1", "array a", when="axis", returns="arrays")\n@c('),
            5,
            "the variants have different results",
        ),
        ('"""Rows."""\ndef (', 2, "not Python: invalid syntax"),
        ("x = 1\n", 1, "no docstring"),
    ],
)
def test_mistake_is_reported_with_its_place(
    text: str, line: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = write(tmp_path, text)
    arguments = ["--group", "ops", "--spec", str(spec), "--out", str(tmp_path), "--emit", "pyx"]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"spec/ops.pyi:{line}: ")
    assert message in error
    assert not (tmp_path / "ops.pyx").exists()


def test_missing_group_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = write(tmp_path, row())
    arguments = ["--group", "fft", "--spec", str(spec), "--out", str(tmp_path), "--emit", "h"]
    assert main(arguments) == 1
    assert "there is no fft.pyi and no folder fft" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--emit", "h"], ["--emit", "array-pyx"]])
def test_incomplete_command_line(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--spec", str(tmp_path), "--out", str(tmp_path), *arguments])


def test_unchanged_file_is_left_alone(tmp_path: Path) -> None:
    spec = write(tmp_path, row())
    emit(spec, "h")
    before = (spec / "ops.h").stat().st_mtime_ns
    emit(spec, "h")
    assert (spec / "ops.h").stat().st_mtime_ns == before
    write(tmp_path, row().replace("mlx_take", "mlx_took"))
    assert "mlx_took" in emit(spec, "h")


def test_methods_replace_the_marker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = write(tmp_path, row().replace("@c(", "@method\n@c("))
    for group in GROUPS[1:]:
        write(tmp_path, '"""None."""\n', group)
    template = tmp_path / "_array.pyi"
    template.write_text(f"class array:\n{MARKER}")
    out = tmp_path / "out"
    arguments = ["--spec", str(spec), "--out", str(out), "--emit", "array-pyi"]
    assert main([*arguments, "--template", str(template)]) == 0
    assert "    def take(self, axis: int) -> array:\n" in (out / "_array.pyi").read_text()
    template.write_text("class array: ...\n")
    assert main([*arguments, "--template", str(template)]) == 1
    assert "needs the line '# @generated methods@' once" in capsys.readouterr().err


def test_error_names_the_python_argument(tmp_path: Path) -> None:
    text = row("a: array, where: int", options=", axis='where + 1'")
    assert 'to_int(where + 1, "where")' in emit(write(tmp_path, text), "pyx")


def test_one_c_name_of_two_types(tmp_path: Path) -> None:
    ints = '@c("mlx_many", "array a, ints axis", when="axis")\n@c('
    text = emit(write(tmp_path, row().replace("@c(", ints)), "pyx")
    assert "cdef Ints _axis_ints" in text
    assert "cdef int _axis_int\n" in text


def test_row_for_c_only(tmp_path: Path) -> None:
    spec = write(tmp_path, row(options=", python=False"))
    assert "mlx_take(" in emit(spec, "cpp")
    assert "take" not in emit(spec, "pyx")
    assert "take" not in emit(spec, "pyi")


def test_row_for_python_only(tmp_path: Path) -> None:
    text = '"""Rows."""\n\ndef double(x: int) -> int:\n    """Twice."""\n    return 2 * x\n'
    spec = write(tmp_path, text)
    assert "mlx_" not in emit(spec, "cpp").replace("mlx_c", "")
    namespace: dict[str, Any] = {}
    exec(emit(spec, "pyx").partition("]\n")[2], namespace)
    assert namespace["double"](4) == 8


def test_statements_of_a_composed_row_run_on_its_stream(tmp_path: Path) -> None:
    text = '''"""Rows."""

@composed
def double(x: array, stream: StreamLike = None) -> array:
    """Twice."""
    try:
        return x + x
    except ValueError as error:
        raise TypeError(str(error)) from None
'''
    lines = emit(write(tmp_path, text), "pyx").splitlines()
    start = lines.index("    with on_stream(stream):")
    assert lines[start + 1] == "        try:"
    assert "from mlx_sys_py._stream import on_stream" in lines


def test_overloads_take_the_place_of_the_signature_in_the_stub(tmp_path: Path) -> None:
    overloads = '@overload("a: array", "array")\n@overload("a: int", "tuple[int, ...]")\n@c('
    text = emit(write(tmp_path, row().replace("@c(", overloads)), "pyi")
    assert "from typing import overload" in text
    assert '@overload\ndef take(a: array) -> array:\n    """Take."""' in text
    assert "@overload\ndef take(a: int) -> tuple[int, ...]:\n    ..." in text
    assert "axis" not in text


@pytest.mark.parametrize("group", GROUPS)
def test_stub_of_the_table_is_python(group: str) -> None:
    rows = table.read(SPEC, group)
    module = ast.parse(EMITTERS["pyi"](rows))
    defined = [node.name for node in module.body if isinstance(node, ast.FunctionDef)]
    assert defined == [
        row.name for row in rows.public_functions for _ in row.overloads or [row.args]
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a, /",
        "a, /, b = 1",
        "a = 1, /, b = 2",
        "*, a",
        "*a, b = 1",
        "a, *b, c",
        "a: int, b: str = 'x', *, c: float = 1.5",
    ],
)
def test_signature_is_written_as_it_was(text: str) -> None:
    spaced = text.replace(" = ", "=") if ":" not in text else text
    assert signatures.signature(signatures.parse(text)) == spaced
    namespace: dict[str, Any] = {}
    exec(f"def f({spaced}): pass", namespace)
    kinds = [
        parameter.kind.name for parameter in inspect.signature(namespace["f"]).parameters.values()
    ]
    assert [kind for _, kind, _ in signatures.described(signatures.parse(text))] == kinds


HEADER = """
#define MLX_API_NOT(x) { x
namespace mlx::core {
// MLX_API array commented(const array& a);
struct MLX_API Options { int value{1}; void method(int) {} };
/* MLX_API array commented(const array& a); */
MLX_API array sum(const array& a, const std::vector<int>& axes, bool keepdims = false,
                  StreamOrDevice s = {});
MLX_API array sum(const array& a, bool keepdims, StreamOrDevice s = {});
inline array sum(const array& a, StreamOrDevice s = {}) {
  return sum(a, std::vector<int>{}, to_stream(s).index != 0, s);
}
MLX_API std::function<std::vector<array>(const std::vector<array>&)> compile(
    std::function<std::vector<array>(const std::vector<array>&)> fun, bool shapeless = false);
MLX_API std::pair<array, array> operator<<(const array& a, const std::pair<int, int>& b);
template <typename T, typename = std::enable_if_t<(sizeof(T) > 1)>>
T cast(T x) { return x; }
bool hidden();
namespace detail {
MLX_API void inner();
}
namespace fft {
MLX_API array fft(const array& a, std::optional<int>);
}
} // namespace mlx::core
"""


@pytest.fixture
def headers(tmp_path: Path) -> Path:
    (tmp_path / "mlx").mkdir()
    (tmp_path / "mlx/ops.h").write_text(HEADER)
    (tmp_path / "mlx/mlx.h").write_text('#include "mlx/ops.h"\n')
    return tmp_path


def test_declarations_of_a_header(headers: Path) -> None:
    found = {str(d): (d.exported, d.inline) for d in audit.public_declarations(headers)}
    assert found == {
        "sum(array, vector<int>, bool, StreamOrDevice)": (True, False),
        "sum(array, bool, StreamOrDevice)": (True, False),
        "sum(array, StreamOrDevice)": (False, True),
        "compile(function<vector<array>(vector<array>)>, bool)": (True, False),
        "operator<<(array, pair<int,int>)": (True, False),
        "cast(T)": (False, True),
        "fft::fft(array, optional<int>)": (True, False),
    }


def test_defaults_of_a_declaration(headers: Path) -> None:
    first = next(iter(audit.public_declarations(headers)))
    assert [parameter.has_default for parameter in first.parameters] == [False, False, True, True]


def test_unbalanced_header() -> None:
    with pytest.raises(ValueError, match="no }"):
        cpp.closing(["{", "("], 0)


AUDITED = {
    "ops.pyi": '"""Rows."""\n'
    '@c("mlx_sum", "array a, bool keepdims", python=False)\n'
    "{row}"
    'def sum(a: array) -> array:\n    """Sum."""\n',
    "handwritten.toml": '"compile" = ["mlx_compile"]\n',
    "omitted.toml": '"sum" = "all axes"\n"operator<<" = "no"\n"cast" = "no"\n"fft::fft" = "no"\n',
}


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("", "", "", ""),
        ("omitted.toml", '"cast" = "no"\n', "", "ops.h: cast(T) is neither bound nor left out"),
        ("omitted.toml", '"sum" = "all axes"\n', "", "sum(array, vector<int>, bool, StreamOr"),
        ("omitted.toml", '"cast" = "no"', '"cast" = ""', "'cast' has no reason"),
        ("omitted.toml", '"cast"', '"casts"', "'casts' is nothing that MLX has"),
        ("omitted.toml", '"cast"', '"compile" = "no"\n"cast"', "'compile' is bound already"),
        ("handwritten.toml", "mlx_compile", "mlx_compiled", "no header of ours declares mlx_compi"),
        (
            "ops.pyi",
            "{row}",
            '@c("mlx_x", "int a", python=False)\n',
            "mlx_x: MLX has no sum(int, S",
        ),
        (
            "ops.pyi",
            "{row}",
            '@c("mlx_x", "array a", python=False, cpp="mlx::core::total({{a}}, {{s}})")\n',
            "spec/ops.pyi:3: mlx_x: MLX has no total(array, StreamOrDevice)",
        ),
        (
            "ops.pyi",
            "{row}",
            '@c("mlx_x", "array a, ints axes, bool keepdims", python=False)\n',
            "'sum' is bound already",
        ),
    ],
)
def test_audit(
    file: str,
    old: str,
    new: str,
    problem: str,
    headers: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = headers / "own"
    own.mkdir()
    (own / "compile.h").write_text("MLX_C_API int mlx_compile(void);\n")
    spec = headers / "spec"
    spec.mkdir()
    for group in GROUPS[1:]:
        (spec / f"{group}.pyi").write_text('"""None."""\n')
    for name, text in AUDITED.items():
        if name == file:
            assert old in text
            text = text.replace(old, new)
        (spec / name).write_text(text.replace("{row}", "").replace("{{", "{").replace("}}", "}"))
    status = audit.main(["--headers", str(headers), "--spec", str(spec), "--own", str(own)])
    output = capsys.readouterr()
    assert problem in output.err
    assert (status, output.err == "") == ((1, False) if problem else (0, True))
    if not problem:
        assert output.out.splitlines()[-1].split() == ["all", "5", "1", "1", "3"]


def test_audit_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    mlx = pytest.importorskip("mlx")
    headers = next(
        (Path(path) / "include" for path in mlx.__path__ if (Path(path) / "include").exists()), None
    )
    if headers is None:
        pytest.skip("no MLX backend with its headers")
    assert audit.main(["--headers", str(headers)]) == 0, capsys.readouterr().err


def test_generator_needs_no_package() -> None:
    folder = Path(table.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                root = name.partition(".")[0]
                assert root in sys.stdlib_module_names or root == "codegen", f"{path.name}: {name}"


def test_table_can_be_copied(tmp_path: Path) -> None:
    """What is derived depends on the table alone, not on where it is."""
    copy = shutil.copytree(SPEC, tmp_path / "spec")
    for group in GROUPS:
        for emitter in EMITTERS.values():
            assert emitter(table.read(copy, group)) == emitter(table.read(SPEC, group))
