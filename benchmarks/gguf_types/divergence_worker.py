"""Predicts with one library in one way: a process of `cpu.worker`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from cpu.worker import serve

PIECE, FEW = 512, 8


def with_ours(path: str, way: str) -> Callable[[list[int]], Any]:
    """This repository's library: rows rounded to 8 bits, exact ones, or all in float32."""
    import mlx_core_py as mx
    from mlx_lm_py import load
    from mlx_lm_py.cache import make_prompt_cache
    from mlx_sys_py.cpu_kernels import set_activation_bits

    mx.set_default_device(mx.cpu)
    set_activation_bits(8 if way.startswith("8 bits") else 16)
    model, _ = load(path, dtype=mx.float32 if way == "float32" else None)
    # Other kernels multiply few rows.
    rows = FEW if way.endswith("rows") else PIECE

    def predict(tokens: list[int]) -> Any:
        cache = make_prompt_cache(model)
        parts = []
        for start in range(0, len(tokens), rows):
            logits = model(mx.array([tokens[start : start + rows]]), cache=cache)[0]
            parts.append(np.array(logits.astype(mx.float32)))
        return np.concatenate(parts)

    return predict


def with_llama(path: str) -> Callable[[list[int]], Any]:
    from .llama import Llama

    return Llama(path, int(os.environ["OMP_NUM_THREADS"]), PIECE).predict


def main(way: str, path: str) -> None:
    """Answer requests."""
    predict = with_llama(path) if way == "llama.cpp" else with_ours(path, way)

    def answer(tokens: list[int], out: str) -> None:
        """Keep the logarithms of probabilities after each token in a file."""
        logits = predict(tokens)
        logits = logits - logits.max(-1, keepdims=True)
        # Doubles where small numbers are many; the rest of them would take longer than predicting.
        logits -= np.log(np.exp(logits).sum(-1, keepdims=True, dtype=np.float64))
        np.save(out, logits)

    serve(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
