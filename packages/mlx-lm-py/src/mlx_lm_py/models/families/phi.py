"""Phi: https://arxiv.org/abs/2309.05463, https://arxiv.org/abs/2404.14219."""

from __future__ import annotations

from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf_names import FUSED, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule, Split
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Norm

from .common import decoder, plain

__all__ = ["ARCHITECTURES", "fused_mlp"]


def __dir__() -> list[str]:
    return __all__


def phi3(c: Config) -> Decoder:
    """Projections fused in the checkpoint; factors for each wavelength, short and long."""
    layer = plain(
        c,
        norm=c.norm(default=1e-5),
        window=c("sliding_window", 0) if "sliding_window" in c else None,
    )
    return decoder(c, layer)


def phi(c: Config) -> Decoder:
    """Both parts on one norm, side by side; biases everywhere."""
    norm = Norm(c("layer_norm_eps", 1e-5), kind="layer", bias=True)
    if c("qk_layernorm", False):
        raise ValueError("'qk_layernorm' in the configuration is not supported")
    mixer = c.attention(c.rope(0.5), qkv_bias=True, out_bias=True)
    mlp = Mlp(c.hidden, c.act("gelu_new"), gated=False, bias=True)
    return decoder(c, Layer(mixer, mlp, norm, order="parallel"), head_bias=True)


def fused_mlp(c: Config) -> Split:
    """The two halves of a gated layer in one weight.

    Args:
        c: The configuration.

    Returns:
        The rule.
    """
    mlp = "model.layers.*.mlp."
    return Split(f"{mlp}gate_up_proj", (f"{mlp}gate_proj", f"{mlp}up_proj"), (c.hidden, c.hidden))


def _fused(c: Config) -> Sequence[Rule]:
    """Queries, keys and values in one weight too."""
    attention = "model.layers.*.self_attn."
    rows = (c.heads * c.head_dim, c.kv_heads * c.head_dim, c.kv_heads * c.head_dim)
    names = tuple(f"{attention}{name}_proj" for name in "qkv")
    return Split(f"{attention}qkv_proj", names, rows), fused_mlp(c)


_PHI = (
    Rename("model.layers.*.self_attn.dense", "model.layers.*.self_attn.o_proj"),
    Rename("model.layers.*.mlp.fc1", "model.layers.*.mlp.up_proj"),
    Rename("model.layers.*.mlp.fc2", "model.layers.*.mlp.down_proj"),
    Rename("model.final_layernorm", "model.norm"),
)


ARCHITECTURES = {
    "phi": Architecture(phi, _PHI, gguf=GGUFNames()),
    "phi3": Architecture(phi3, _fused, gguf=GGUFNames(FUSED)),
}
