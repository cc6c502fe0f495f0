"""Generates with one library: a process that is told which one, and the model."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from cpu.worker import serve

# Room for the longest prompt and what follows it, and for the most sequences at once.
CONTEXT, SEQUENCES = 2304, 16
# Most tokens of prompts at a time, of all sides.
BATCH = 512


class Library(Protocol):
    """What each side does."""

    def together(self, prompts: list[list[int]], count: int) -> int:
        """Continue all prompts by ``count`` tokens, at once; return how many tokens that were."""
        ...

    def alone(self, prompt: list[int], count: int, tell: Callable[[], None]) -> None:
        """Continue a prompt, from what was read of it before; call back after each token."""
        ...


class Ours:
    """This repository's library; it takes the number of threads from the environment."""

    def __init__(self, path: str, threads: int) -> None:
        import mlx_core_py as mx
        from mlx_lm_py import load
        from mlx_lm_py.cache import PrefixCache

        mx.set_default_device(mx.cpu)
        self.model, self.tokenizer = load(path)
        self.prefix_cache = PrefixCache()

    def together(self, prompts: list[list[int]], count: int) -> int:
        from mlx_lm_py.engine import BatchGenerator

        generated = 0
        with BatchGenerator(
            self.model, max_tokens=count, completion_batch_size=32, prefill_batch_size=16
        ) as generator:
            generator.insert(prompts)
            while responses := generator.next_generated():
                generated += len(responses)
        return generated

    def alone(self, prompt: list[int], count: int, tell: Callable[[], None]) -> None:
        from mlx_lm_py import generate_step

        for _ in generate_step(
            prompt, self.model, max_tokens=count, prefix_cache=self.prefix_cache
        ):
            tell()

    def stream(self, text: str, count: int, tell: Callable[[], None], **options: Any) -> int:
        """Answer a text; return how many tokens had been guessed."""
        from mlx_lm_py import stream_generate

        prompt: Any = text
        if "response_format" in options:
            messages = [{"role": "user", "content": text}]
            prompt = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True)
        guessed = 0
        for response in stream_generate(
            self.model, self.tokenizer, prompt, max_tokens=count, **options
        ):
            tell()
            guessed += response.from_draft
        return guessed


class Llama:
    """llama.cpp, by its C interface: nothing of Python is between it and the figures."""

    def __init__(self, path: str, threads: int) -> None:
        import llama_cpp

        self.lib = llama_cpp
        llama_cpp.llama_backend_init()
        # What it tells of a model is no figure.
        self.log = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self.log, None)
        self.model = llama_cpp.llama_model_load_from_file(
            path.encode(), llama_cpp.llama_model_default_params()
        )
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = max(CONTEXT, SEQUENCES * 272)
        parameters.n_batch = parameters.n_ubatch = BATCH
        parameters.n_seq_max = SEQUENCES
        parameters.kv_unified = True
        parameters.n_threads = parameters.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, parameters)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(
            llama_cpp.llama_model_get_vocab(self.model)
        )
        self.batch = llama_cpp.llama_batch_init(BATCH, 0, 1)
        self.read: list[int] = []

    def _memory(self) -> Any:
        return self.lib.llama_get_memory(self.context)

    def decode(self, rows: list[tuple[int, int, int, bool]]) -> list[int]:
        """Read tokens, given with position and sequence; the next one where it is asked for."""
        import numpy as np

        batch = self.batch
        batch.n_tokens = len(rows)
        for i, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, position, 1
            batch.seq_id[i][0], batch.logits[i] = sequence, wanted
        if self.lib.llama_decode(self.context, batch):
            raise RuntimeError("llama_decode failed")
        found = []
        for i, row in enumerate(rows):
            if row[3]:
                logits = self.lib.llama_get_logits_ith(self.context, i)
                found.append(int(np.ctypeslib.as_array(logits, (self.vocabulary,)).argmax()))
        return found

    def together(self, prompts: list[list[int]], count: int) -> int:
        self.lib.llama_memory_clear(self._memory(), True)
        self.read = []
        rows = [
            (token, i, sequence, i + 1 == len(prompt))
            for sequence, prompt in enumerate(prompts)
            for i, token in enumerate(prompt)
        ]
        latest: list[int] = []
        for start in range(0, len(rows), BATCH):
            latest += self.decode(rows[start : start + BATCH])
        for step in range(count - 1):
            latest = self.decode(
                [
                    (token, len(prompt) + step, sequence, True)
                    for sequence, (token, prompt) in enumerate(zip(latest, prompts, strict=True))
                ]
            )
        return count * len(prompts)

    def alone(self, prompt: list[int], count: int, tell: Callable[[], None]) -> None:
        same = 0
        while same < min(len(self.read), len(prompt) - 1) and self.read[same] == prompt[same]:
            same += 1
        self.lib.llama_memory_seq_rm(self._memory(), -1, same, -1)
        self.read = list(prompt)
        rest = [(token, same + i, 0, False) for i, token in enumerate(prompt[same:])]
        rest[-1] = (*rest[-1][:3], True)
        latest: list[int] = []
        for start in range(0, len(rest), BATCH):
            latest = self.decode(rest[start : start + BATCH])
        tell()
        for _ in range(count - 1):
            rows = [(latest[0], len(self.read), 0, True)]
            self.read += latest
            latest = self.decode(rows)
            tell()


class OpenVINO:
    """OpenVINO's continuous batching."""

    def __init__(self, path: str, threads: int) -> None:
        import openvino_genai

        self.lib = openvino_genai
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = 2
        scheduler.max_num_batched_tokens = BATCH
        scheduler.enable_prefix_caching = True
        self.pipeline = openvino_genai.ContinuousBatchingPipeline(
            path, scheduler, "CPU", {"INFERENCE_NUM_THREADS": threads}
        )
        self.requests = 0

    def _add(self, prompt: list[int], count: int) -> Any:
        import numpy as np
        import openvino

        config = self.lib.GenerationConfig(max_new_tokens=count, ignore_eos=True, do_sample=False)
        self.requests += 1
        tokens = openvino.Tensor(np.array([prompt], np.int64))
        return self.pipeline.add_request(self.requests, tokens, config)

    def together(self, prompts: list[list[int]], count: int) -> int:
        handles = [self._add(prompt, count) for prompt in prompts]
        while self.pipeline.has_non_finished_requests():
            self.pipeline.step()
        return sum(len(output.generated_ids) for handle in handles for output in handle.read_all())

    def alone(self, prompt: list[int], count: int, tell: Callable[[], None]) -> None:
        handle = self._add(prompt, count)
        while self.pipeline.has_non_finished_requests():
            self.pipeline.step()
            while handle.can_read():
                handle.read()
                tell()


LIBRARIES: dict[str, Callable[[str, int], Library]] = {
    "ours": Ours,
    "llama": Llama,
    "openvino": OpenVINO,
}


def main(name: str, path: str) -> None:
    """Answer requests."""
    library = LIBRARIES[name](path, int(os.environ["OMP_NUM_THREADS"]))

    def answer(task: str, **request: Any) -> dict[str, Any]:
        """When tokens were there, in seconds from the start, or how many of them at the end."""
        times: list[float] = []
        start = time.perf_counter()

        def tell() -> None:
            times.append(time.perf_counter() - start)

        if task == "together":
            count = library.together(**request)
            return {"seconds": time.perf_counter() - start, "tokens": count}
        if task == "alone":
            library.alone(tell=tell, **request)
            return {"times": times}
        assert isinstance(library, Ours)
        guessed = library.stream(tell=tell, **request)
        return {"times": times, "guessed": guessed}

    serve(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
