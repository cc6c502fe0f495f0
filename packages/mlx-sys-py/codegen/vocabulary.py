"""The vocabulary of the table: the types of C parameters, and the names its Python may use."""

from __future__ import annotations

from dataclasses import dataclass, replace

GROUPS = ("ops", "random", "linalg", "fft", "fast", "special")

DTYPES = frozenset(
    "bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64 "
    "float16 float32 float64 bfloat16 complex64".split()
)

# The functions of `mlx_sys_py._convert` that make the value of a C parameter of a Python one.
CONVERSIONS = frozenset(
    "to_array to_operand to_arrays to_ints to_int_list to_strides to_int to_bool to_double "
    "to_uint64 to_dtype to_range_dtype int_range to_optional_int to_optional_float "
    "to_optional_bool to_optional_dtype to_bytes to_norm to_stream_on".split()
)

# The exceptions of `mlx_sys_py._error` that rows raise.
ERRORS = frozenset({"OutOfRangeError", "WrongTypeError"})

# The named tuples of `mlx_sys_py._results` that rows return.
RESULTS = frozenset(
    {
        "EigResult",
        "EighResult",
        "LstsqResult",
        "QRResult",
        "SVDResult",
        "SlogdetResult",
        "UniqueAllResult",
        "UniqueCountsResult",
        "UniqueInverseResult",
    }
)

# The names that an annotation may have besides the builtins, and the modules they come from.
STUB_NAMES = {
    **dict.fromkeys(("ArrayLike", "Scalar", "StreamLike", "IntOrInts"), "mlx_sys_py._typing"),
    **dict.fromkeys(("Stream", "Device"), "mlx_sys_py._stream"),
    "DeviceType": "mlx_sys_py._enums",
    **dict.fromkeys(("Sequence", "Callable"), "collections.abc"),
    **dict.fromkeys(("Any", "Literal", "overload"), "typing"),
    **dict.fromkeys(RESULTS, "mlx_sys_py._results"),
    "array": "mlx_sys_py._array",
    "Dtype": "mlx_sys_py._dtype",
}


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
        "Ints" if python == "ints" else f"vector[{element}]",
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
        "Ints",
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
