"""mflux: blocks of FLUX, whose widths its code fixes, with made-up weights."""

from typing import Any

import mlx.core as mx
import numpy as np
from common import bare_package, fill, run

for name in ("mflux", "mflux.models", "mflux.models.common"):
    bare_package(name)
from mflux.models.flux.model.flux_text_encoder.clip_encoder.clip_text_model import (  # noqa: E402
    CLIPTextModel,
)
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_layer_norm import (  # noqa: E402
    T5LayerNorm,
)
from mflux.models.flux.model.flux_transformer.ada_layer_norm_zero_single import (  # noqa: E402
    AdaLayerNormZeroSingle,
)
from mflux.models.flux.model.flux_transformer.embed_nd import EmbedND  # noqa: E402
from mflux.models.flux.model.flux_transformer.single_block_attention import (  # noqa: E402
    SingleBlockAttention,
)

rng = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return mx.array(rng.standard_normal(shape).astype(np.float32))


def clip() -> dict[str, Any]:
    model = fill(CLIPTextModel(dims=768, num_encoder_layers=1))
    return {"pooled": model(mx.array([[49406, 320, 1125, 49407]]))}


def attention() -> dict[str, Any]:
    places = mx.array(rng.integers(0, 8, (1, 6, 3)))
    turns = EmbedND()(places)
    attend = fill(SingleBlockAttention())
    return {"turns": turns, "states": attend(normal(1, 6, 3072), turns)}


def norms() -> dict[str, Any]:
    states, gate = fill(AdaLayerNormZeroSingle())(normal(1, 4, 3072), normal(1, 3072))
    return {"states": states, "gate": gate, "t5": fill(T5LayerNorm())(normal(1, 4, 4096))}


def decoder() -> dict[str, Any]:
    from mflux.models.flux.model.flux_vae.decoder.conv_in import ConvIn

    return {"image": fill(ConvIn())(normal(1, 16, 4, 4))}


run([("clip", clip), ("attention", attention), ("norms", norms), ("decoder", decoder)])
