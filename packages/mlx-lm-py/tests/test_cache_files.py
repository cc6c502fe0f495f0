"""Caches in files: ours read by mlx-lm, mlx-lm's read here, and files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_lm_py.models import cache as ours

KINDS: list[tuple[str, tuple[int, ...]]] = [
    ("KVCache", ()),
    ("RotatingKVCache", (6, 2)),
    ("QuantizedKVCache", (32, 4)),
    ("ChunkedKVCache", (5,)),
]


def filled(module: Any, xp: Any, kind: str, arguments: tuple[int, ...]) -> Any:
    rng = np.random.default_rng(0)
    cache = getattr(module, kind)(*arguments)
    for length in (4, 1, 1, 3, 1):
        array = rng.standard_normal((1, 2, length, 64), dtype=np.float32)
        cache.update_and_fetch(xp.array(array), xp.array(-array))
    return cache


def goes_on_alike(one: Any, other: Any, their_mx: Any) -> None:
    for length in (1, 3):
        array = np.full((1, 2, length, 64), 0.5, np.float32)
        got = one.update_and_fetch(mx.array(array), mx.array(array))
        expected = other.update_and_fetch(their_mx.array(array), their_mx.array(array))
        for part, their_part in zip(got, expected, strict=True):
            first = part[0] if isinstance(part, tuple) else part
            their_first = their_part if not isinstance(part, tuple) else their_part[0]
            np.testing.assert_array_equal(np.array(first), np.array(their_first))


@pytest.mark.parametrize(("kind", "arguments"), KINDS)
def test_to_and_from_mlx_lm(kind: str, arguments: tuple[int, ...], tmp_path: Path) -> None:
    theirs, their_mx = pytest.importorskip("mlx_lm.models.cache"), pytest.importorskip("mlx.core")
    path = str(tmp_path / "a.safetensors")
    mine, other = filled(ours, mx, kind, arguments), filled(theirs, their_mx, kind, arguments)
    ours.save_prompt_cache(path, [mine, ours.ArraysCache(2)], {"a": "b"})
    read, metadata = theirs.load_prompt_cache(path, return_metadata=True)
    assert metadata == {"a": "b"}
    assert type(read[1]).__name__ == "ArraysCache"
    goes_on_alike(mine, read[0], their_mx)
    theirs.save_prompt_cache(path, [other, theirs.CacheList(theirs.KVCache())], {"c": "d"})
    loaded, metadata = ours.load_prompt_cache(path, return_metadata=True)
    assert (metadata, loaded[1][0].empty()) == ({"c": "d"}, True)
    goes_on_alike(loaded[0], other, their_mx)


def test_of_another_model(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    ours.save_prompt_cache(path, [ours.KVCache()], model="one")
    assert len(ours.load_prompt_cache(path, model="one")) == 1
    with pytest.raises(ValueError, match="another model"):
        ours.load_prompt_cache(path, model="two")


@pytest.mark.parametrize(
    "metadata",
    [
        {"1.0": "Path"},
        {"1.0": "KVCache", "1.1": "KVCache"},
        {"1.0": "RotatingKVCache"},
        {"1.0": "KVCache", "2.1.0": "0.9", "2.1.1": "scalar"},
        {"1.0": "KVCache", "2.1.0": "0.0", "2.1.1": "scalar"},
        {"1.0": "KVCache"},
        {},
    ],
)
def test_files_that_are_no_caches(metadata: dict[str, str], tmp_path: Path) -> None:
    path = str(tmp_path / "a.safetensors")
    arrays = {f"0.{i}": mx.zeros((1, 1, 2, 4)) for i in range(3)}
    mx.save_safetensors(path, arrays, metadata)
    with pytest.raises(ValueError, match="not the cache of a model"):
        ours.load_prompt_cache(path)


def test_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="safetensors"):
        ours.load_prompt_cache(tmp_path / "a.safetensors")
    with pytest.raises(OSError, match="no file"):
        ours.load_prompt_cache(tmp_path / "b.safetensors")
    with pytest.raises(ValueError, match="end in"):
        ours.save_prompt_cache(tmp_path / "a.bin", [])
