"""Layers whose parameters are spread over the processes of a group.

Source: https://ml-explore.github.io/mlx/build/html/examples/tensor_parallelism.html
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Self

import mlx_core_py as mx
from mlx_core_py.nn._checks import positive
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.nn.layers.linear import Linear
from mlx_core_py.nn.layers.quantized import QuantizedBase
from mlx_core_py.trees import tree_flatten, tree_map_with_path, tree_unflatten

# What `mlx_core_py.nn` has of it; the functions below are this module's alone, as in MLX.
__all__ = [
    "AllToShardedLinear",
    "FullyShardedModule",
    "QuantizedAllToShardedLinear",
    "QuantizedShardedToAllLinear",
    "ShardedToAllLinear",
    "fully_shard",
]


def __dir__() -> list[str]:
    return __all__


Group = mx.distributed.Group

# How many parts a weight is joined of, or where one ends and the next begins: indices, or fractions
# of the axis. Each part is split among the processes.
Segments = int | Sequence[int] | Sequence[float]

# Takes the path of a parameter and the parameter; returns the axis to split, or the axis and the
# segments, or None for a parameter that every process keeps whole.
Predicate = Callable[[str, mx.array], int | tuple[int, Segments] | None]


@functools.lru_cache
def sum_gradients(group: Group) -> Callable[[mx.array], mx.array]:
    """Return the identity, whose gradient is the sum of the gradients of all processes.

    Args:
        group: The processes.

    Returns:
        A function of an array.

    Example:
        >>> same = nn.layers.distributed.sum_gradients(mx.distributed.init())
        >>> mx.grad(lambda x: 3 * same(x))(mx.array(1.0))
        array(3, dtype=float32)
    """
    if group.size() == 1:
        return lambda x: x

    @mx.custom_function
    def identity(x: mx.array) -> mx.array:
        return x

    @identity.vjp
    def identity_vjp(x: mx.array, cotangent: mx.array, _: mx.array) -> mx.array:
        return mx.distributed.all_sum(cotangent, group=group)

    return identity


def shard_inplace(
    module: Module,
    sharding: str | Predicate,
    *,
    segments: Segments = 1,
    group: Group | None = None,
) -> None:
    """Replace the parameters of a module by the part that this process keeps.

    The module computes as before: what is exchanged between the processes is up to it.

    Args:
        module: The module.
        sharding: ``"all-to-sharded"`` to split the outputs of linear layers, ``"sharded-to-all"``
            to split their inputs, or a function that takes the path of a parameter and the
            parameter and returns the axis to split, or a pair of that and the segments, or
            ``None`` to keep it whole.
        segments: How many parts, of the same size, a weight is joined of, such as 3 for queries,
            keys and values, or where they are divided: indices, or fractions of the axis. For the
            two strings. Default: 1.
        group: The processes. Default: all.

    Raises:
        ValueError: If ``sharding`` is another string, or an axis cannot be split evenly.
        TypeError: If the function returns something else.

    Example:
        >>> layer = nn.Linear(2, 4)
        >>> nn.layers.distributed.shard_inplace(layer, "all-to-sharded")
        >>> layer.weight.shape[0] * mx.distributed.init().size()
        4
    """
    predicate = _predicate(sharding, segments) if isinstance(sharding, str) else sharding
    module.update(_shard(module.parameters(), predicate, _or_all(group)))


def shard_linear(
    module: Module, sharding: str, *, segments: Segments = 1, group: Group | None = None
) -> Module:
    """Return a linear layer that computes with the part of the parameters that this process keeps.

    Args:
        module: A :class:`Linear` or :class:`QuantizedLinear`, which is not changed.
        sharding: ``"all-to-sharded"`` for an output of which each process has its part, or
            ``"sharded-to-all"`` for an input of which each process has its part.
        segments: As in :func:`shard_inplace`. Default: 1.
        group: The processes. Default: all.

    Returns:
        The layer: its outputs, gradients and parameters, joined, are those of ``module``.

    Raises:
        ValueError: If ``sharding`` is another string, or the parameters cannot be split evenly.

    Example:
        >>> layer = nn.layers.distributed.shard_linear(nn.Linear(2, 4), "sharded-to-all")
        >>> type(layer).__name__, layer(mx.ones((1, 2))).shape
        ('ShardedToAllLinear', (1, 4))
    """
    _predicate(sharding, segments)
    plain, quantized = (
        (AllToShardedLinear, QuantizedAllToShardedLinear)
        if sharding == "all-to-sharded"
        else (ShardedToAllLinear, QuantizedShardedToAllLinear)
    )
    if isinstance(module, Linear):
        return plain.from_linear(module, segments=segments, group=group)
    return quantized.from_quantized_linear(module, segments=segments, group=group)


class _ShardedLinear(Module):
    """What the linear layers have in common, of which a subclass splits one side."""

    # How the parameters are split.
    _sharding: str

    def __init__(
        self, input_dims: int, output_dims: int, bias: bool = True, group: Group | None = None
    ) -> None:
        positive(input_dims=input_dims, output_dims=output_dims)
        super().__init__()
        self.group: Group = _or_all(group)
        bound = math.sqrt(1 / input_dims)
        rows, columns = _part(self._sharding, output_dims, input_dims, self.group.size())
        self.weight: mx.array = mx.random.uniform(-bound, bound, (rows, columns))
        if bias:
            self.bias: mx.array = mx.random.uniform(-bound, bound, (rows,))

    def _extra_repr(self) -> str:
        rows, columns = self.weight.shape
        output_dims, input_dims = _whole(self._sharding, rows, columns, self.group.size())
        return f"input_dims={input_dims}, output_dims={output_dims}, bias={'bias' in self}"

    @classmethod
    def from_linear(
        cls, linear_layer: Module, *, segments: Segments = 1, group: Group | None = None
    ) -> Self:
        """Return a layer with this process's part of the parameters of another.

        Args:
            linear_layer: The layer, a :class:`Linear` or what has such parameters.
            segments: As in :func:`shard_inplace`. Default: 1.
            group: The processes. Default: all.
        """
        output_dims, input_dims = linear_layer.weight.shape
        layer = cls(input_dims, output_dims, "bias" in linear_layer, group)
        predicate = _predicate(cls._sharding, segments)
        layer.update(_shard(linear_layer.parameters(), predicate, layer.group))
        return layer


class AllToShardedLinear(_ShardedLinear):
    """A :class:`Linear` of whose output each process computes a part.

    The gradient by the input is the sum of those of all processes.

    Args:
        input_dims: The size of the last axis of the input.
        output_dims: The size of the last axis of the output, of all processes together: a multiple
            of their number.
        bias: Whether to add a bias. Default: ``True``.
        group: The processes. Default: all.

    Shape:
        ``(..., input_dims)`` to ``(..., output_dims / group.size())``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is less than one, or ``output_dims`` cannot be split evenly.

    Example:
        >>> nn.AllToShardedLinear(2, 4)
        AllToShardedLinear(input_dims=2, output_dims=4, bias=True)
    """

    _sharding = "all-to-sharded"

    def __call__(self, x: mx.array) -> mx.array:
        x = sum_gradients(self.group)(x)
        if "bias" in self:
            return mx.addmm(self["bias"], x, self["weight"].T)
        return mx.matmul(x, self["weight"].T)


class ShardedToAllLinear(_ShardedLinear):
    """A :class:`Linear` of whose input each process has a part. All get the same output.

    Args:
        input_dims: The size of the last axis of the input, of all processes together: a multiple
            of their number.
        output_dims: The size of the last axis of the output.
        bias: Whether to add a bias. Default: ``True``.
        group: The processes. Default: all.

    Shape:
        ``(..., input_dims / group.size())`` to ``(..., output_dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is less than one, or ``input_dims`` cannot be split evenly.

    Example:
        >>> nn.ShardedToAllLinear(2, 4, bias=False)
        ShardedToAllLinear(input_dims=2, output_dims=4, bias=False)
    """

    _sharding = "sharded-to-all"

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.distributed.all_sum(mx.matmul(x, self["weight"].T), group=self.group)
        return y + self["bias"] if "bias" in self else y


class _QuantizedShardedLinear(QuantizedBase):
    """What the quantized linear layers have in common, of which a subclass splits one side."""

    _sharding: str

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group_size: int = 64,
        bits: int = 4,
        mode: str = "affine",
        group: Group | None = None,
    ) -> None:
        positive(input_dims=input_dims, output_dims=output_dims)
        super().__init__(group_size, bits, mode)
        self.group: Group = _or_all(group)
        bound = math.sqrt(1 / input_dims)
        rows, columns = _part(self._sharding, output_dims, input_dims, self.group.size())
        self._set_weight(mx.random.uniform(-bound, bound, (rows, columns)))
        if bias:
            self.bias: mx.array = mx.zeros((rows,))
        self.freeze()

    def _extra_repr(self) -> str:
        output_dims, input_dims = _whole(self._sharding, *self._shape(), self.group.size())
        return (
            f"input_dims={input_dims}, output_dims={output_dims}, bias={'bias' in self}, "
            f"{self._quantization_repr()}"
        )

    @classmethod
    def from_quantized_linear(
        cls, quantized_linear_layer: Module, *, segments: Segments = 1, group: Group | None = None
    ) -> Self:
        """Return a layer with this process's part of the parameters of another.

        Args:
            quantized_linear_layer: The layer, a :class:`QuantizedLinear` or what has such
                parameters.
            segments: As in :func:`shard_inplace`. Default: 1.
            group: The processes. Default: all.
        """
        other = quantized_linear_layer
        layer = cls.__new__(cls)
        QuantizedBase.__init__(layer, other.group_size, other.bits, other.mode)
        layer.group = _or_all(group)
        predicate = _predicate(cls._sharding, segments)
        for name, value in _shard(other.parameters(), predicate, layer.group).items():
            setattr(layer, name, value)
        layer.freeze()
        return layer


class QuantizedAllToShardedLinear(_QuantizedShardedLinear):
    """An :class:`AllToShardedLinear` whose weight is quantized. Its parameters begin frozen.

    Args:
        input_dims: The size of the last axis of the input, a multiple of ``group_size``.
        output_dims: The size of the last axis of the output, of all processes together: a multiple
            of their number.
        bias: Whether to add a bias. Default: ``True``.
        group_size: How many weights share a scale. Default: 64.
        bits: How many bits a weight takes. Default: 4.
        mode: The way of quantization. Default: ``"affine"``.
        group: The processes. Default: all.

    Shape:
        ``(..., input_dims)`` to ``(..., output_dims / group.size())``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is less than one or cannot be split evenly, or the sizes, the bits
            and the mode do not fit.

    Example:
        >>> nn.QuantizedAllToShardedLinear(64, 8)(mx.ones((1, 64))).shape
        (1, 8)
    """

    _sharding = "all-to-sharded"

    def __call__(self, x: mx.array) -> mx.array:
        y = self._times_transposed(sum_gradients(self.group)(x))
        return y + self["bias"] if "bias" in self else y


class QuantizedShardedToAllLinear(_QuantizedShardedLinear):
    """A :class:`ShardedToAllLinear` whose weight is quantized. Its parameters begin frozen.

    Args:
        input_dims: The size of the last axis of the input, of all processes together: a multiple
            of ``group_size`` for each.
        output_dims: The size of the last axis of the output.
        bias: Whether to add a bias. Default: ``True``.
        group_size: How many weights share a scale. Default: 64.
        bits: How many bits a weight takes. Default: 4.
        mode: The way of quantization. Default: ``"affine"``.
        group: The processes. Default: all.

    Shape:
        ``(..., input_dims / group.size())`` to ``(..., output_dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is less than one or cannot be split evenly, or the sizes, the bits
            and the mode do not fit.

    Example:
        >>> nn.QuantizedShardedToAllLinear(64, 8)(mx.ones((1, 64))).shape
        (1, 8)
    """

    _sharding = "sharded-to-all"

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.distributed.all_sum(self._times_transposed(x), group=self.group)
        return y + self["bias"] if "bias" in self else y


class FullyShardedModule(Module):
    """A module of whose parameters each process keeps a part along the first axis.

    A call gathers the whole parameters and drops them afterwards. Their gradients are averaged
    over the processes, each of which gets those of its part, so that an optimizer holds the state
    of that part only.

    Args:
        module: The module, whose parameters are replaced by this process's part of them. Modules
            inside it that are fully sharded themselves are left as they are.
        group: The processes. Default: all.
        compute_dtype: The data type in which the parameters are gathered. Default: their own.

    Raises:
        ValueError: If a parameter has no axis, or one whose size is not a multiple of the number
            of processes.

    Example:
        >>> layer = nn.FullyShardedModule(nn.Linear(2, 4))
        >>> layer(mx.ones((1, 2))).shape
        (1, 4)
    """

    def __init__(
        self, module: Module, group: Group | None = None, compute_dtype: mx.Dtype | None = None
    ) -> None:
        super().__init__()
        group = _or_all(group)
        parameters = _own_parameters(module)
        for path, parameter in tree_flatten(parameters):
            if not parameter.shape or parameter.shape[0] % group.size():
                raise ValueError(
                    f"{path} of shape {parameter.shape} cannot be split evenly along its first "
                    f"axis among {group.size()} processes"
                )
        shapes = [parameter.shape for _, parameter in tree_flatten(parameters)]
        module.update(_shard(parameters, lambda path, parameter: 0, group))
        self.module = module
        self._number_of_parameters = len(shapes)
        self._gather = _gather(group, shapes, compute_dtype)

    def _extra_repr(self) -> str:
        return f"num_sharded_params={self._number_of_parameters}"

    def _with_whole_parameters(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        parts = _own_parameters(self.module)
        paths = [path for path, _ in tree_flatten(parts)]
        whole = self._gather([part for _, part in tree_flatten(parts)])
        self.module.update(tree_unflatten(list(zip(paths, whole, strict=True))))
        try:
            return fn(*args, **kwargs)
        finally:
            self.module.update(parts)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._with_whole_parameters(self.module, *args, **kwargs)

    def as_linear(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method ``as_linear`` of the module, an embedding."""
        return self._with_whole_parameters(self.module.as_linear, *args, **kwargs)


def fully_shard(
    module: Module, *, group: Group | None = None, compute_dtype: mx.Dtype | None = None
) -> Module:
    """Spread the parameters of a module over the processes of a group.

    Args:
        module: The module, whose parameters are replaced by this process's part of them.
        group: The processes. Default: all.
        compute_dtype: The data type in which the parameters are gathered. Default: their own.

    Returns:
        A :class:`FullyShardedModule`; ``module`` itself if it is one, if it has no parameters that
        are not in such a one, or if there is one process only.

    Raises:
        ValueError: If a parameter cannot be split evenly along its first axis.

    Example:
        >>> layer = nn.Linear(2, 4)
        >>> nn.fully_shard(layer) is layer or mx.distributed.init().size() > 1
        True
    """
    group = _or_all(group)
    nothing_to_split = not tree_flatten(_own_parameters(module))
    if group.size() == 1 or isinstance(module, FullyShardedModule) or nothing_to_split:
        return module
    return FullyShardedModule(module, group, compute_dtype)


def _or_all(group: Group | None) -> Group:
    return mx.distributed.init() if group is None else group


def _predicate(sharding: str, segments: Segments) -> Predicate:
    """How the parameters of a linear layer, plain or quantized, are split."""
    if sharding not in ("all-to-sharded", "sharded-to-all"):
        raise ValueError(
            f"sharding must be 'all-to-sharded' or 'sharded-to-all', but is {sharding!r}"
        )

    def all_to_sharded(path: str, parameter: mx.array) -> tuple[int, Segments]:
        # Of a stack of matrices, their rows.
        is_bias = path.endswith("bias")
        return (-1 if is_bias else max(parameter.ndim - 2, 0)), segments

    def sharded_to_all(path: str, parameter: mx.array) -> tuple[int, Segments] | None:
        return None if path.endswith("bias") else (-1, segments)

    return all_to_sharded if sharding == "all-to-sharded" else sharded_to_all


def _shard(parameters: Any, predicate: Predicate, group: Group) -> Any:
    """Return the part of a tree of parameters that this process keeps."""
    size, rank = group.size(), group.rank()

    def part(path: str, parameter: mx.array) -> mx.array:
        segments: Any
        split: Any = predicate(path, parameter)
        if split is None:
            return parameter
        if isinstance(split, int):
            axis, segments = split, 1
        elif isinstance(split, tuple) and len(split) == 2:
            axis, segments = split
        else:
            raise TypeError(
                "sharding must return an axis, a pair of axis and segments, or None, "
                f"but for {path} it returns {split!r}"
            )
        pieces = [
            mx.split(segment, size, axis)[rank] for segment in _split(parameter, segments, axis)
        ]
        # Contiguous, so that the whole can be let go of.
        return mx.contiguous(mx.concatenate(pieces, axis))

    return tree_map_with_path(part, parameters)


def _split(parameter: mx.array, segments: Segments, axis: int) -> list[mx.array]:
    if isinstance(segments, int):
        return mx.split(parameter, segments, axis)
    size = parameter.shape[axis]
    indices = [int(at * size) if isinstance(at, float) else at for at in segments]
    return mx.split(parameter, indices, axis)


def _part(sharding: str, output_dims: int, input_dims: int, size: int) -> tuple[int, int]:
    """The shape of each process's part of a weight."""
    name, dims = (
        ("output_dims", output_dims) if sharding == "all-to-sharded" else ("input_dims", input_dims)
    )
    if dims % size:
        raise ValueError(f"{name} must be a multiple of the {size} processes, but is {dims}")
    if sharding == "all-to-sharded":
        return output_dims // size, input_dims
    return output_dims, input_dims // size


def _whole(sharding: str, rows: int, columns: int, size: int) -> tuple[int, int]:
    """The shape of a weight, of all processes together."""
    return (rows * size, columns) if sharding == "all-to-sharded" else (rows, columns * size)


def _own_parameters(module: Module) -> dict[str, Any]:
    """The parameters of a module but those in modules that are fully sharded themselves."""
    return module.filter_and_map(
        lambda holder, key, value: (
            not isinstance(value, FullyShardedModule)
            and Module.valid_parameter_filter(holder, key, value)
        )
    )


def _gather(
    group: Group, shapes: list[tuple[int, ...]], compute_dtype: mx.Dtype | None
) -> Callable[[list[mx.array]], list[mx.array]]:
    """Return a function that joins the parts of arrays, all of them in one exchange per dtype."""
    size = group.size()

    def exchange(
        arrays: list[mx.array], fn: Callable[[mx.array], mx.array], rows: int
    ) -> list[mx.array]:
        """Apply ``fn`` to the arrays as rows side by side, those of a data type together."""
        results = list(arrays)
        for dtype in {array.dtype: None for array in arrays}:
            chosen = [i for i, array in enumerate(arrays) if array.dtype == dtype]
            matrices = [arrays[i].reshape(rows, -1) for i in chosen]
            ends = list(accumulate(matrix.shape[1] for matrix in matrices))
            joined = fn(mx.concatenate(matrices, axis=1))
            for i, piece in zip(chosen, mx.split(joined, ends[:-1], axis=1), strict=True):
                results[i] = piece
        return results

    @mx.custom_function
    def gather(parts: list[mx.array]) -> list[mx.array]:
        if compute_dtype is not None:
            parts = [part.astype(compute_dtype) for part in parts]
        wholes = exchange(parts, lambda row: mx.distributed.all_gather(row, group=group), 1)
        return [whole.reshape(shape) for whole, shape in zip(wholes, shapes, strict=True)]

    @gather.vjp
    def gather_vjp(
        parts: list[mx.array], cotangents: list[mx.array], _: list[mx.array]
    ) -> list[mx.array]:
        sums = exchange(
            cotangents, lambda rows: mx.distributed.sum_scatter(rows, group=group) / size, size
        )
        return [
            total.reshape(part.shape).astype(part.dtype)
            for total, part in zip(sums, parts, strict=True)
        ]

    return gather
