"""Processes and GPUs, beside the official package."""

import mlx_core_py as mx
import pytest

official = pytest.importorskip("mlx.core")


@pytest.mark.parametrize("name", ["distributed", "metal", "cuda"])
def test_what_the_modules_offer(name: str) -> None:
    ours, theirs = getattr(mx, name), getattr(official, name)
    assert set(dir(ours)) <= set(dir(theirs))
    assert ours.is_available() == theirs.is_available()


def test_one_process() -> None:
    group = mx.distributed.init()
    assert (group.rank(), group.size()) == (0, 1)
    assert mx.distributed.all_sum(mx.array([1.0]), group=group).tolist() == [1]


def test_kernels_need_their_backend() -> None:
    for make, module in ((mx.fast.metal_kernel, mx.metal), (mx.fast.cuda_kernel, mx.cuda)):
        kernel = make("copy", ["x"], ["y"], "y[0] = x[0];")
        if not module.is_available():
            with pytest.raises(RuntimeError, match="back-end"):
                kernel(
                    inputs=[mx.array([1.0])],
                    output_shapes=[(1,)],
                    output_dtypes=[mx.float32],
                    grid=(1, 1, 1),
                    threadgroup=(1, 1, 1),
                )


def test_device_info() -> None:
    assert mx.device_info() == official.device_info()
