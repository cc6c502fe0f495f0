"""Times one operation of one size on all sides: a process of `worker`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import mlx.core as stock
import mlx_core_py as ours
import numpy as np

from . import elements, layers, products
from .row import Row, Values, torch
from .timing import least_times
from .worker import serve

ROWS = {row.name: row for row in products.ROWS + layers.ROWS + elements.ROWS}
MLX = {"ours": ours, "stock": stock}
SIDES = (*MLX, "torch", "numpy")
# Both sides with MLX's interface share its allocator, and ours has it keep more memory from the
# moment it is loaded: each side gets the limit back that it comes with.
CACHE_LIMITS = {"stock": 32 << 20}


def for_mlx(m: Any, value: Values, dtype: str) -> Any:
    """An input as an array of one of the packages with MLX's interface."""
    if value.dtype == np.int64:
        return m.array(value.astype(np.int32))
    return m.array(value).astype(getattr(m, dtype)) if value.dtype == np.float32 else m.array(value)


def for_torch(value: Values, dtype: str) -> Any:
    """An input as a tensor."""
    tensor = torch.from_numpy(value)
    return tensor.to(getattr(torch, dtype)) if value.dtype == np.float32 else tensor


def calls(row: Row, size: int, sides: list[str]) -> dict[str, Callable[[], Any]]:
    """What each side has to call, on inputs of its own that are the same numbers."""
    inputs = row.inputs(np.random.default_rng(0), size)
    result: dict[str, Callable[[], Any]] = {}
    for name, m in MLX.items():
        if name in sides:
            arrays = [for_mlx(m, value, row.dtype) for value in inputs]
            m.eval(arrays)

            def evaluate(m: Any = m, arrays: list[Any] = arrays) -> Any:
                value = row.mlx(m, *arrays)
                m.eval(value)
                return value

            result[name] = evaluate
    if torch and "torch" in sides:
        dtype = row.dtype if row.alike else "bfloat16"
        tensors = [for_torch(value, dtype) for value in inputs]
        result["torch"] = lambda: row.torch(*tensors)
    if row.numpy and "numpy" in sides:
        function = row.numpy
        # The other sides share the memory of these numbers, and some operations write to it.
        copies = [value.copy() for value in inputs]
        result["numpy"] = lambda: function(*copies)
    return result


def answer(do: str, **request: Any) -> Any:
    """The rows there are (``rows``), or the seconds that each side takes (``time``)."""
    if do == "rows":
        return [
            {"name": row.name, "sizes": row.sizes, "order": row.order, "alike": row.alike}
            for row in ROWS.values()
        ]
    row = ROWS[request["row"]]
    before = {side: partial(ours.set_cache_limit, limit) for side, limit in CACHE_LIMITS.items()}
    return least_times(calls(row, request["size"], request["sides"]), request["turns"], before)


def main() -> None:
    """Answer requests."""
    CACHE_LIMITS["ours"] = ours.set_cache_limit(0)
    stock.set_default_device(stock.cpu)
    ours.set_default_device(ours.cpu)
    if torch:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        torch.set_grad_enabled(False)
    serve(answer)


if __name__ == "__main__":
    main()
