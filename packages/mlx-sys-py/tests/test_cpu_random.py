"""Random numbers against the definition of their generator and against stock MLX."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from c_functions import LIBRARY, STRUCTS
from cpu_arrays import Values, check_same, on_cpu, seeds, stock
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level
from mlx_sys_py import random, transforms

pytestmark = at_every_level


def threefry(key: Values, x: Values, y: Values) -> tuple[Values, Values]:
    """Threefry-2x32 with 20 rounds, as its authors define it."""
    keys = [*key, key[0] ^ key[1] ^ np.uint32(0x1BD11BDA)]
    x, y = x + keys[0], y + keys[1]
    for group in range(5):
        for bits in ([13, 15, 26, 6], [17, 29, 16, 24])[group % 2]:
            x = x + y
            y = (y << np.uint32(bits) | y >> np.uint32(32 - bits)) ^ x
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x, y


def expected_bits(key: Values, size: int) -> bytes:
    count = (size + 3) // 4
    half = (count + 1) // 2
    x = np.arange(half, dtype=np.uint32)
    y = np.where(x + half < count, x + half, 0).astype(np.uint32)
    return np.concatenate(threefry(key, x, y)).tobytes()[:size]


def bits(shape: list[int], width: int, key: list[int]) -> bytes:
    """What `mlx_random_bits` of the C library gives, for which there is no Python function."""
    words = (ctypes.c_uint32 * 2)(*key)
    LIBRARY.mlx_array_new_data.restype = STRUCTS["mlx_array"]
    uint32 = 3
    key_handle = LIBRARY.mlx_array_new_data(words, (ctypes.c_int * 1)(2), 1, uint32)
    result = STRUCTS["mlx_array"]()
    dims = (ctypes.c_int * len(shape))(*shape)
    stream = STRUCTS["mlx_stream"]()
    length = ctypes.c_size_t(len(shape))
    assert not LIBRARY.mlx_random_bits(
        ctypes.byref(result), dims, length, width, key_handle, stream
    )
    assert not LIBRARY.mlx_array_eval(result)
    LIBRARY.mlx_array_data_uint8.restype = ctypes.c_void_p
    LIBRARY.mlx_array_nbytes.restype = ctypes.c_size_t
    size = LIBRARY.mlx_array_nbytes(result)
    data = ctypes.string_at(LIBRARY.mlx_array_data_uint8(result), size)
    for handle in (key_handle, result):
        LIBRARY.mlx_array_free(handle)
    return data


@settings(max_examples=150, deadline=None)
@given(
    key=st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=2),
    shape=st.lists(st.integers(0, 9), max_size=3) | st.sampled_from([[77_777], [3, 40_001]]),
    width=st.sampled_from([1, 2, 4]),
)
def test_bits(key: list[int], shape: list[int], width: int) -> None:
    size = width * int(np.prod(shape))
    assert bits(shape, width, key) == expected_bits(np.array(key, np.uint32), size)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, keys=st.sampled_from([1, 3, 50]), count=st.sampled_from([1, 2, 5, 1000]))
def test_several_keys(seed: int, keys: int, count: int) -> None:
    ours = random.split(random.key(seed), keys)
    theirs = on_cpu(lambda: stock.random.split(stock.random.key(seed), keys))
    check_same(ours, theirs)
    traced = transforms.vmap_trace(
        lambda rows: [random.uniform(shape=[count], key=rows[0])], [ours], [0]
    )
    (result,) = transforms.vmap_replace([ours], *traced, [0], [0])
    draw = stock.vmap(lambda row: stock.random.uniform(shape=[count], key=row))
    check_same(result, on_cpu(draw, theirs))


@pytest.mark.parametrize("name", ["uniform", "normal", "gumbel", "laplace"])
def test_distributions(name: str) -> None:
    ours = getattr(random, name)(shape=(300, 7), key=random.key(3))
    theirs = on_cpu(lambda: getattr(stock.random, name)(shape=(300, 7), key=stock.random.key(3)))
    np.testing.assert_allclose(np.array(ours), np.array(theirs), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(), (1,), (2,), (5,), (0, 3), (1024,), (300, 7), (3, 40_001)])
def test_normal_is_the_same_in_one_step(shape: tuple[int, ...]) -> None:
    # With a mean, it is a graph of MLX.
    keys = [random.key(3), None, None]
    random.seed(3)
    one_step = [np.array(random.normal(shape, key=key)) for key in keys]
    random.seed(3)
    several = [np.array(random.normal(shape, loc=0, key=key)) for key in keys]
    np.testing.assert_array_equal(one_step, several)
    theirs = on_cpu(lambda: stock.random.normal(shape, key=stock.random.key(3)))
    np.testing.assert_allclose(one_step[0], theirs, rtol=2e-5, atol=1e-6)


def test_normal_of_several_keys() -> None:
    keys = random.split(random.key(3), 5)
    traced = transforms.vmap_trace(lambda rows: [random.normal([700], key=rows[0])], [keys], [0])
    (result,) = transforms.vmap_replace([keys], *traced, [0], [0])
    for key, row in zip(keys, result, strict=True):
        np.testing.assert_array_equal(np.array(row), np.array(random.normal([700], key=key)))


def test_normal_refuses_what_is_no_key() -> None:
    with pytest.raises(ValueError, match="key"):
        random.normal([2], key=random.split(random.key(3), 2))


@pytest.mark.parametrize("shape", [(5,), (300, 7)])
def test_integers(shape: tuple[int, ...]) -> None:
    ours = random.randint(-5, 1000, shape, key=random.key(3))
    theirs = on_cpu(lambda: stock.random.randint(-5, 1000, shape, key=stock.random.key(3)))
    check_same(ours, theirs)
    truths = random.bernoulli(0.3, shape, key=random.key(3))
    check_same(truths, on_cpu(lambda: stock.random.bernoulli(0.3, shape, key=stock.random.key(3))))
