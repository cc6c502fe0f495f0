"""The base class of everything that has parameters.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/module.html
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from mlx_sys_py.attributes import AttributeDict

import mlx_core_py as mx
from mlx_core_py.trees import NOTHING, entries_of, replace_leaves, tree_flatten

if TYPE_CHECKING:
    from mlx_core_py.nn.summary import Summary

__all__ = ["Module"]


def __dir__() -> list[str]:
    return __all__


Filter = Callable[["Module", str, Any], bool]

# The kinds of values that are part of a module; others are plain attributes.
_STATE = (mx.array, dict, list, tuple)


class Module(AttributeDict):
    """The base class of layers and models.

    A module is a dictionary of its state: arrays, other modules, and lists and dictionaries of
    both, each under the name of the attribute that it was assigned to. An array whose name does
    not begin with an underscore is a parameter; it is trainable unless it is frozen. Subclasses
    call ``super().__init__()`` before they assign an attribute, and define ``__call__``.

    Example:
        >>> class Scale(nn.Module):
        ...     def __init__(self, dims):
        ...         super().__init__()
        ...         self.factor = mx.ones((dims,))
        ...     def __call__(self, x):
        ...         return self.factor * x
        >>> layer = Scale(2)
        >>> layer(mx.array([1.0, 2.0]))
        array([1, 2], dtype=float32)
        >>> layer.parameters()
        {'factor': array([1, 1], dtype=float32)}
    """

    __call__: Callable[..., Any]

    _no_grad: set[str]
    _training: bool

    def __init__(self) -> None:
        self._no_grad = set()
        self._training = True

    # ---- attributes, which are read as items by `AttributeDict`

    def __setattr__(self, key: str, val: Any) -> None:
        if isinstance(val, _STATE):
            if hasattr(type(self), key):
                raise AttributeError(
                    f"{key!r} is an attribute of the class {type(self).__name__}, which would "
                    "hide the array or module: choose another name"
                )
            self.__dict__.pop(key, None)
            self[key] = val
        else:
            super().__setattr__(key, val)
            self.pop(key, None)

    def __delattr__(self, name: str) -> None:
        if name in self:
            del self[name]
        else:
            super().__delattr__(name)

    def __dir__(self) -> Iterable[str]:
        return {*super().__dir__(), *self}

    @property
    def training(self) -> bool:
        """Whether the module is in training mode."""
        return self._training

    @property
    def state(self) -> Module:
        """The module's whole state: the dictionary that it is. Changes to it change the module."""
        return self

    def _extra_repr(self) -> str:
        return ""

    def __repr__(self) -> str:
        children = tree_flatten(self.children(), is_leaf=self.is_module)
        lines = [f"({path}): {child!r}" for path, child in children if self.is_module(child)]
        text = f"{type(self).__name__}({self._extra_repr()}"
        if lines:
            text += "\n" + textwrap.indent("\n".join(lines), "  ") + "\n"
        return text + ")"

    def summary(self, *inputs: Any, depth: int | None = None, **named: Any) -> Summary:
        """Return a table of the modules: output shapes, parameters, bytes.

        Args:
            inputs: What to call the module with, to learn the shapes of outputs; nothing is
                evaluated. Without inputs the table has no shapes.
            depth: Inside of how many modules to list one; ``None`` (default) lists all.
            named: Named arguments of the call.

        Returns:
            The table, which ``print`` shows.

        Example:
            >>> print(nn.Linear(3, 2).summary(mx.zeros((5, 3))))
            layer   output shape  parameters  trainable  bytes
            Linear  (5, 2)                 8          8     32
        """
        from mlx_core_py.nn.summary import summarize

        return summarize(self, *inputs, depth=depth, **named)

    # ---- weights

    def load_weights(
        self,
        file_or_weights: str | os.PathLike[str] | Iterable[tuple[str, mx.array]],
        strict: bool = True,
    ) -> Self:
        """Replace parameters by those of a file or a list.

        Args:
            file_or_weights: The path of a file that :func:`mlx_core_py.load` can read, or pairs
                of the dotted path of a parameter and an array.
            strict: Whether the names and shapes must be exactly those of the parameters. If
                not, what the module does not have is passed over, and so are shapes.
                Default: ``True``.

        Returns:
            The module.

        Raises:
            FileNotFoundError: If there is no such file.
            TypeError: If the file holds a single array.
            ValueError: If ``strict`` and the parameters differ, or something is not an array.

        Example:
            >>> layer = nn.Linear(2, 1, bias=False)
            >>> layer.load_weights([("weight", mx.array([[1.0, 2.0]]))]).weight
            array([[1, 2]], dtype=float32)
        """
        if isinstance(file_or_weights, str | os.PathLike):
            loaded = mx.load(file_or_weights)
            if not isinstance(loaded, dict):
                raise TypeError("file_or_weights: the file holds one array, without a name")
            weights = loaded
        else:
            weights = dict(file_or_weights)
        places = dict(self._places())
        if strict:
            _check_weights(weights, {path: at[key] for path, (at, key) in places.items()})
        for path, value in weights.items():
            if path in places:
                container, key = places[path]
                container[key] = _checked_array(value, path)
        return self

    def save_weights(self, file: str | os.PathLike[str]) -> None:
        """Save the parameters in a file.

        Args:
            file: A path that ends in ``.npz`` or ``.safetensors``.

        Raises:
            OSError: If the file cannot be written.
            ValueError: If the extension is another one.

        Example:
            >>> import os, tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "layer.safetensors")
            ...     nn.RMSNorm(4).save_weights(path)
            ...     list(mx.load(path))
            ['weight']
        """
        path = os.fspath(file)
        weights = tree_flatten(self.parameters(), destination={})
        if path.endswith(".npz"):
            mx.savez(path, **weights)
        elif path.endswith(".safetensors"):
            mx.save_safetensors(path, weights)
        else:
            raise ValueError(f"file must end in .npz or .safetensors, but is {path!r}")

    # ---- traversal

    @staticmethod
    def is_module(value: Any) -> bool:
        """Tell whether a value is a module."""
        return isinstance(value, Module)

    @staticmethod
    def valid_child_filter(module: Module, key: str, value: Any) -> bool:
        """Tell whether a value is, or may hold, a module."""
        return isinstance(value, dict | list)

    @staticmethod
    def valid_parameter_filter(module: Module, key: str, value: Any) -> bool:
        """Tell whether a value is, or may hold, a parameter."""
        return isinstance(value, dict | list | mx.array) and not key.startswith("_")

    @staticmethod
    def trainable_parameter_filter(module: Module, key: str, value: Any) -> bool:
        """Tell whether a value is, or may hold, a parameter that is not frozen."""
        return Module.valid_parameter_filter(module, key, value) and key not in module._no_grad

    def filter_and_map(
        self,
        filter_fn: Filter,
        map_fn: Callable[[Any], Any] | None = None,
        is_leaf_fn: Filter | None = None,
    ) -> dict[str, Any]:
        """Select and change what the module holds, at every depth.

        All three functions are called with the module that holds a value, the value's key in it
        (dotted if the value is inside lists or dictionaries) and the value; ``map_fn`` with the
        value only.

        Args:
            filter_fn: Tells which values to keep.
            map_fn: Changes the leaves that are kept. Default: not at all.
            is_leaf_fn: Tells which values are leaves. Default: all but modules, lists and
                dictionaries.

        Returns:
            Nested dictionaries and lists. In place of values in lists and dictionaries that
            were not kept there is an empty dictionary.

        Example:
            >>> nn.Linear(2, 3).filter_and_map(
            ...     nn.Module.valid_parameter_filter, lambda parameter: parameter.shape
            ... )
            {'weight': (3, 2), 'bias': (3,)}
        """

        def visit(module: Module, key: str, value: Any) -> Any:
            if is_leaf_fn is None:
                is_leaf = not isinstance(value, dict | list)
            else:
                is_leaf = is_leaf_fn(module, key, value)
            if is_leaf:
                return value if map_fn is None else map_fn(value)
            if isinstance(value, Module):
                return visit_module(value)
            if isinstance(value, dict):
                return {name: visit_entry(module, f"{key}.{name}", v) for name, v in value.items()}
            if isinstance(value, list):
                return [visit_entry(module, f"{key}.{i}", v) for i, v in enumerate(value)]
            raise ValueError(f"is_leaf_fn: {key!r} is no leaf, but a {type(value).__name__}")

        def visit_entry(module: Module, key: str, value: Any) -> Any:
            return visit(module, key, value) if filter_fn(module, key, value) else {}

        def visit_module(module: Module) -> dict[str, Any]:
            return {
                key: visit(module, key, value)
                for key, value in module.items()
                if filter_fn(module, key, value)
            }

        return visit_module(self)

    def parameters(self) -> dict[str, Any]:
        """Return all parameters as nested dictionaries and lists."""
        return self.filter_and_map(self.valid_parameter_filter)

    def trainable_parameters(self) -> dict[str, Any]:
        """Return the parameters that are not frozen as nested dictionaries and lists."""
        return self.filter_and_map(self.trainable_parameter_filter)

    def children(self) -> dict[str, Any]:
        """Return the direct child modules, in the lists and dictionaries that hold them."""
        return self.filter_and_map(
            self.valid_child_filter, is_leaf_fn=lambda _, __, value: isinstance(value, Module)
        )

    def leaf_modules(self) -> dict[str, Any]:
        """Return the modules that hold no others as nested dictionaries and lists."""

        def is_leaf(module: Module, key: str, value: Any) -> bool:
            return isinstance(value, Module) and not tree_flatten(value.children())

        return self.filter_and_map(self.valid_child_filter, is_leaf_fn=is_leaf)

    def named_modules(self) -> list[tuple[str, Module]]:
        """Return the module and all modules inside it with their dotted paths.

        A module comes before those inside it, and of these the last first, as in MLX: what draws
        random numbers for each module gets the same ones for the same seed.

        Example:
            >>> model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
            >>> [path for path, _ in model.named_modules()]
            ['', 'layers.1', 'layers.0']
        """
        found: list[tuple[str, Module]] = []
        self.apply_to_modules(lambda path, module: found.append((path, module)))
        return found

    def modules(self) -> list[Module]:
        """Return the module and all modules inside it, in the order of :meth:`named_modules`."""
        return [module for _, module in self.named_modules()]

    # ---- change

    def update(self, parameters: dict[str, Any], strict: bool = True) -> Self:  # type: ignore[override]
        """Replace parameters by those of a tree.

        Args:
            parameters: Nested dictionaries and lists like those of :meth:`parameters`, or a
                part of them.
            strict: Whether everything in ``parameters`` must be in the module. If not, the rest
                is passed over. Default: ``True``.

        Returns:
            The module.

        Raises:
            ValueError: If ``strict`` and ``parameters`` holds something that is not a parameter
                of the module, or something that is not an array.

        Example:
            >>> nn.Linear(1, 1, bias=False).update({"weight": mx.array([[2.0]])}).weight
            array([[2]], dtype=float32)
        """
        return self._replace(parameters, mx.array, "parameters", strict)

    def update_modules(self, modules: dict[str, Any], strict: bool = True) -> Self:
        """Replace child modules by those of a tree.

        Args:
            modules: Nested dictionaries and lists like those of :meth:`children` or
                :meth:`leaf_modules`, or a part of them.
            strict: Whether everything in ``modules`` must be in the module. If not, the rest is
                passed over. Default: ``True``.

        Returns:
            The module.

        Raises:
            ValueError: If ``strict`` and ``modules`` holds something that is not a module's
                place in the module, or something that is not a module.

        Example:
            >>> nn.Sequential(nn.ReLU(), nn.ReLU()).update_modules({"layers": [nn.SiLU()]})
            Sequential(
              (layers.0): SiLU()
              (layers.1): ReLU()
            )
        """
        return self._replace(modules, Module, "modules", strict)

    def apply(
        self, map_fn: Callable[[mx.array], mx.array], filter_fn: Filter | None = None
    ) -> Self:
        """Replace parameters by what a function makes of them.

        Args:
            map_fn: Takes and returns a parameter.
            filter_fn: Tells which values to change. Default: all parameters.

        Returns:
            The module.

        Example:
            >>> nn.RMSNorm(2).apply(lambda parameter: parameter * 3).weight
            array([3, 3], dtype=float32)
        """
        return self.update(self.filter_and_map(filter_fn or self.valid_parameter_filter, map_fn))

    def apply_to_modules(self, apply_fn: Callable[[str, Module], Any]) -> Self:
        """Call a function with the path of every module and the module.

        The order is that of :meth:`named_modules`; the modules inside one are looked for after
        the call with it, which may have changed them.

        Args:
            apply_fn: Takes the dotted path (of the module itself: empty) and the module.

        Returns:
            The module.
        """
        waiting: list[tuple[str, Module]] = [("", self)]
        while waiting:
            path, module = waiting.pop()
            apply_fn(path, module)
            children = tree_flatten(module.children(), path and f".{path}", self.is_module)
            waiting.extend(children)
        return self

    def set_dtype(
        self,
        dtype: mx.Dtype,
        predicate: Callable[[mx.Dtype], bool] | None = lambda dtype: mx.issubdtype(
            dtype, mx.floating
        ),
    ) -> None:
        """Convert parameters to a data type.

        Args:
            dtype: The data type.
            predicate: Tells by their data type which parameters to convert; ``None`` stands for
                all. Default: the floating-point ones.

        Example:
            >>> layer = nn.RMSNorm(2)
            >>> layer.set_dtype(mx.float16)
            >>> layer.weight
            array([1, 1], dtype=float16)
        """

        def convert(parameter: mx.array) -> mx.array:
            wanted = predicate is None or predicate(parameter.dtype)
            return parameter.astype(dtype) if wanted else parameter

        self.apply(convert)

    # ---- modes

    def freeze(
        self,
        *,
        recurse: bool = True,
        keys: str | list[str] | None = None,
        strict: bool = False,
    ) -> Self:
        """Exclude parameters from training: no gradient is computed for them.

        Args:
            recurse: Whether to freeze those of the modules inside too. Default: ``True``.
            keys: The name of a parameter, or the names, to freeze. Default: all.
            strict: Whether ``keys`` must exist, with ``recurse`` in one of the modules.
                Default: ``False``.

        Returns:
            The module.

        Raises:
            KeyError: If ``strict`` and one of ``keys`` does not exist.

        Example:
            >>> list(nn.Linear(2, 2).freeze(keys="bias").trainable_parameters())
            ['weight']
        """
        for module in self._keepers(recurse, keys, strict):
            module._no_grad |= module._own_keys(keys)
        return self

    def unfreeze(
        self,
        *,
        recurse: bool = True,
        keys: str | list[str] | None = None,
        strict: bool = False,
    ) -> Self:
        """Include parameters in training again.

        Args:
            recurse: Whether to unfreeze those of the modules inside too. Default: ``True``.
            keys: The name of a parameter, or the names, to unfreeze. Default: all.
            strict: Whether ``keys`` must exist, with ``recurse`` in one of the modules.
                Default: ``False``.

        Returns:
            The module.

        Raises:
            KeyError: If ``strict`` and one of ``keys`` does not exist.

        Example:
            >>> model = nn.Linear(2, 2).freeze()
            >>> list(model.unfreeze(keys="weight").trainable_parameters())
            ['weight']
        """
        for module in self._keepers(recurse, keys, strict):
            module._unfreeze_own(keys)
        return self

    def _unfreeze_own(self, keys: str | list[str] | None) -> None:
        self._no_grad -= self._no_grad if keys is None else self._own_keys(keys)

    def train(self, mode: bool = True) -> Self:
        """Set the module, and all modules inside it, to training mode.

        Args:
            mode: Whether to train; ``False`` is the same as :meth:`eval`. Default: ``True``.

        Returns:
            The module.
        """
        for module in self.modules():
            module._set_training_mode(mode)
        return self

    def _set_training_mode(self, mode: bool) -> None:
        """Set this module alone; for layers whose parameters depend on the mode."""
        self._training = mode

    def eval(self) -> Self:
        """Set the module, and all modules inside it, to evaluation mode, and return it."""
        return self.train(False)

    # ---- helpers

    def _replace(self, tree: Any, kind: type[Any], argument: str, strict: bool) -> Self:
        """Replace the values of one kind by those of a tree."""
        for path, old, new in replace_leaves(self, tree, kind, argument):
            # Empty containers stand for what a filter left out.
            left_out = isinstance(new, dict | list) and not new and not isinstance(new, Module)
            if strict and not left_out:
                has = "nothing" if old is NOTHING else f"a value of type {type(old).__name__}"
                raise ValueError(f"{path} is a {type(new).__name__}, where the module has {has}")
        return self

    def _places(self) -> Iterator[tuple[str, tuple[Any, Any]]]:
        """Give the dotted path of every parameter, and the container and key it is at."""

        def visit(path: str, container: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
            for key, value in entries_of(container):
                if isinstance(container, Module) and key.startswith("_"):
                    continue
                name = f"{path}.{key}" if path else str(key)
                if isinstance(value, mx.array):
                    yield name, (container, key)
                elif isinstance(value, dict | list):
                    yield from visit(name, value)

        return visit("", self)

    def _keepers(self, recurse: bool, keys: str | list[str] | None, strict: bool) -> list[Module]:
        if strict and keys is not None:
            if recurse:
                self._validate_keys_recursive(keys)
            else:
                self._validate_keys(keys, strict)
        return self.modules() if recurse else [self]

    # Modules written for MLX call these two.

    def _validate_keys(self, keys: str | list[str], strict: bool) -> list[str]:
        """Return a list of keys; with ``strict``, raise unless this module has all of them."""
        keys = [keys] if isinstance(keys, str) else list(keys)
        if strict:
            _check_keys(keys, [self])
        return keys

    def _validate_keys_recursive(self, keys: str | list[str]) -> None:
        """Raise unless each key is in this module or in one inside it."""
        _check_keys([keys] if isinstance(keys, str) else keys, self.modules())

    def _own_keys(self, keys: str | list[str] | None) -> set[str]:
        """Return ``keys``, or the dotted keys of the parameters that no inner module holds."""
        if keys is not None:
            return {keys} if isinstance(keys, str) else set(keys)
        own = self.filter_and_map(
            lambda module, key, value: (
                not isinstance(value, Module) and self.valid_parameter_filter(module, key, value)
            )
        )
        return {path for path, _ in tree_flatten(own)}


def _check_keys(keys: Iterable[str], modules: list[Module]) -> None:
    for key in keys:
        if not any(key in module for module in modules):
            raise KeyError(f"keys: the module has no {key!r}")


def _check_weights(weights: dict[str, Any], parameters: dict[str, mx.array]) -> None:
    if extra := sorted(weights.keys() - parameters.keys()):
        raise ValueError(
            f"file_or_weights has {len(extra)} parameters that the model has not: "
            + ", ".join(extra)
        )
    if missing := sorted(parameters.keys() - weights.keys()):
        raise ValueError(
            f"file_or_weights lacks {len(missing)} parameters of the model: " + ", ".join(missing)
        )
    for path, parameter in parameters.items():
        given = _checked_array(weights[path], path)
        if given.shape != parameter.shape:
            raise ValueError(f"{path} must have the shape {parameter.shape}, but has {given.shape}")


def _checked_array(value: Any, path: str) -> mx.array:
    if not isinstance(value, mx.array):
        raise ValueError(f"{path} must be an array, but is a {type(value).__name__}")
    return value
