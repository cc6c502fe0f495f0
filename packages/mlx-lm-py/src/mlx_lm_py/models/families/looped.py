"""Hidden states that go through the layers more than once."""

from __future__ import annotations

import dataclasses

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import loop_entries
from mlx_lm_py.models.gguf_names import INTERLEAVED, LAYER, GGUFNames
from mlx_lm_py.models.rules import Rename
from mlx_lm_py.models.spec import Decoder

from .common import change_attention, refuse
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


def iquest_loop(c: Config) -> Decoder:
    """IQuest-Coder Loop (https://github.com/IQuestLab/IQuest-Coder-V1): Llama twice.

    The second time a gate is between what a layer attended to the first time, and the latest
    positions.
    """
    refuse(c, loop_num=2)
    window = c("loop_window_size", 64)
    model = llama(Config({"rope_theta": 500000.0, **c.values}))
    layers = (
        change_attention(one, again=window, lends=f"layer {i}")
        for i, one in enumerate(model.layers)
    )
    return dataclasses.replace(model, layers=tuple(layers), loops=2)


_GATES = (Rename("model.gate_projections.*", "model.layers.*.self_attn.loop_gate"),)

ARCHITECTURES = {
    "iquestloopcoder": Architecture(iquest_loop, _GATES),
    "nanbeige": Architecture(nanbeige, gguf=GGUFNames(LAYER, INTERLEAVED, entries=loop_entries)),
}
