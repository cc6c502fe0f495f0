"""Arrays in files: safetensors, GGUF, and NumPy's npy and npz.

A file is written under another name first and takes the place of the old one when it is
complete, so that an interrupted save leaves the old file as it was.

Sources: https://github.com/huggingface/safetensors#format,
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md,
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from io import BytesIO, TextIOBase

import mlx_sys_py as _sys
from mlx_sys_py import array

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    # Where it is used: few programs read archives, and it takes long to import.
    import zipfile
    from types import TracebackType
    from typing import Any, BinaryIO

    from mlx_sys_py import Device, DeviceType, Stream

    File = str | os.PathLike[str] | BinaryIO

__all__ = [
    "load",
    "save",
    "save_gguf",
    "save_safetensors",
    "savez",
    "savez_compressed",
]


def __dir__() -> list[str]:
    return __all__


_FORMATS = ("safetensors", "gguf", "npy", "npz")
_WITH_METADATA = ("safetensors", "gguf")
_IN_PLACE = ("npy", "safetensors", "gguf")


def load(
    file: File,
    /,
    format: str | None = None,
    return_metadata: bool = False,
    *,
    stream: Stream | Device | DeviceType | None = None,
    mmap: bool = False,
) -> Any:
    """Load the array or the arrays of a file.

    Args:
        file: A path, or a file object opened for reading in binary mode. Such an object is read
            from its position; behind an npy array it is left at the end of that, so that several
            in one file can be loaded one after another.
        format: ``"safetensors"``, ``"gguf"``, ``"npy"`` or ``"npz"``. Default: the extension of
            the path, or of the name of the file object.
        return_metadata: Whether to return the metadata too; safetensors and GGUF have some.
            Default: ``False``.
        stream: Is checked, and has no effect: the CPU reads files, on a stream for that.
        mmap: Whether the arrays of an npy, safetensors or GGUF file are to be the memory that the
            file is in, instead of copies: loading takes no time, and processes share the memory.
            The file must not change meanwhile. Default: ``False``.

    Returns:
        An array (npy) or a dictionary from name to array, of the data types in the file;
        ``complex128`` becomes ``complex64``, and ``F8_E4M3`` and ``F8_E8M0`` are ``uint8``, as in
        MLX. Quantized tensors of GGUF of type ``Q4_0``, ``Q4_1`` and ``Q8_0`` are affine weights,
        as in MLX, and of other types ``float32``; `mlx_core_py.gguf.load` has other forms. With
        ``return_metadata``, a pair: the dictionary, and a dictionary of the metadata.
        The values are read when they are needed; if the file has become shorter by then, that
        raises ``OSError``.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If the file cannot be read, is damaged, or holds what no array does, such as
            texts.
        TypeError: If ``file`` is neither a path nor a binary file object, or ``stream`` is not one.
        ValueError: If the format is unknown, or has no metadata to return, or if ``mmap`` is true
            for npz or for a file object.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> mx.savez(file, x=mx.array([1, 2]))
        >>> mx.load(file, format="npz")
        {'x': array([1, 2], dtype=int32)}
    """
    if stream is not None:
        _sys.StreamContext(stream)
    source = _path_or_file(file)
    kind = _format_of(source, format)
    if return_metadata and kind not in _WITH_METADATA:
        raise ValueError(
            f"[load] return_metadata: the format {kind} has no metadata; "
            f"those with some are {', '.join(_WITH_METADATA)}"
        )
    if mmap and (kind not in _IN_PLACE or not isinstance(source, str)):
        raise ValueError(
            f"[load] mmap needs a path to a file of {', '.join(_IN_PLACE[:-1])} or "
            f"{_IN_PLACE[-1]}, not {'a file object' if kind in _IN_PLACE else kind}"
        )
    if kind == "npy":
        return _sys.io.load_npy(source, mmap)
    if kind == "npz":
        return _load_npz(source)
    metadata: dict[str, Any]
    if kind == "safetensors":
        arrays, metadata = _sys.io.load_safetensors(source, mmap)
    elif isinstance(source, str):
        arrays, metadata = _sys.io.load_gguf(source, mmap=mmap)
    else:
        raise TypeError("[load] file: GGUF is loaded from a path, not from a file object")
    return (arrays, metadata) if return_metadata else arrays


def save(file: File, arr: array) -> None:
    """Save an array in the npy format.

    Args:
        file: A path, to which ``.npy`` is added if missing, or a binary file object.
        arr: The array.

    Raises:
        OSError: If the file cannot be written.
        TypeError: If ``file`` is neither a path nor a binary file object, or ``arr`` is not an
            array.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> mx.save(file, mx.array([1.0]))
        >>> _ = file.seek(0)
        >>> mx.load(file, format="npy")
        array([1], dtype=float32)
    """
    _check_array(arr, "save", "arr")
    _sys.io.save_npy(_target(file, ".npy"), arr)


def savez(file: File | None = None, /, *args: array, **kwargs: array | File) -> None:
    """Save arrays in the npz format, uncompressed.

    Args:
        file: A path, to which ``.npz`` is added if missing, or a binary file object. It may be
            given by its name, and if it is not, an array may have that name.
        args: Arrays to save as ``arr_0``, ``arr_1``, …
        kwargs: Arrays to save under their names.

    Raises:
        OSError: If the file cannot be written.
        TypeError: If ``file`` is neither a path nor a binary file object, or a value is not an
            array.
        ValueError: If a name is given to two arrays.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> mx.savez(file, mx.array(1), bias=mx.array(2))
        >>> sorted(mx.load(file, format="npz"))
        ['arr_0', 'bias']
    """
    _save_npz("savez", file, args, kwargs, compressed=False)


def savez_compressed(file: File | None = None, /, *args: array, **kwargs: array | File) -> None:
    """Save arrays in the npz format, compressed.

    Args:
        file: A path, to which ``.npz`` is added if missing, or a binary file object. It may be
            given by its name, and if it is not, an array may have that name.
        args: Arrays to save as ``arr_0``, ``arr_1``, …
        kwargs: Arrays to save under their names.

    Raises:
        OSError: If the file cannot be written.
        TypeError: If ``file`` is neither a path nor a binary file object, or a value is not an
            array.
        ValueError: If a name is given to two arrays.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> mx.savez_compressed(file, zeros=mx.zeros((100, 100)))
        >>> len(file.getvalue()) < 1000
        True
    """
    _save_npz("savez_compressed", file, args, kwargs, compressed=True)


def save_safetensors(
    file: File, arrays: Mapping[str, array], metadata: Mapping[str, str] | None = None
) -> None:
    """Save arrays in the safetensors format.

    Args:
        file: A path, to which ``.safetensors`` is added if missing, or a binary file object.
        arrays: The arrays by name.
        metadata: Strings by name to save with them. Default: none.

    Raises:
        OSError: If the file cannot be written.
        TypeError: If ``file`` is neither a path nor a binary file object, or ``arrays`` or
            ``metadata`` holds something else than what is said above.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> mx.save_safetensors(file, {"x": mx.array(1.0)}, {"made by": "me"})
        >>> _ = file.seek(0)
        >>> mx.load(file, format="safetensors", return_metadata=True)
        ({'x': array(1, dtype=float32)}, {'made by': 'me'})
    """
    named = _checked_arrays(arrays, "save_safetensors")
    texts: dict[Any, Any] = dict(metadata or {})
    for key, text in texts.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise TypeError(f"[save_safetensors] metadata: {key!r} must be a string with a string")
    _sys.io.save_safetensors(_target(file, ".safetensors"), named, texts)


def save_gguf(
    file: str | os.PathLike[str],
    arrays: Mapping[str, array],
    metadata: Mapping[str, array | str | list[str]] | None = None,
) -> None:
    """Save arrays in the GGUF format.

    Args:
        file: A path, to which ``.gguf`` is added if missing.
        arrays: The arrays by name.
        metadata: Arrays of numbers, strings and lists of strings by name to save with them.
            Default: none.

    Raises:
        OSError: If the file cannot be written.
        TypeError: If ``file`` is not a path, or ``arrays`` or ``metadata`` holds something else
            than what is said above.
        ValueError: If the format has no place for the data type of an array.

    Example:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.gguf")
        ...     mx.save_gguf(path, {"x": mx.array([1.0])}, {"general.name": "one"})
        ...     arrays, metadata = mx.load(path, return_metadata=True)
        >>> metadata["general.name"]
        'one'
    """
    named = _checked_arrays(arrays, "save_gguf")
    entries: dict[Any, Any] = dict(metadata or {})
    for key, value in entries.items():
        strings = isinstance(value, list) and all(isinstance(text, str) for text in value)
        if not isinstance(key, str) or not (strings or isinstance(value, array | str)):
            raise TypeError(
                f"[save_gguf] metadata: {key!r} must be a string with an array, a string or a "
                "list of strings"
            )
    target = _target(file, ".gguf")
    if not isinstance(target, str):
        raise TypeError("[save_gguf] file: GGUF is saved to a path, not to a file object")
    _sys.io.save_gguf(target, named, entries)


def _load_npz(source: str | BinaryIO) -> dict[str, array]:
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(source) as archive:
            arrays: dict[str, array] = {}
            for name in archive.namelist():
                key = name.removesuffix(".npy")
                if key in arrays:
                    raise zipfile.BadZipFile(f"there are two arrays of one name, {key!r}")
                arrays[key] = _load_member(archive, name)
            return arrays
    # What zipfile raises for damage, names that are no UTF-8, encryption and unknown compression.
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, RuntimeError) as error:
        name = source if isinstance(source, str) else getattr(source, "name", "file")
        raise OSError(f"[load] {name} is not a readable npz archive: {error}") from error


def _load_member(archive: zipfile.ZipFile, name: str) -> array:
    member = BytesIO(archive.read(name))
    # What errors call the member.
    member.name = name
    return _sys.io.load_npy(member)


def _save_npz(
    caller: str,
    file: File | None,
    args: tuple[array, ...],
    kwargs: dict[str, Any],
    compressed: bool,
) -> None:
    import zipfile

    arrays = dict(kwargs)
    if file is None:
        file = arrays.pop("file", None)
    for index, arr in enumerate(args):
        name = f"arr_{index}"
        if name in kwargs:
            raise ValueError(f"[{caller}] {name} is the name of a positional array too")
        arrays[name] = arr
    for name, arr in arrays.items():
        _check_array(arr, caller, name)
    with (
        _replacing(_target(file, ".npz")) as target,
        zipfile.ZipFile(
            target, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        ) as archive,
    ):
        for name, arr in arrays.items():
            member = BytesIO()
            _sys.io.save_npy(member, arr)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as destination:
                destination.write(member.getbuffer())


class _replacing:  # noqa: N801
    """Give what to write to: the file object, or a path that is moved to its place at the end."""

    def __init__(self, file: str | BinaryIO) -> None:
        self._target = file
        self._path = ""

    def __enter__(self) -> str | BinaryIO:
        if not isinstance(self._target, str):
            return self._target
        path = os.path.realpath(self._target)
        if os.path.exists(path) and not os.path.isfile(path):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        self._path, self._target = path, f"{path}.{os.urandom(8).hex()}"
        return self._target

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not isinstance(self._target, str):
            return
        try:
            if kind is None:
                if os.path.exists(self._path):
                    os.chmod(self._target, stat.S_IMODE(os.stat(self._path).st_mode))
                os.replace(self._target, self._path)
        except BaseException:
            kind = BaseException
            raise
        finally:
            if kind is not None and os.path.lexists(self._target):
                os.unlink(self._target)


def _target(file: File, extension: str) -> str | BinaryIO:
    target = _path_or_file(file)
    if isinstance(target, str) and not target.endswith(extension):
        target += extension
    return target


def _path_or_file(file: Any) -> str | BinaryIO:
    if isinstance(file, str | os.PathLike):
        return os.fsdecode(file)
    if isinstance(file, TextIOBase) or not (hasattr(file, "read") or hasattr(file, "write")):
        raise TypeError(
            f"file must be a path or a file object opened in binary mode, not {type(file).__name__}"
        )
    binary: BinaryIO = file
    return binary


def _format_of(source: str | BinaryIO, format: str | None) -> str:
    known = ", ".join(_FORMATS)
    if format is None:
        name = source if isinstance(source, str) else getattr(source, "name", None)
        # The name of a file object may be a descriptor's number.
        format = os.path.splitext(name)[1][1:] if isinstance(name, str) else ""
        if not format:
            raise ValueError(f"[load] file has no extension: pass format, one of {known}")
    if format not in _FORMATS:
        raise ValueError(f"[load] format must be one of {known}, but is {format!r}")
    return format


def _check_array(value: Any, caller: str, name: str) -> None:
    if not isinstance(value, array):
        raise TypeError(f"[{caller}] {name} must be an array, not {type(value).__name__}")


def _checked_arrays(arrays: Any, caller: str) -> dict[str, array]:
    if not isinstance(arrays, Mapping):
        raise TypeError(f"[{caller}] arrays must be a dict, not {type(arrays).__name__}")
    for name, value in arrays.items():
        if not isinstance(name, str):
            raise TypeError(f"[{caller}] arrays: the name {name!r} must be a string")
        _check_array(value, caller, f"arrays[{name!r}]")
    return dict(arrays)
