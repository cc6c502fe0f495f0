"""Hidden states that go through the layers more than once."""

from __future__ import annotations

import dataclasses

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.spec import Decoder

from .common import refuse
from .llama import llama

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def nanbeige(c: Config) -> Decoder:
    """Nanbeige (https://huggingface.co/Nanbeige): Llama, all of whose layers are used again."""
    refuse(c, enable_double_loop_split=False, loop_share_kv=False, enable_depth_attention=False)
    weights: list[float] = c("loop_loss_weights", [])
    return dataclasses.replace(
        llama(c),
        loops=len(weights) + 1 if weights else c("num_loops", 1),
        loop_norm=not c("skip_loop_final_norm", False),
    )


ARCHITECTURES = {"nanbeige": Architecture(nanbeige)}
