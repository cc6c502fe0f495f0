"""einops: its functions and layers on arrays."""

from typing import Any

import einops
import mlx.core as mx
import numpy as np
from common import run

x = mx.array(np.random.default_rng(0).standard_normal((2, 6, 4)).astype(np.float32))


def rearranged() -> dict[str, Any]:
    return {
        "split": einops.rearrange(x, "b (h w) c -> b c h w", h=2),
        "merged": einops.rearrange([x, x + 1], "n b s c -> b (n s) c"),
        "packed": einops.pack([x, x[:, 0]], "b * c")[0],
    }


def reduced() -> dict[str, Any]:
    return {
        name: einops.reduce(x, "b (h w) c -> b h c", name, w=3)
        for name in ("mean", "sum", "max", "min", "prod")
    }


def multiplied() -> dict[str, Any]:
    return {"product": einops.einsum(x, x, "b i c, b j c -> b i j")}


def differentiated() -> dict[str, Any]:
    return {
        "gradient": mx.grad(lambda x: mx.sum(einops.rearrange(x, "b s c -> s (b c)")[1] ** 2))(x),
        "mapped": mx.vmap(lambda x: einops.reduce(x, "s c -> c", "sum"))(x),
    }


run(
    [
        ("rearrange", rearranged),
        ("reduce", reduced),
        ("einsum", multiplied),
        ("transforms", differentiated),
    ]
)
