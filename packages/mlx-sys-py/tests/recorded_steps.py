"""What tests of recorded steps share: steps long enough to be kept, and their comparison."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from mlx_sys_py import array, cpu_kernels, fast, float16, graph, ops, transforms

Step = Callable[[list[array], int], list[array]]

# As wide as a group of quantized weights; heads of 16.
WIDTH, HEADS = 64, 4


@contextlib.contextmanager
def activations_of(bits: int) -> Iterator[None]:
    """Products with quantized weights round their rows to so many bits."""
    before = cpu_kernels.get_activation_bits()
    cpu_kernels.set_activation_bits(bits)
    yield
    cpu_kernels.set_activation_bits(before)


def are_kept(arrays: Sequence[array]) -> bool:
    """Whether arrays that are not evaluated yet are results of steps whose tasks are kept."""
    text = io.StringIO()
    graph.export_to_dot(text, list(arrays))
    return "Repetition" in text.getvalue()


def assert_same(got: Sequence[array], expected: Sequence[array]) -> None:
    """Compare to the last bit."""
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(np.array(a), np.array(b))


def weights(rng: np.random.Generator, bits: int = 4) -> list[array]:
    """A square matrix, quantized."""
    matrix = array((rng.normal(size=(WIDTH, WIDTH)) * 0.1).astype(np.float16))
    packed = list(ops.quantize(matrix, 32, bits))
    transforms.eval(packed)
    return packed


def product(x: array, packed: list[array], bits: int = 4) -> array:
    """Of rows with a quantized matrix."""
    w, scales, biases = packed
    return ops.quantized_matmul(x, w, scales, biases, transpose=True, group_size=32, bits=bits)


def decoder(layers: int, bits: int) -> Step:
    """A step of a language model: a vector, and a cache of keys and values for each layer."""
    rng = np.random.default_rng(0)
    matrices = [[weights(rng, bits) for _ in range(5)] for _ in range(layers)]
    scale = array(np.ones(WIDTH, np.float16))

    def heads(x: array) -> array:
        return ops.transpose(ops.reshape(x, (1, 1, HEADS, -1)), [0, 2, 1, 3])

    def turned(x: array, i: int) -> array:
        return fast.rope(heads(x), 16, traditional=False, base=1e4, scale=1.0, offset=i)

    def step(inputs: list[array], i: int) -> list[array]:
        x, *caches = inputs
        held = []
        for layer, (q, k, v, out, up) in enumerate(matrices):
            rows = fast.rms_norm(x, scale, 1e-5)
            queries, new_keys = (turned(product(rows, w, bits), i) for w in (q, k))
            # The function may write into its inputs.
            keys, values = (cache[...] for cache in caches[2 * layer : 2 * layer + 2])
            keys[:, :, i : i + 1] = new_keys
            values[:, :, i : i + 1] = heads(product(rows, v, bits))
            held += [keys, values]
            seen = fast.scaled_dot_product_attention(
                queries, keys[:, :, : i + 1], values[:, :, : i + 1], scale=0.25
            )
            joined = ops.reshape(ops.transpose(seen, [0, 2, 1, 3]), (1, 1, -1))
            x = x + product(joined, out, bits)
            wide = product(fast.rms_norm(x, scale, 1e-5), up, bits)
            x = x + wide * ops.sigmoid(wide)
        # A view of what a product has computed.
        return [ops.reshape(product(x, matrices[0][0], bits), (-1,)), *held]

    return step


def vector(i: int) -> array:
    """An input of the step `i`."""
    rng = np.random.default_rng(i)
    return array(rng.normal(size=(1, 1, WIDTH)).astype(np.float16))


def caches(layers: int, length: int) -> list[array]:
    """Empty ones."""
    return [ops.zeros((1, HEADS, length, WIDTH // HEADS), dtype=float16) for _ in range(2 * layers)]


def record(
    step: Step, inputs: Sequence[array], calls: int, begin: int = 1
) -> Callable[..., list[array]]:
    """The step, recorded from `begin` on, for so many calls."""
    recorded = transforms.record_steps(lambda x, i: step(x, begin + i), list(inputs), lambda: calls)
    return lambda x: list(recorded(x))
