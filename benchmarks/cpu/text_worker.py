"""Generates text with one library: a process of `worker` that is told which one, and the model."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .worker import serve

# Has the library continue tokens by so many, each the most likely one; calls back after each.
Generate = Callable[[list[int], int, Callable[[], None]], object]
# Room for the longest prompt and what follows it.
CONTEXT = 2304


def with_ours(path: str, threads: int) -> Generate:
    """This repository's library; it takes the number of threads from the environment."""
    import mlx_core_py as mx
    from mlx_lm_py import generate_step, load

    mx.set_default_device(mx.cpu)
    model, _ = load(path)

    def generate(prompt: list[int], count: int, tell: Callable[[], None]) -> None:
        for _ in generate_step(prompt, model, max_tokens=count):
            tell()

    return generate


def with_llama(path: str, threads: int) -> Generate:
    """llama.cpp, by its C interface: nothing of Python is between it and the figures."""
    import llama_cpp
    import numpy as np

    llama = llama_cpp.Llama(
        path, n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    context, vocabulary = llama._ctx.ctx, llama.n_vocab()

    def decode(tokens: list[int]) -> int:
        batch = (llama_cpp.llama_token * len(tokens))(*tokens)
        for start in range(0, len(tokens), llama.n_batch):
            piece = batch[start : start + llama.n_batch]
            piece = (llama_cpp.llama_token * len(piece))(*piece)
            if llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(piece, len(piece))):
                raise RuntimeError("llama_decode failed")
        logits = llama_cpp.llama_get_logits_ith(context, -1)
        return int(np.ctypeslib.as_array(logits, (vocabulary,)).argmax())

    def generate(prompt: list[int], count: int, tell: Callable[[], None]) -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        token = decode(prompt)
        tell()
        for _ in range(count - 1):
            token = decode([token])
            tell()

    return generate


def with_openvino(path: str, threads: int) -> Generate:
    """OpenVINO's generator."""
    import numpy as np
    import openvino
    import openvino_genai

    pipeline = openvino_genai.LLMPipeline(path, "CPU", INFERENCE_NUM_THREADS=threads)

    class Streamer(openvino_genai.StreamerBase):  # type: ignore[misc]
        def __init__(self, tell: Callable[[], None]) -> None:
            super().__init__()
            self.tell = tell

        def write(self, tokens: object) -> object:
            self.tell()
            return openvino_genai.StreamingStatus.RUNNING

        def end(self) -> None:
            pass

    def generate(prompt: list[int], count: int, tell: Callable[[], None]) -> None:
        tokens = np.array([prompt])
        inputs = openvino_genai.TokenizedInputs(
            openvino.Tensor(tokens), openvino.Tensor(np.ones_like(tokens))
        )
        config = openvino_genai.GenerationConfig(
            max_new_tokens=count, ignore_eos=True, do_sample=False
        )
        pipeline.generate(inputs, config, Streamer(tell))

    return generate


LIBRARIES = {"ours": with_ours, "llama": with_llama, "openvino": with_openvino}


def peak_memory() -> int:
    """The most physical memory that this process ever had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def main(library: str, path: str) -> None:
    """Answer requests."""
    generate = LIBRARIES[library](path, int(os.environ["OMP_NUM_THREADS"]))

    def answer(prompt: list[int], count: int) -> dict[str, Any]:
        """When each token was there, in seconds from the start, and the memory used so far."""
        times: list[float] = []
        start = time.perf_counter()
        generate(prompt, count, lambda: times.append(time.perf_counter() - start))
        return {"times": times, "memory": peak_memory()}

    serve(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
