"""Every function, called in every way that official MLX takes, gives what official MLX gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from call_rows import ROWS
from calls import Call, names_of, run, run_apart
from test_parity import ABSENT, MODULES, parameters, public

CALLS = [Call.parse(row) for row in ROWS]

# Names that no row calls: what is no function, and what changes the process.
CALLED_ELSEWHERE = {
    **dict.fromkeys(
        ("ArrayAt", "ArrayIterator", "Stream", "ThreadLocalStream", "FunctionExporter", "Dtype"),
        "a class without a constructor",
    ),
    "distributed.Group": "a class without a constructor",
    "ArrayLike": "a type for annotations",
    "clear_streams": "ends the streams of the thread",
    "DeviceType": "an enumeration",
    "DtypeCategory": "an enumeration",
    "metal.device_info": "official MLX raises without Metal",
    **dict.fromkeys(
        ("metal.set_cache_limit", "metal.set_memory_limit", "metal.set_wired_limit"),
        "the same functions in mlx.core are called",
    ),
    **dict.fromkeys(("nn.utils.Module", "nn.utils.value_and_grad"), "is called as one of mlx.nn"),
}

# Functions that give something else for the same call, and why.
DIFFERENT = {
    **dict.fromkeys(("argpartition", "partition"), "the order of the parts is not said"),
    **dict.fromkeys(
        (
            "get_active_memory",
            "get_array_buffer_size",
            "get_cache_memory",
            "get_memory_limit",
            "get_peak_memory",
            "metal.get_active_memory",
            "metal.get_cache_memory",
            "metal.get_peak_memory",
            "set_cache_limit",
            "set_memory_limit",
        ),
        "memory is used in other amounts",
    ),
    "printoptions": "the context is a class of its own",
    **dict.fromkeys(
        ("nn.init.orthogonal", "nn.init.sparse"), "the functions that they return are compared"
    ),
}

# Calls that raise something else, or nothing: the beginning of the text, and why.
OTHERWISE = {
    "mx.as_strided(": "official MLX reads outside of the array",
    "mx.metal.start_capture(": "official MLX does nothing without Metal",
    "mx.metal.stop_capture(": "official MLX does nothing without Metal",
    "mx.export_to_dot('/dev/null/no'": "official MLX does not say that it cannot write the file",
    "optimizers.Adafactor(eps=": "official MLX fails at the first step without a learning rate",
    "mx.fft.stft(g)": "a frame of 2048 values, which are rounded otherwise",
    "mx.fast.cuda_kernel(": "a kernel needs CUDA when it is called, not when it is made",
}

# What official MLX answers for an argument of a type that it does not take. There may be more types
# that are taken here, and whatever else is wrong with the call is found first.
NOT_TAKEN = ("incompatible function arguments", "std::bad_cast", "Invalid type")


# Functions that answer wrong arguments with another value, and why.
ANSWERS = {
    "full": "official MLX leaves arrays the type that they have",
    "fast.rope": "angles are rounded in another place",
    **dict.fromkeys(
        ("bitwise_left_shift", "left_shift", "bitwise_right_shift", "right_shift"),
        "shifts by more than the bits of a number",
    ),
    "random.randint": "bounds that the type does not hold",
    "sign": "the sign of NaN is NaN",
}

# Functions that refuse what official MLX takes, and why.
REFUSED = {
    "Device": "a boolean is no device, and an index not negative",
    "StreamContext": "a boolean is no device",
    "array": "ints that do not fit the type",
    **dict.fromkeys(("grad", "value_and_grad"), "a boolean is no number of an argument"),
    "device_info": "there is no such device",
    "export_to_dot": "the file cannot be written",
    "fast.rope": "the offset is not an int of 32 bits",
    "get_array_buffer_size": "the array is not evaluated",
    **dict.fromkeys(("linalg.eigh", "linalg.eigvalsh"), "the triangle has no such name"),
    **dict.fromkeys(
        ("gather_mm", "gather_qmm", "slice", "slice_update", "take"),
        "official MLX reads or writes outside of the array",
    ),
    "pad": "a border has one value",
    "random.bernoulli": "a probability is between 0 and 1",
    **dict.fromkeys(
        ("default_stream", "device_count", "is_available", "stream", "synchronize"),
        "a boolean is no device",
    ),
    "tri": "a length is negative",
    "unique": "a boolean is NumPy's return_index, and no size",
}

# Functions that raise another exception for the same mistake, and why.
OTHER_ERROR = {
    "broadcast_shapes": "a TypeError: the argument is no shape",
    "depends": "a TypeError: the argument holds no arrays",
    **dict.fromkeys(("default_stream", "synchronize"), "a TypeError: a boolean is no device"),
    **dict.fromkeys(
        (
            "bitwise_and",
            "bitwise_left_shift",
            "bitwise_or",
            "bitwise_right_shift",
            "bitwise_xor",
            "left_shift",
            "right_shift",
        ),
        "an empty list is an array of fractions",
    ),
    **dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "slice_update"),
        "a ValueError that names the argument",
    ),
}

# Functions that take what official MLX refuses by a message of its own, and why.
TAKEN = {
    "conv_transpose1d": "padding cuts off positions of the dilated input, and not elements of it",
    "broadcast_shapes": "an int is a shape of one axis",
    "fast.rope": "a boolean is an offset",
    **{
        f"fft.{name}": "lengths without axes are of the last ones"
        for name in ("fft2", "fftn", "ifft2", "ifftn", "irfft2", "irfftn", "rfft2", "rfftn")
    },
    "fast.scaled_dot_product_attention": "there is a fused kernel for the CPU",
    "median": "over no axes, it is the array",
    "result_type": "numbers of Python are taken as the array API says",
    **dict.fromkeys(("permute_dims", "transpose"), "no axes are those of a.transpose()"),
}

# These change the process.
NOT_WITH_WRONG_VALUES = (
    "clear_cache",
    "disable_compile",
    "enable_compile",
    "export",
    "import_function",
    "load",
    "metal.",
    "new_",
    "nn.",
    # Official MLX keeps any value, and fails at the first step.
    "optimizers.",
    "random.seed",
    "reset_peak_memory",
    "save",
    "set_",
    "utils.",
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        tolerance = 1e-9 if a.dtype == np.float64 else 1e-3 if a.dtype == np.float16 else 1e-4
        return a.shape == b.shape and bool(
            np.allclose(a, b, rtol=tolerance, atol=tolerance / 10, equal_nan=True)
        )
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return bool(a == b or (a != a and b != b))


def spellings(call: Call) -> Iterator[str]:
    yield from call.spellings()
    if not call.function.startswith(("nn.", "utils.")):
        # The stream, which most functions have.
        with_stream = Call(call.function, [*call.parts, ("stream", "cpu")])
        count = len(with_stream.parts)
        yield from (with_stream.text(positional) for positional in (0, count - 1, count))


def outcomes(texts: list[str]) -> Iterator[tuple[str, Any, Any]]:
    """Each text, and what it gives with official MLX and here."""
    names = names_of("mlx_core_py")
    for text, theirs in zip(texts, run_apart("mlx.core", texts), strict=True):
        yield text, theirs, run(text, names)


def is_listed(text: str, where: dict[str, str]) -> bool:
    return any(text.startswith(beginning) for beginning in where)


def function_of(text: str) -> str:
    return text.partition("(")[0].removeprefix("mx.")


def test_every_name_is_called() -> None:
    called = {call.function for call in CALLS} | set(CALLED_ELSEWHERE)
    names = set()
    for module in MODULES:
        for key, value in public(module).items():
            name = key if module == "core" else f"{module}.{key}"
            if callable(value) and f"{module}.{key}" not in ABSENT:
                names.add(name)
    assert names - called == set()


def test_every_parameter_is_in_a_row() -> None:
    """Of what is written in C++: its documentation lists parameters that rows must name."""
    missing = set()
    for module in MODULES:
        for key, value in public(module).items():
            name = key if module == "core" else f"{module}.{key}"
            if type(value).__name__ != "nb_func" or name in CALLED_ELSEWHERE:
                continue
            named = {
                part for call in CALLS if call.function == name for part, _ in call.parts if part
            }
            variadic = any(
                part is None for call in CALLS if call.function == name for part, _ in call.parts
            )
            wanted = parameters(value) - named - {"stream", "args", "kwargs"}
            if not variadic:
                missing |= {f"{name}({parameter})" for parameter in wanted}
    assert missing == set()


def test_spellings() -> None:
    texts = list(dict.fromkeys(text for call in CALLS for text in spellings(call)))
    wrong = []
    agreed = 0
    for text, theirs, ours in outcomes(texts):
        if theirs[0] != "value" or is_listed(text, OTHERWISE):
            continue
        if ours[0] == "value" and (function_of(text) in DIFFERENT or same(theirs[1], ours[1])):
            agreed += 1
        else:
            wrong.append((text, theirs, ours))
    assert wrong == []
    assert agreed > 2400


def is_as_wrong(text: str, theirs: Any, ours: Any) -> bool:
    """Whether two outcomes of a call with a wrong argument agree."""
    function = function_of(text)
    if theirs[0] == "end":
        return bool(ours[0] != "end")
    if theirs[0] == "value":
        if ours[0] == "value":
            return function in DIFFERENT or function in ANSWERS or same(theirs[1], ours[1])
        return function in REFUSED
    kind, message = theirs[1][0], theirs[2]
    not_taken = any(part in message for part in NOT_TAKEN)
    if ours[0] == "value":
        return not_taken or function in TAKEN
    if not_taken and kind != "ValueError":
        return bool(ours[0] == "error")
    return kind in ours[1] or function in OTHER_ERROR


def test_wrong_values() -> None:
    calls = [call for call in CALLS if not call.function.startswith(NOT_WITH_WRONG_VALUES)]
    # With as many positional arguments as official MLX takes.
    tried = [(call, n) for call in calls for n in range(len(call.parts), -1, -1)]
    taken = run_apart("mlx.core", [call.text(n) for call, n in tried])
    positional: dict[int, int] = {}
    for (call, n), outcome in zip(tried, taken, strict=True):
        if outcome[0] == "value":
            positional.setdefault(id(call), n)
    texts = [
        text
        for call in calls
        if id(call) in positional
        for text in call.with_wrong_values(positional[id(call)])
    ]
    assert len(positional) > len(calls) - 20
    texts = [text for text in dict.fromkeys(texts) if not is_listed(text, OTHERWISE)]
    pairs = zip(run_apart("mlx.core", texts), run_apart("mlx_core_py", texts), strict=True)
    wrong = [
        (text, theirs, ours)
        for text, (theirs, ours) in zip(texts, pairs, strict=True)
        if not is_as_wrong(text, theirs, ours)
    ]
    assert wrong == []
    assert len(texts) > 10_000
