"""What a row of the table says, as data: functions, their C variants, and the vocabulary of types."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

GROUPS = ("ops", "random", "linalg", "fft", "fast")

DTYPES = frozenset(
    "bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64 "
    "float16 float32 float64 bfloat16 complex64".split()
)

# The functions of `mlx_sys_py._convert` that make the value of a C parameter of a Python one.
CONVERSIONS = frozenset(
    "to_array to_operand to_arrays to_ints to_strides to_int to_bool to_double to_uint64 to_dtype "
    "to_optional_int to_optional_float to_optional_bool to_optional_dtype to_bytes "
    "to_norm".split()
)

# The names that an annotation may have besides the builtins, and the modules they come from.
STUB_NAMES = {
    **dict.fromkeys(("ArrayLike", "Scalar", "StreamLike", "IntOrInts"), "mlx_sys_py._typing"),
    **dict.fromkeys(("Stream", "Device", "DeviceType"), "mlx_sys_py._stream"),
    **dict.fromkeys(("Sequence", "Callable"), "collections.abc"),
    **dict.fromkeys(("Any", "Literal"), "typing"),
    "array": "mlx_sys_py._array",
    "Dtype": "mlx_sys_py._dtype",
}


class SpecError(Exception):
    """A mistake in the table, with the place it is at."""

    def __init__(self, path: Path | str, line: int, message: str):
        super().__init__(f"{path}:{line}: {message}")


@dataclass(frozen=True)
class Type:
    """A type of a C parameter, and how a value of it travels from Python to C++.

    The texts are templates. In C `{n}` is the parameter's name. In Cython `{v}` is the local
    variable, `{e}` the Python expression it is taken from, `{n}` what an error calls that, and
    `{array}` and `{c}` are the names of the array class and of the C API.

    Attributes:
        c: the C parameters that carry one value.
        cpp: the C++ expression that makes the value of them.
        cpp_types: the C++ parameter types that take that expression, as the audit writes them.
        local: the Cython type of the local variable.
        convert: the Cython expression that makes the local variable's value.
        arguments: what is passed to C, one text per entry of `c`.
    """

    c: tuple[str, ...]
    cpp: str
    cpp_types: tuple[str, ...]
    local: str
    convert: str
    arguments: tuple[str, ...] = ("{v}",)


def _optional(kind: str, cpp: str) -> Type:
    return Type(
        (f"mlx_optional_{kind} {{n}}",),
        "mlx_c::to_cpp({n})",
        (f"optional<{cpp}>",),
        f"{{c}}.mlx_optional_{kind}",
        f'to_optional_{kind}({{e}}, "{{n}}")',
    )


def _integers(element: str, cpp: str, *cpp_types: str) -> Type:
    """A sequence, which C takes as a pointer and a length."""
    python = "strides" if cpp == "strides" else "ints"
    return Type(
        (f"const {element}* {{n}}", "size_t {n}_num"),
        f'mlx_c::to_{cpp}({{n}}, {{n}}_num, "{{n}}")',
        cpp_types,
        f"vector[{element}]",
        f'to_{python}({{e}}, "{{n}}")',
        ("{v}.data()", "{v}.size()"),
    )


def _tuple(count: int, make: str, cpp: str) -> Type:
    """A few ints that C takes one by one."""
    names = [f"{{n}}_{i}" for i in range(count)]
    return Type(
        tuple(f"int {name}" for name in names),
        f"{make}({', '.join(names)})",
        (f"{cpp}<{','.join(['int'] * count)}>",),
        "vector[int]",
        f'check_length(to_ints({{e}}, "{{n}}"), {count}, "{{n}}")',
        tuple(f"{{v}}[{i}]" for i in range(count)),
    )


def _plain(c: str, convert: str, *cpp_types: str, local: str = "", cpp: str = "{n}") -> Type:
    return Type((f"{c} {{n}}",), cpp, cpp_types, local or c, f'{convert}({{e}}, "{{n}}")')


TYPES = {
    "array": Type(
        ("const mlx_array {n}",),
        'mlx_c::get({n}, "{n}")',
        ("array", "optional<array>"),
        "{array}",
        'to_array({e}, "{n}")',
        ("{v}._c",),
    ),
    "array?": Type(
        ("const mlx_array {n} /* may be null */",),
        "mlx_c::get_optional({n})",
        ("optional<array>",),
        "{array}",
        # A new array's handle is empty.
        '{array}.__new__({array}) if {e} is None else to_array({e}, "{n}")',
        ("{v}._c",),
    ),
    "arrays": Type(
        ("const mlx_vector_array {n}",),
        'mlx_c::get({n}, "{n}")',
        ("vector<array>",),
        "VectorArray",
        'to_arrays({e}, "{n}")',
        ("{v}._c",),
    ),
    "int": _plain("int", "to_int", "int"),
    "bool": _plain("bool", "to_bool", "bool", local="bint"),
    "float": _plain("float", "to_double", "float", local="double"),
    "double": _plain("double", "to_double", "double"),
    "uint64": _plain("uint64_t", "to_uint64", "uint64_t"),
    "size": _plain("size_t", "to_uint64", "size_t"),
    "ints": _integers("int", "ints", "vector<int>", "optional<vector<int>>"),
    "ints?": replace(
        _integers("int", "ints", "optional<vector<int>>"),
        cpp='({n} ? std::make_optional(mlx_c::to_ints({n}, {n}_num, "{n}")) : std::nullopt)',
        convert='optional_ints({e}, "{n}")',
    ),
    "shape": _integers("int", "shape", "Shape"),
    "strides": _integers("int64_t", "strides", "Strides"),
    "dtype": _plain(
        "mlx_dtype",
        "to_dtype",
        "Dtype",
        "optional<Dtype>",
        local="{c}.mlx_dtype",
        cpp="mlx_c::to_cpp({n})",
    ),
    "int?": _optional("int", "int"),
    "float?": _optional("float", "float"),
    "bool?": _optional("bool", "bool"),
    "dtype?": _optional("dtype", "Dtype"),
    "str": Type(
        ("const char* {n}",),
        'mlx_c::to_string({n}, "{n}")',
        ("string", "optional<string>"),
        "string",
        'to_bytes({e}, "{n}")',
        ("{v}.c_str()",),
    ),
    "int2": _tuple(2, "std::make_pair", "pair"),
    "int3": _tuple(3, "std::make_tuple", "tuple"),
    "norm": _plain(
        "mlx_fft_norm",
        "to_norm",
        "FFTNorm",
        local="{c}.mlx_fft_norm",
        cpp="mlx_c::to_cpp({n})",
    ),
}


@dataclass(frozen=True)
class Param:
    """A C parameter of a variant and the Python expression its value is taken from."""

    name: str
    type: str
    source: ast.expr | None


@dataclass(frozen=True)
class Variant:
    """One C function behind a row.

    Attributes:
        outputs: its results: "array" entries, one "arrays", or nothing.
        cpp: the C++ function, or an expression with `{param}` placeholders.
        when: the Python condition under which it is chosen; None if it is the last.
    """

    name: str
    params: tuple[Param, ...]
    outputs: tuple[str, ...]
    cpp: str
    when: ast.expr | None
    python: bool
    stream: bool
    line: int

    @property
    def is_expression(self) -> bool:
        """Whether `cpp` is more than the name of a function that takes the parameters in order."""
        return "(" in self.cpp or "{" in self.cpp

    @property
    def c_params(self) -> list[str]:
        """The parameters as C declares them, results first and the stream last."""
        kinds = {"array": "mlx_array*", "arrays": "mlx_vector_array*"}
        single = len(self.outputs) == 1
        declared = [
            f"{kinds[kind]} res" + ("" if single else f"_{i}")
            for i, kind in enumerate(self.outputs)
        ]
        for param in self.params:
            declared += [text.format(n=param.name) for text in TYPES[param.type].c]
        return declared + (["const mlx_stream s"] if self.stream else [])


@dataclass(frozen=True)
class Function:
    """A row of the table: a Python function and the C functions that it chooses from.

    Attributes:
        prelude: statements that run before the choice, and may return or raise.
        method_args: the parameters of the method of the same name, or None if there is none.
        weak: the array parameters that promote together, Python scalars among them weakly.
        blocking: whether the GIL is released round the C call.
    """

    name: str
    group: str
    path: str
    line: int
    args: ast.arguments
    returns: ast.expr
    doc: str
    prelude: tuple[ast.stmt, ...] = ()
    variants: tuple[Variant, ...] = ()
    method_args: ast.arguments | None = None
    aliases: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    blocking: bool = False

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.doc.partition("\n")[0]

    @property
    def python_variants(self) -> tuple[Variant, ...]:
        """The variants that the Python function chooses from, in the order they are tried."""
        return tuple(variant for variant in self.variants if variant.python)

    @property
    def in_python(self) -> bool:
        """Whether there is a Python function, not only C ones."""
        return bool(self.python_variants or self.prelude)

    @property
    def private(self) -> bool:
        """Whether only other rows use it."""
        return self.name.startswith("_")

    @property
    def expressions(self) -> Iterator[ast.AST]:
        """Every piece of Python in the row except the annotations."""
        yield from self.prelude
        yield from self.args.defaults
        yield from (default for default in self.args.kw_defaults if default)
        for variant in self.python_variants:
            yield from (param.source for param in variant.params if param.source)
            if variant.when:
                yield variant.when

    @property
    def free_names(self) -> set[str]:
        """The names that `expressions` read and do not bind themselves."""
        nodes = [node for root in self.expressions for node in ast.walk(root)]
        names = [node for node in nodes if isinstance(node, ast.Name)]
        bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        return {node.id for node in names} - bound - {arg.arg for arg in parameters(self.args)}


@dataclass(frozen=True)
class Section:
    """The rows of one file, and what its docstring says of them."""

    path: Path
    source: str
    doc: str
    functions: tuple[Function, ...]


@dataclass(frozen=True)
class Group:
    """The rows of one header and module."""

    name: str
    sections: tuple[Section, ...]
    c_includes: tuple[str, ...]

    @property
    def functions(self) -> list[Function]:
        """All rows."""
        return [function for section in self.sections for function in section.functions]

    @property
    def sources(self) -> str:
        """The files, for the head of what is derived from them."""
        first = self.sections[0].source
        return first if len(self.sections) == 1 else first.rpartition("/")[0] + "/*.pyi"

    @property
    def doc(self) -> str:
        """What the module says of itself."""
        if len(self.sections) == 1:
            return self.sections[0].doc
        contents = (
            f"* {section.path.stem}: {section.doc.partition(chr(10))[0]}"
            for section in self.sections
        )
        return f"MLX's functions of the group `{self.name}`.\n\n" + "\n".join(contents)

    @property
    def python_functions(self) -> list[Function]:
        """The rows with a Python function."""
        return [function for function in self.functions if function.in_python]

    @property
    def public_functions(self) -> list[Function]:
        """The rows with a Python function that is not private."""
        return [function for function in self.python_functions if not function.private]

    @property
    def methods(self) -> list[Function]:
        """The rows that the array class has too."""
        return [function for function in self.public_functions if function.method_args]


def signature(args: ast.arguments) -> str:
    """The parameters as a person writes them, which `ast.unparse` does not."""
    plain = [*args.posonlyargs, *args.args]
    missing: list[ast.expr | None] = [None] * (len(plain) - len(args.defaults))
    texts = [_declared(arg, default) for arg, default in zip(plain, missing + args.defaults)]
    if args.posonlyargs:
        texts.insert(len(args.posonlyargs), "/")
    if args.vararg:
        texts.append("*" + _declared(args.vararg, None))
    elif args.kwonlyargs:
        texts.append("*")
    texts += [_declared(arg, default) for arg, default in zip(args.kwonlyargs, args.kw_defaults)]
    return ", ".join(texts)


def _declared(arg: ast.arg, default: ast.expr | None) -> str:
    space = " " if arg.annotation else ""
    return ast.unparse(arg) + (f"{space}={space}{ast.unparse(default)}" if default else "")


def parameters(args: ast.arguments) -> list[ast.arg]:
    """Every parameter, in the order it is written."""
    return [
        *args.posonlyargs,
        *args.args,
        *([args.vararg] if args.vararg else []),
        *args.kwonlyargs,
    ]
