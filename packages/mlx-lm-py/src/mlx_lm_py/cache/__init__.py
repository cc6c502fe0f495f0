"""Key-value caches: what attention has seen, kept so that each token is read once."""

from .base import AttentionCache, Cache
from .kv import KVCache
from .lists import CacheList
from .prompt_cache import cache_length, make_prompt_cache, trim_prompt_cache
from .ragged import RaggedCache, ragged_prompt_cache
from .states import StateCache

__all__ = [
    "AttentionCache",
    "Cache",
    "CacheList",
    "KVCache",
    "RaggedCache",
    "StateCache",
    "cache_length",
    "make_prompt_cache",
    "ragged_prompt_cache",
    "trim_prompt_cache",
]


def __dir__() -> list[str]:
    return __all__
