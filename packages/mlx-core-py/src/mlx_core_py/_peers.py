"""What other libraries have to be told about arrays, as soon as they are imported.

einops and PyTorch's data loaders choose what to do by the type of a value, and know no type that
they have not been told of. Neither asks a library to introduce itself, so that arrays are
introduced here: at once to what is imported already, to the others right after their import.
"""

import sys

from mlx_sys_py import array

# The name is what type checkers know; typing and types are among what takes long to import, and so
# is __future__, without which annotations are quoted.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from reprlib import Repr
    from types import ModuleType
    from typing import Any

__all__: list[str] = []


def _tell_einops(backends: "ModuleType") -> None:
    """Einops finds a subclass of its AbstractBackend by itself."""

    class MLXCoreBackend(backends.AbstractBackend):  # type: ignore[name-defined, misc]
        framework_name = "mlx_core_py"

        def __init__(self) -> None:
            self.mx = sys.modules["mlx_core_py"]

        def is_appropriate_type(self, tensor: "Any") -> bool:
            return isinstance(tensor, array)

        def from_numpy(self, x: "Any") -> array:
            return array(x)

        def to_numpy(self, x: array) -> "Any":
            return x.__array__()

        def arange(self, start: int, stop: int) -> "Any":
            return self.mx.arange(start, stop)

        def stack_on_zeroth_dimension(self, tensors: list[array]) -> "Any":
            return self.mx.stack(tensors)

        def add_axis(self, x: array, new_position: int) -> "Any":
            return self.mx.expand_dims(x, new_position)

        def tile(self, x: array, repeats: "Sequence[int]") -> "Any":
            return self.mx.tile(x, repeats)

        def concat(self, tensors: list[array], axis: int) -> "Any":
            return self.mx.concatenate(tensors, axis=axis)

        def is_float_type(self, x: array) -> "Any":
            return self.mx.issubdtype(x.dtype, self.mx.floating)

        def einsum(self, pattern: str, *x: array) -> "Any":
            return self.mx.einsum(pattern, *x)

    # einops itself knows its subclasses by weak references only.
    vars(backends)[MLXCoreBackend.__name__] = MLXCoreBackend


def _tell_data_loaders(collate: "ModuleType") -> None:
    """A batch of arrays is an array, as one of tensors is a tensor."""

    def stacked(batch: list[array], *, collate_fn_map: "Any" = None) -> "Any":
        return sys.modules["mlx_core_py"].stack(batch)

    collate.default_collate_fn_map[array] = stacked


def _tell_reprlib(reprlib: "ModuleType") -> None:
    """Of an array, reprlib shows what it shows of most objects.

    It goes by the name of the type alone, takes an array for one of the module `array` and asks for
    what only that has: so do pytest, pydoc and pdb.
    """
    repr_of_others = reprlib.Repr.repr_array

    def repr_array(self: "Repr", x: "Any", level: int) -> str:
        is_ours = isinstance(x, array)
        text: str = self.repr_instance(x, level) if is_ours else repr_of_others(self, x, level)
        return text

    reprlib.Repr.repr_array = repr_array


_PEERS: "dict[str, Callable[[ModuleType], None]]" = {
    "einops._backends": _tell_einops,
    "reprlib": _tell_reprlib,
    "torch.utils.data._utils.collate": _tell_data_loaders,
}


def _try_to(tell: "Callable[[ModuleType], None]", module: "ModuleType") -> None:
    try:  # noqa: SIM105 - contextlib takes long to import
        tell(module)
    except AttributeError:
        # Should the library have changed, it works without.
        pass


class _Finder:
    """Waits for the import of the modules above, which others find and load."""

    def find_spec(self, name: str, path: "Any", target: "ModuleType | None" = None) -> "Any":
        if name not in _PEERS:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, _PEERS[name])
                return spec
        return None


class _Loader:
    """Stands for a module's own loader once, and tells the module of arrays afterwards."""

    def __init__(self, loader: "Any", tell: "Callable[[ModuleType], None]") -> None:
        self._loader = loader
        self._tell = tell

    def create_module(self, spec: "Any") -> "ModuleType | None":
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: "ModuleType") -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _try_to(self._tell, module)


def introduce() -> None:
    """Tell the libraries that are imported of arrays, and wait for the others."""
    for name, tell in _PEERS.items():
        if (module := sys.modules.get(name)) is not None:
            _try_to(tell, module)
    sys.meta_path.insert(0, _Finder())
