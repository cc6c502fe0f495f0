"""Convolutions and pooling: what is wrong, what is empty, and what half precision gives.

Their numbers are compared with official MLX's in test_nn_against_official.py.
"""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from layer_checks import check_sizes
from mlx_core_py import nn

CONVOLUTIONS = {
    nn.Conv1d: 1,
    nn.Conv2d: 2,
    nn.Conv3d: 3,
    nn.ConvTranspose1d: 1,
    nn.ConvTranspose2d: 2,
    nn.ConvTranspose3d: 3,
}
POOLS = {
    nn.AvgPool1d: 1,
    nn.AvgPool2d: 2,
    nn.AvgPool3d: 3,
    nn.MaxPool1d: 1,
    nn.MaxPool2d: 2,
    nn.MaxPool3d: 3,
}


@pytest.mark.parametrize("layer", CONVOLUTIONS)
def test_sizes_must_be_positive_integers(layer: Any) -> None:
    check_sizes(layer, (0, 2, 3), "in_channels")
    check_sizes(layer, (2, 0, 3), "out_channels")
    for name in ("stride", "dilation", "padding"):
        with pytest.raises(ValueError, match=name):
            layer(2, 2, 3, **{name: -1})
        with pytest.raises(TypeError, match=name):
            layer(2, 2, 3, **{name: 1.5})
        with pytest.raises(ValueError, match=name):
            layer(2, 2, 3, **{name: (1, 1, 1, 1)})


@pytest.mark.parametrize("layer", [nn.Conv1d, nn.Conv2d])
def test_groups_divide_the_channels(layer: Any) -> None:
    with pytest.raises(ValueError, match="in_channels"):
        layer(3, 4, 1, groups=2)
    with pytest.raises(ValueError, match="out_channels"):
        layer(4, 3, 1, groups=2)


@pytest.mark.parametrize(("layer", "axes"), POOLS.items())
def test_wrong_pools(layer: Any, axes: int) -> None:
    for name in ("kernel_size", "stride"):
        with pytest.raises(ValueError, match=name):
            layer(**{"kernel_size": 2, name: 0})
        with pytest.raises(TypeError, match=name):
            layer(**{"kernel_size": 2, name: "2"})
    with pytest.raises(ValueError, match="padding"):
        layer(2, padding=(1,) * 4)
    with pytest.raises(TypeError, match="x must"):
        layer(2)([1.0])
    with pytest.raises(ValueError, match="axes"):
        layer(2)(mx.zeros((4,) * (axes + 1)))
    with pytest.raises(ValueError, match="smaller than kernel_size"):
        layer(5)(mx.zeros((1, *(4,) * axes, 1)))


def windows_of(x: Any, kernel: int, stride: int) -> Any:
    """The windows of images, with their elements in two axes before the channels."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(1, 2))
    return np.moveaxis(windows[:, ::stride, ::stride], 3, -1)


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (2, 2), (3, 1), (3, 2), (2, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32", "uint8", "bool_"])
def test_pools_of_images(kernel: int, stride: int, dtype: str) -> None:
    x = (10 * normal(2, 7, 6, 3)).round()
    if dtype in ("uint8", "bool_"):
        x = np.abs(x) > 5 if dtype == "bool_" else np.abs(x)
    array = mx.array(x).astype(getattr(mx, dtype))
    windows = windows_of(np.array(array.astype(mx.float32)), kernel, stride)
    greatest = nn.MaxPool2d(kernel, stride)(array)
    assert greatest.dtype == array.dtype
    assert close(greatest.astype(mx.float32), windows.max((3, 4)))
    mean = nn.AvgPool2d(kernel, stride)(array)
    assert mean.dtype == (array.dtype if "float" in dtype else mx.float32)
    assert close(mean.astype(mx.float32), windows.mean((3, 4)), 1e-2, 1e-2)


def test_mean_of_half_precision_does_not_overflow() -> None:
    x = mx.full((1, 4, 4, 1), 60000, mx.float16)
    assert nn.AvgPool2d(4)(x).item() == 60000


def test_padding_is_never_the_greatest() -> None:
    for dtype in (mx.float32, mx.int8, mx.float16):
        x = mx.full((1, 2, 2, 1), -5, dtype)
        assert nn.MaxPool2d(3, 1, 1)(x).tolist() == x.tolist()


def test_one_of_equal_elements_has_the_gradient() -> None:
    gradient = mx.grad(lambda x: mx.sum(nn.MaxPool2d(2)(x)))(mx.zeros((1, 2, 4, 1)))
    assert gradient[0, :, :, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(("layer", "axes"), CONVOLUTIONS.items())
@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
def test_convolutions_of_half_precision(layer: Any, axes: int, dtype: mx.Dtype) -> None:
    full = layer(3, 2, 2)
    x = mx.array(normal(2, *(4,) * axes, 3))
    expected = full(x)
    full.set_dtype(dtype)
    got = full(x.astype(dtype))
    assert got.dtype == dtype
    assert close(got.astype(mx.float32), expected, 5e-2, 5e-2)
