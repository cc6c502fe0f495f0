"""Many sequences at once: which tokens the next step reads, and what becomes of them.

This layer knows tokens and no text. Its names are loaded when they are first asked for: a single
sequence needs few of its files.
"""

from collections.abc import Callable

from mlx_lm_py._later import names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .generator import BatchGenerator
    from .responses import BatchStats, PromptResponse, TokenResponse

__all__ = ["BatchGenerator", "BatchStats", "PromptResponse", "TokenResponse"]


def __dir__() -> list[str]:
    return __all__


__getattr__: Callable[[str], object] = names_of(
    __name__,
    {
        "BatchGenerator": "generator",
        "BatchStats": "responses",
        "PromptResponse": "responses",
        "TokenResponse": "responses",
    },
)
