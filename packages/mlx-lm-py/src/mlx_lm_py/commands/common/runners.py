"""What a benchmark times: the reading of a prompt and the writing of tokens, here and elsewhere."""

from __future__ import annotations

import importlib.util
import multiprocessing
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import mlx_core_py as mx

from mlx_lm_py.cache import make_prompt_cache
from mlx_lm_py.engine import BatchGenerator

from .opening import prefill_step_size

if TYPE_CHECKING:
    from mlx_lm_py.models.protocols import LanguageModel

__all__ = ["LlamaCpp", "Ours", "Runner", "concurrent_seconds"]


def __dir__() -> list[str]:
    return __all__


class Runner(Protocol):
    """A library with a model.

    Attributes:
        backend: What it computes with, for the table.
    """

    backend: str

    def seconds(self, kind: str, length: int, batch: int) -> float:
        """How long it takes to read prompts (``"pp"``) or write (``"tg"``) so many tokens."""
        ...


def _tokens(length: int, batch: int, vocab_size: int) -> list[list[int]]:
    generator = random.Random(0)
    return [[generator.randrange(vocab_size) for _ in range(length)] for _ in range(batch)]


class Ours:
    """This library.

    Args:
        model: The model.

    Attributes:
        backend: ``"CPU"``, or the GPU.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        device = mx.default_device()
        name = mx.device_info(device).get("device_name", "GPU")
        self.backend: str = "MLX CPU" if device == mx.cpu else f"MLX {name}"

    def seconds(self, kind: str, length: int, batch: int) -> float:
        """Take the time of a test.

        Args:
            kind: ``"pp"`` or ``"tg"``.
            length: The number of tokens.
            batch: How many sequences at once.

        Returns:
            The time.
        """
        return _timed(self._read if kind == "pp" else self._write, length, batch)

    def _read(self, length: int, batch: int) -> None:
        tokens = mx.array(_tokens(length, batch, self._model.args.vocab_size))
        cache = make_prompt_cache(self._model)
        step = prefill_step_size()
        for start in range(0, length, step):
            logits = self._model(tokens[:, start : start + step], cache=cache, last_only=True)
            mx.eval(logits, [layer.state for layer in cache])

    def _write(self, length: int, batch: int) -> None:
        token = mx.array(_tokens(1, batch, self._model.args.vocab_size))
        cache = make_prompt_cache(self._model)
        for _ in range(length):
            following = mx.argmax(self._model(token, cache=cache)[:, -1:], axis=-1)
            mx.async_eval(following)
            # As in generation, a step is given out while the one before is under way.
            mx.eval(token)
            token = following
        mx.eval(token)


def concurrent_seconds(model: LanguageModel, prompt: int, count: int, requests: int) -> float:
    """Take the time of requests that come at once, as a server answers them.

    Args:
        model: The model.
        prompt: The number of tokens of each prompt.
        count: How many tokens each is answered.
        requests: How many there are.

    Returns:
        The time until the last one has its answer.
    """
    prompts = _tokens(prompt, requests, model.args.vocab_size)
    start = time.perf_counter()
    with BatchGenerator(model, max_tokens=count, completion_batch_size=requests) as generator:
        generator.insert(prompts)
        while responses := generator.next_generated():
            for response in responses:
                if response.error is not None:
                    raise response.error
    return time.perf_counter() - start


class LlamaCpp:
    """llama.cpp in a process of its own, whose waiting threads disturb nobody.

    Args:
        path: A GGUF file.
        threads: The number of threads.
        context: The longest test.

    Raises:
        ImportError: If its package is not installed.
        RuntimeError: If it cannot read the model.

    Attributes:
        backend: ``"llama.cpp"``.
    """

    def __init__(self, path: Path, threads: int, context: int) -> None:
        if importlib.util.find_spec("llama_cpp") is None:
            raise ImportError("llama_cpp")
        self.backend: str = "llama.cpp"
        processes = multiprocessing.get_context("spawn")
        self._pipe, theirs = processes.Pipe()
        self._process = processes.Process(
            target=_serve_llama, args=(theirs, str(path), threads, context), daemon=True
        )
        self._process.start()
        theirs.close()

    def seconds(self, kind: str, length: int, batch: int) -> float:
        """Take the time of a test.

        Args:
            kind: ``"pp"`` or ``"tg"``.
            length: The number of tokens.
            batch: 1.

        Returns:
            The time.

        Raises:
            RuntimeError: If llama.cpp fails.
        """
        self._pipe.send((kind, length))
        try:
            taken: float = self._pipe.recv()
        except EOFError:
            raise RuntimeError("llama.cpp cannot run this model") from None
        return taken


def _serve_llama(pipe: Connection, path: str, threads: int, context: int) -> None:
    llama = _Llama(path, threads, context)
    while True:
        try:
            kind, length = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        pipe.send(_timed(llama.read if kind == "pp" else llama.write, length))


def _timed(function: Callable[..., None], *arguments: int) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


class _Llama:
    """llama.cpp by its C interface, so that nothing of Python is in the figures."""

    def __init__(self, path: str, threads: int, context: int) -> None:
        import llama_cpp

        self._library: Any = llama_cpp
        self._llama: Any = llama_cpp.Llama(
            path,
            n_ctx=context,
            n_threads=threads,
            n_threads_batch=threads,
            n_gpu_layers=0,
            verbose=False,
        )

    def _clear(self) -> None:
        memory = self._library.llama_get_memory(self._llama._ctx.ctx)
        self._library.llama_memory_clear(memory, True)

    def _decode(self, tokens: list[int]) -> None:
        library = self._library
        for start in range(0, len(tokens), self._llama.n_batch):
            piece = tokens[start : start + self._llama.n_batch]
            array = (library.llama_token * len(piece))(*piece)
            batch = library.llama_batch_get_one(array, len(piece))
            if library.llama_decode(self._llama._ctx.ctx, batch):
                raise RuntimeError("llama.cpp could not decode")
        # It may have given out work that is not done yet.
        library.llama_synchronize(self._llama._ctx.ctx)

    def read(self, length: int) -> None:
        self._clear()
        self._decode(_tokens(length, 1, self._llama.n_vocab())[0])

    def write(self, length: int) -> None:
        self._clear()
        for token in _tokens(length, 1, self._llama.n_vocab())[0]:
            self._decode([token])
