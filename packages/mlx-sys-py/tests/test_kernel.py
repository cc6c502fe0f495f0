"""Metal and CUDA: whether they are there, and kernels, as far as they go without them."""

from __future__ import annotations

from typing import Any

import pytest
from mlx_sys_py import array, cpu, cuda, device_info, float32, gpu, is_available, metal
from mlx_sys_py._kernel import Kernel
from mlx_sys_py.cuda import CudaKernel, precompiled_cuda_kernel
from mlx_sys_py.metal import MetalKernel

CALL: dict[str, Any] = {
    "inputs": [array([1.0, 2.0])],
    "output_shapes": [(2,)],
    "output_dtypes": [float32],
    "grid": (2, 1, 1),
    "threadgroup": (2, 1, 1),
}
SOURCES = {
    MetalKernel: "uint i = thread_position_in_grid.x; y[i] = x[i] + x[i];",
    CudaKernel: "auto i = cooperative_groups::this_grid().thread_rank(); y[i] = x[i] + x[i];",
}
AVAILABLE = {MetalKernel: metal.is_available(), CudaKernel: cuda.is_available()}
KINDS = pytest.mark.parametrize("kind", [MetalKernel, CudaKernel])


@KINDS
def test_a_kernel_runs_where_its_backend_is(kind: Any) -> None:
    kernel = kind("double", ["x"], ["y"], SOURCES[kind])
    if AVAILABLE[kind]:
        assert kernel(**CALL, stream=gpu)[0].tolist() == [2, 4]
    else:
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"No (Metal|CUDA) back-end"):
                kernel(**CALL)


@KINDS
@pytest.mark.parametrize(
    ("argument", "value", "error", "message"),
    [
        ("grid", (2, 1), ValueError, "grid must hold 3"),
        ("grid", (2, 0, 1), ValueError, "grid"),
        ("threadgroup", (1, 1, 2**40), (ValueError, OverflowError), "threadgroup"),
        ("output_shapes", [], ValueError, "as many"),
        ("output_shapes", [(-1,)], ValueError, "negative"),
        ("output_dtypes", ["float32"], TypeError, "output_dtypes"),
        ("template", [("T", 1.5)], TypeError, "template"),
        ("template", ["T"], TypeError, "template"),
        ("inputs", 3, TypeError, "inputs"),
        ("init_value", "0", TypeError, "init_value"),
        ("stream", 3, TypeError, "stream"),
    ],
)
def test_wrong_arguments_of_a_call(
    kind: Any, argument: str, value: Any, error: Any, message: str
) -> None:
    kernel = kind("double", ["x"], ["y"], SOURCES[kind])
    with pytest.raises(error, match=message):
        kernel(**{**CALL, argument: value})


@KINDS
def test_wrong_kernels(kind: Any) -> None:
    with pytest.raises(TypeError, match="name"):
        kind(3, ["x"], ["y"], "")
    with pytest.raises(TypeError, match="input_names"):
        kind("k", "x", ["y"], "")
    with pytest.raises(TypeError, match="output_names"):
        kind("k", ["x"], [3], "")
    with pytest.raises(ValueError, match="math_mode"):
        MetalKernel("k", ["x"], ["y"], "", compile_options={"math_mode": "loose"})
    with pytest.raises(ValueError, match="no 'speed'"):
        MetalKernel("k", ["x"], ["y"], "", compile_options={"speed": "high"})
    with pytest.raises(RuntimeError, match="again"):
        kind("k", ["x"], ["y"], "").__init__("k", ["x"], ["y"], "")


@pytest.mark.skipif(cuda.is_available(), reason="would run")
def test_a_compiled_kernel_needs_cuda() -> None:
    with pytest.raises(RuntimeError, match="CUDA"):
        precompiled_cuda_kernel(name="k", compiled_source=b"", scalars=[True, 1, 0.5], **CALL)
    with pytest.raises(TypeError, match="scalars"):
        precompiled_cuda_kernel(name="k", compiled_source=b"", scalars=["1"], **CALL)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="compiled_source"):
        precompiled_cuda_kernel(name="k", compiled_source="", scalars=[], **CALL)  # type: ignore[arg-type]


@pytest.mark.skipif(metal.is_available(), reason="would record")
def test_recording_needs_metal() -> None:
    with pytest.raises(RuntimeError, match="not available"):
        metal.start_capture("x.gputrace")
    with pytest.raises(RuntimeError, match="not available"):
        metal.stop_capture()


def test_device_info() -> None:
    mlx = pytest.importorskip("mlx.core")
    assert device_info(cpu) == mlx.device_info(mlx.cpu)
    assert device_info() == mlx.device_info()
    with pytest.raises(TypeError, match="d must be a Device"):
        device_info("cpu")  # type: ignore[arg-type]
    if not is_available(gpu):
        with pytest.raises(ValueError, match="GPU"):
            device_info(gpu)


def test_a_kernel_without_backend_cannot_run() -> None:
    with pytest.raises(TypeError, match="Kernel has no backend"):
        Kernel()(**CALL)
