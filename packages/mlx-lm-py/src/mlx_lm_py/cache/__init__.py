"""Key-value caches: what attention has seen, kept so that each token is read once."""

from .base import AttentionCache, Cache
from .chunked import ChunkedKVCache
from .files import load_prompt_cache, save_prompt_cache
from .kv import KVCache
from .lease import Lease
from .lists import CacheList
from .prefix import PrefixCache
from .prompt_cache import (
    cache_length,
    can_trim_prompt_cache,
    make_prompt_cache,
    quantize_prompt_cache,
    trim_prompt_cache,
)
from .quantized import QuantizedKVCache
from .ragged import RaggedCache, ragged_prompt_cache
from .rotating import QuantizedRotatingKVCache, RotatingKVCache
from .states import ArraysCache, StateCache

__all__ = [
    "ArraysCache",
    "AttentionCache",
    "Cache",
    "CacheList",
    "ChunkedKVCache",
    "KVCache",
    "Lease",
    "PrefixCache",
    "QuantizedKVCache",
    "QuantizedRotatingKVCache",
    "RaggedCache",
    "RotatingKVCache",
    "StateCache",
    "cache_length",
    "can_trim_prompt_cache",
    "load_prompt_cache",
    "make_prompt_cache",
    "quantize_prompt_cache",
    "ragged_prompt_cache",
    "save_prompt_cache",
    "trim_prompt_cache",
]


def __dir__() -> list[str]:
    return __all__
