"""The caches, under the name that mlx-lm has for them."""

from mlx_lm_py.cache import KVCache, make_prompt_cache, trim_prompt_cache

__all__ = ["KVCache", "make_prompt_cache", "trim_prompt_cache"]


def __dir__() -> list[str]:
    return __all__
