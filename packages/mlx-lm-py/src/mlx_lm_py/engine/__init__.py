"""Many sequences at once: which tokens the next step reads, and what becomes of them.

This layer knows tokens and no text.
"""

from .generator import BatchGenerator
from .responses import BatchStats, PromptResponse, TokenResponse

__all__ = ["BatchGenerator", "BatchStats", "PromptResponse", "TokenResponse"]


def __dir__() -> list[str]:
    return __all__
