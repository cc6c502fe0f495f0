"""From a prompt to the tokens that follow it, and to their text.

Its names are loaded when they are first asked for: one answer needs nothing of what makes many.
"""

from collections.abc import Callable

from mlx_lm_py._later import names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .batch import BatchResponse, batch_generate
    from .speculative import speculative_generate_step
    from .step import generate_step
    from .stream import GenerationResponse, generate, stream_generate

__all__ = [
    "BatchResponse",
    "GenerationResponse",
    "batch_generate",
    "generate",
    "generate_step",
    "speculative_generate_step",
    "stream_generate",
]


def __dir__() -> list[str]:
    return __all__


__getattr__: Callable[[str], object] = names_of(
    __name__,
    {
        "BatchResponse": "batch",
        "batch_generate": "batch",
        "speculative_generate_step": "speculative",
        "generate_step": "step",
        "GenerationResponse": "stream",
        "generate": "stream",
        "stream_generate": "stream",
    },
)
