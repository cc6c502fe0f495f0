"""Layers whose weights are packed into few bits.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

from mlx_sys_py import WrongTypeError

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_arrays, positive, uniform_of_fan_in
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.trees import tree_map_with_path

__all__ = ["QQLinear", "QuantizedEmbedding", "QuantizedLinear", "quantize"]


def __dir__() -> list[str]:
    return __all__


# The group size and the bits of each mode where none are given.
_DEFAULTS = {"affine": (64, 4), "mxfp4": (32, 4), "mxfp8": (32, 8), "nvfp4": (16, 4)}


class QuantizedBase(Module):
    """What quantized layers have in common: a packed weight with its scales.

    The weight is always frozen; the others are until ``unfreeze`` names them.

    ``weight`` holds unsigned integers with several weights in each, ``scales`` and, in the mode
    ``affine``, ``biases`` one number for each group.
    """

    def __init__(self, group_size: int | None, bits: int | None, mode: str) -> None:
        super().__init__()
        if mode not in _DEFAULTS:
            raise ValueError(f"mode must be one of {', '.join(_DEFAULTS)}, but is {mode!r}")
        default_group_size, default_bits = _DEFAULTS[mode]
        self.group_size: int = default_group_size if group_size is None else group_size
        self.bits: int = default_bits if bits is None else bits
        self.mode = mode

    def _set_weight(self, weight: mx.array) -> None:
        parts = mx.quantize(weight, self.group_size, self.bits, mode=self.mode)
        for name, part in zip(("weight", "scales", "biases"), parts, strict=False):
            setattr(self, name, part)

    def _shape(self) -> tuple[int, int]:
        """Return the shape of the weight before it was packed."""
        rows, columns = self.weight.shape
        return rows, columns * 32 // self.bits

    def _quantization_repr(self) -> str:
        return f"group_size={self.group_size}, bits={self.bits}, mode={self.mode}"

    def _times_transposed(self, x: mx.array) -> mx.array:
        return mx.quantized_matmul(
            x,
            self["weight"],
            scales=self["scales"],
            biases=self.get("biases"),
            transpose=True,
            group_size=self.group_size,
            bits=self.bits,
            mode=self.mode,
        )

    def _unfreeze_own(self, keys: str | list[str] | None) -> None:
        """Unfreeze what is asked for by name, but not packed integers: they have no gradient."""
        if keys is not None:
            self._no_grad -= self._own_keys(keys) - {"weight"}


class QuantizedEmbedding(QuantizedBase):
    """An :class:`Embedding` whose weight is quantized. Its parameters begin frozen.

    Args:
        num_embeddings: How many vectors there are.
        dims: The size of a vector, a multiple of ``group_size``.
        group_size: How many weights share a scale. Default: 64 (``affine``), 32 (``mxfp4``,
            ``mxfp8``) or 16 (``nvfp4``).
        bits: How many bits a weight takes. Default: 4, with ``mxfp8`` 8.
        mode: The way of quantization. Default: ``"affine"``.

    Shape:
        Integers of any shape ``(...)`` to ``(..., dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is less than one, or the sizes, the bits and the mode do not fit.

    Example:
        >>> nn.QuantizedEmbedding(10, 64)(mx.array([1, 2])).shape
        (2, 64)
    """

    def __init__(
        self,
        num_embeddings: int,
        dims: int,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
    ) -> None:
        positive(num_embeddings=num_embeddings, dims=dims)
        super().__init__(group_size, bits, mode)
        self._set_weight(mx.random.normal((num_embeddings, dims), scale=math.sqrt(1 / dims)))
        self.freeze()

    @classmethod
    def from_embedding(
        cls,
        embedding_layer: Module,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
    ) -> Self:
        """Return a quantized copy of an embedding.

        Args:
            embedding_layer: The layer to quantize, an :class:`Embedding` or what has such a
                ``weight``.
            group_size: How many weights share a scale. Default: the mode's.
            bits: How many bits a weight takes. Default: the mode's.
            mode: The way of quantization. Default: ``"affine"``.

        Example:
            >>> nn.QuantizedEmbedding.from_embedding(nn.Embedding(10, 64), bits=8)
            QuantizedEmbedding(10, 64, group_size=64, bits=8, mode=affine)
        """
        layer = cls.__new__(cls)
        QuantizedBase.__init__(layer, group_size, bits, mode)
        layer._set_weight(embedding_layer.weight)
        layer.freeze()
        return layer

    def _extra_repr(self) -> str:
        num_embeddings, dims = self._shape()
        return f"{num_embeddings}, {dims}, {self._quantization_repr()}"

    def __call__(self, x: mx.array) -> mx.array:
        biases = self.get("biases")
        return mx.dequantize(
            self["weight"][x],
            scales=self["scales"][x],
            biases=None if biases is None else biases[x],
            group_size=self.group_size,
            bits=self.bits,
            mode=self.mode,
        )

    def as_linear(self, x: mx.array) -> mx.array:
        """Multiply by the table, as an output layer that shares its weight with the embedding.

        Args:
            x: Vectors of shape ``(..., dims)``.

        Returns:
            Their products with each embedding, of shape ``(..., num_embeddings)``.
        """
        return self._times_transposed(x)


class QuantizedLinear(QuantizedBase):
    """A :class:`Linear` whose weight is quantized. Its parameters begin frozen.

    Args:
        input_dims: The size of the last axis of the input, a multiple of ``group_size``.
        output_dims: The size of the last axis of the output.
        bias: Whether to add a bias. Default: ``True``.
        group_size: How many weights share a scale. Default: 64 (``affine``), 32 (``mxfp4``,
            ``mxfp8``) or 16 (``nvfp4``).
        bits: How many bits a weight takes. Default: 4, with ``mxfp8`` 8.
        mode: The way of quantization. Default: ``"affine"``.

    Shape:
        ``(..., input_dims)`` to ``(..., output_dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is less than one, or the sizes, the bits and the mode do not fit.

    Example:
        >>> nn.QuantizedLinear(64, 2)(mx.zeros((4, 64))).shape
        (4, 2)
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
    ) -> None:
        positive(input_dims=input_dims, output_dims=output_dims)
        super().__init__(group_size, bits, mode)
        self._set_weight(uniform_of_fan_in(input_dims, (output_dims, input_dims)))
        if bias:
            self.bias: mx.array = mx.zeros((output_dims,))
        self.freeze()

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
    ) -> Self:
        """Return a quantized copy of a linear layer.

        Args:
            linear_layer: The layer to quantize, a :class:`Linear` or what has such a ``weight``
                and maybe ``bias``.
            group_size: How many weights share a scale. Default: the mode's.
            bits: How many bits a weight takes. Default: the mode's.
            mode: The way of quantization. Default: ``"affine"``.

        Example:
            >>> layer = nn.QuantizedLinear.from_linear(nn.Linear(64, 2), mode="mxfp4")
            >>> layer.group_size, layer.bits
            (32, 4)
        """
        layer = cls.__new__(cls)
        QuantizedBase.__init__(layer, group_size, bits, mode)
        layer._set_weight(linear_layer.weight)
        if "bias" in linear_layer:
            layer.bias = linear_layer.bias
        layer.freeze()
        return layer

    def _extra_repr(self) -> str:
        output_dims, input_dims = self._shape()
        return (
            f"input_dims={input_dims}, output_dims={output_dims}, bias={'bias' in self}, "
            f"{self._quantization_repr()}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        y = self._times_transposed(x)
        return y + self["bias"] if "bias" in self else y


class QQLinear(Module):
    """A linear layer that quantizes its input as well as its weight. It has no bias.

    In training mode ``weight`` is an array of floating-point numbers, which is quantized at each
    call and has a gradient: the rounding is taken for the identity (straight-through). In
    evaluation mode it is packed, with its ``scales``, and frozen. ``train()`` and ``eval()``
    convert; the rounding is not undone.

    On a device with no kernel for it the product is that of the rounded numbers, which is the
    same.

    Args:
        input_dims: The size of the last axis of the input, a multiple of ``group_size``.
        output_dims: The size of the last axis of the output.
        group_size: How many numbers share a scale. Default: 16 (``nvfp4``) or 32 (``mxfp8``).
        bits: How many bits a number takes. Default: 4 (``nvfp4``) or 8 (``mxfp8``).
        mode: ``"nvfp4"`` or ``"mxfp8"``. Default: ``"nvfp4"``.

    Shape:
        ``(..., input_dims)`` to ``(..., output_dims)``.

    Raises:
        TypeError: If a size is not an integer, or the input no array.
        ValueError: If a size is less than one, the mode is another one, or the sizes, the bits
            and the mode do not fit.

    Example:
        >>> layer = nn.QQLinear(64, 8)
        >>> layer(mx.ones((2, 64))).shape
        (2, 8)
        >>> layer.eval().weight.shape
        (8, 8)
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "nvfp4",
    ) -> None:
        positive(input_dims=input_dims, output_dims=output_dims)
        super().__init__()
        self._set_options(group_size, bits, mode)
        self._set_weight(uniform_of_fan_in(input_dims, (output_dims, input_dims)))

    def _set_options(self, group_size: int | None, bits: int | None, mode: str) -> None:
        if mode not in ("nvfp4", "mxfp8"):
            raise ValueError(f"mode must be 'nvfp4' or 'mxfp8', but is {mode!r}")
        default_group_size, default_bits = _DEFAULTS[mode]
        self.group_size: int = default_group_size if group_size is None else group_size
        self.bits: int = default_bits if bits is None else bits
        self.mode = mode
        self._quantized = False

    def _set_weight(self, weight: mx.array) -> None:
        # Tells by an exception what does not fit.
        mx.quantize(weight, self.group_size, self.bits, mode=self.mode)
        self.weight: mx.array = weight

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "nvfp4",
    ) -> Self:
        """Return such a layer with the weight of a linear one.

        Args:
            linear_layer: The layer, a :class:`Linear` or what has such a ``weight``.
            group_size: How many numbers share a scale. Default: the mode's.
            bits: How many bits a number takes. Default: the mode's.
            mode: ``"nvfp4"`` or ``"mxfp8"``. Default: ``"nvfp4"``.

        Raises:
            NotImplementedError: If ``linear_layer`` has a bias.
            ValueError: If the sizes, the bits and the mode do not fit.

        Example:
            >>> nn.QQLinear.from_linear(nn.Linear(64, 8, bias=False), mode="mxfp8")
            QQLinear(input_dims=64, output_dims=8, group_size=32, bits=8, mode=mxfp8)
        """
        if "bias" in linear_layer:
            raise NotImplementedError(
                "linear_layer must have no bias: a QQLinear does not support one"
            )
        layer = cls.__new__(cls)
        Module.__init__(layer)
        layer._set_options(group_size, bits, mode)
        layer._set_weight(linear_layer.weight)
        layer.train(linear_layer.training)
        return layer

    def _extra_repr(self) -> str:
        output_dims, input_dims = self.weight.shape
        if self._quantized:
            input_dims = input_dims * 32 // self.bits
        return (
            f"input_dims={input_dims}, output_dims={output_dims}, group_size={self.group_size}, "
            f"bits={self.bits}, mode={self.mode}"
        )

    def quantize(self) -> None:
        """Pack the weight, if it is not packed yet, and freeze it."""
        if not self._quantized:
            self._dtype = self.weight.dtype
            packed, scales = mx.quantize(self.weight, self.group_size, self.bits, mode=self.mode)
            self.weight = packed
            self.scales: mx.array = scales
            self._quantized = True
            self.freeze(recurse=False)

    def dequantize(self) -> None:
        """Unpack the weight, if it is packed, and unfreeze it."""
        if self._quantized:
            self.weight = self._unpacked(self.weight, self.scales).astype(self._dtype)
            del self.scales
            self._quantized = False
            self.unfreeze(recurse=False)

    def _unpacked(self, packed: mx.array, scales: mx.array) -> mx.array:
        return mx.dequantize(
            packed, scales=scales, group_size=self.group_size, bits=self.bits, mode=self.mode
        )

    def _rounded(self, x: mx.array) -> mx.array:
        """Return ``x`` as it is after packing and unpacking, with the gradient of ``x``."""
        parts = mx.quantize(mx.stop_gradient(x), self.group_size, self.bits, mode=self.mode)
        unpacked = self._unpacked(*parts).astype(x.dtype)
        return x + mx.stop_gradient(unpacked - x)

    def _set_training_mode(self, mode: bool) -> None:
        super()._set_training_mode(mode)
        if mode:
            self.dequantize()
        else:
            self.quantize()

    def __call__(self, x: mx.array) -> mx.array:
        weight, scales = self["weight"], self.get("scales")
        if mx.default_device().type != mx.cpu:
            return mx.qqmm(
                x, weight, scales, group_size=self.group_size, bits=self.bits, mode=self.mode
            )
        check_arrays(x=x)
        rounded = self._rounded(x)
        if scales is None:
            return rounded @ self._rounded(weight).T
        return mx.quantized_matmul(
            rounded,
            weight,
            scales=scales,
            transpose=True,
            group_size=self.group_size,
            bits=self.bits,
            mode=self.mode,
        )


def quantize(
    model: Module,
    group_size: int | None = None,
    bits: int | None = None,
    *,
    mode: str = "affine",
    quantize_input: bool = False,
    class_predicate: Callable[[str, Module], bool | dict[str, Any]] | None = None,
) -> None:
    """Replace the layers of a model by quantized ones, in place.

    Args:
        model: The model.
        group_size: How many weights share a scale. Default: the mode's.
        bits: How many bits a weight takes. Default: the mode's.
        mode: The way of quantization: ``"affine"``, ``"mxfp4"``, ``"mxfp8"`` or ``"nvfp4"``.
            Default: ``"affine"``.
        quantize_input: Whether to quantize the input of linear layers too, which makes them
            :class:`QQLinear`. Default: ``False``.
        class_predicate: Takes the dotted path of a layer and the layer, and returns whether to
            quantize it (``None`` and ``{}`` mean not to), or the arguments of its
            ``to_quantized`` in place of the above: what they leave out has its default. Default:
            every layer that has a method ``to_quantized``.

    Raises:
        TypeError: If ``model`` is no module, or ``class_predicate`` returns something true that is
            neither a ``bool`` nor a ``dict``.
        ValueError: If a layer cannot be quantized, or not in this way.

    Example:
        >>> model = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        >>> nn.quantize(model, bits=8)
        >>> model.layers[0].bits
        8
    """

    def quantized(path: str, layer: Any) -> Any:
        if not isinstance(layer, Module):
            return layer
        if class_predicate is None:
            chosen: Any = hasattr(layer, "to_quantized")
        else:
            chosen = class_predicate(path, layer)
        if not chosen:
            return layer
        if not isinstance(chosen, bool | dict):
            raise WrongTypeError(
                f"class_predicate must return a bool or a dict, not {type(chosen).__name__}"
            )
        if not hasattr(layer, "to_quantized"):
            raise ValueError(
                f"class_predicate chose {path}, but a {type(layer).__name__} cannot be quantized"
            )
        if isinstance(chosen, dict):
            options: dict[str, Any] = chosen
        else:
            options = {"group_size": group_size, "bits": bits, "mode": mode}
            if quantize_input:
                # Layers of users may not take it.
                options["quantize_input"] = True
        try:
            return layer.to_quantized(**options)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    if not isinstance(model, Module):
        raise TypeError(f"model must be a Module, not {type(model).__name__}")
    leaves = tree_map_with_path(quantized, model.leaf_modules(), is_leaf=Module.is_module)
    model.update_modules(leaves)
