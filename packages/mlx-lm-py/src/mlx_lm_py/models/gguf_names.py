"""What GGUF files call the weights of a model, and in which order they keep the rows of some.

The names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#standardized-tensor-names
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["EXPERTS", "FUSED", "LAYER", "POST_NORMS", "QK_NORM", "SANDWICH", "GGUFNames"]


def __dir__() -> list[str]:
    return __all__


_OUTSIDE = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}

LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""The usual weights of a layer."""

FUSED = {
    "attn_norm": "input_layernorm",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_up": "mlp.gate_up_proj",
    "ffn_down": "mlp.down_proj",
}
"""Those of a layer whose projections are fused."""

POST_NORMS = {
    "post_attention_norm": "post_attention_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
"""Norms after each part of a layer alone."""

SANDWICH = POST_NORMS | {"ffn_norm": "pre_feedforward_layernorm"}
"""Norms before and after each part."""

EXPERTS = {
    "ffn_gate_inp": "mlp.gate",
    "ffn_gate_exps": "mlp.switch_mlp.gate_proj",
    "ffn_up_exps": "mlp.switch_mlp.up_proj",
    "ffn_down_exps": "mlp.switch_mlp.down_proj",
}
"""Experts and their router."""

QK_NORM = {
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
}
"""Norms of queries and keys."""


@dataclass(frozen=True)
class GGUFNames:
    """The weights of an architecture in GGUF files.

    Attributes:
        layer: The name of a weight after ``blk.N.``, and the one after ``model.layers.N.``.
        interleaved: Those of them that llama.cpp reorders, so that the rows of a head that rotate
            together are side by side, and the entry of the configuration that counts their heads.
        norms_hold_one: Whether llama.cpp has added the one that the checkpoint's norms are short
            of.
        exceeds_float16: Whether what the model computes is beyond the range of float16, whatever
            its files hold.

    Example:
        >>> GGUFNames().hf_name("blk.3.ffn_down.scales")
        'model.layers.3.mlp.down_proj.scales'
    """

    layer: Mapping[str, str] = field(default_factory=lambda: LAYER)
    interleaved: Mapping[str, str] = field(default_factory=dict)
    norms_hold_one: bool = False
    exceeds_float16: bool = False

    def hf_name(self, name: str) -> str:
        """Translate the name of a weight from GGUF to Hugging Face.

        Args:
            name: As in ``blk.0.attn_q.weight``.

        Returns:
            As in ``model.layers.0.self_attn.q_proj.weight``.

        Raises:
            ValueError: If the architecture has no such weight.
        """
        stem, _, kind = name.rpartition(".")
        if stem in _OUTSIDE:
            return f"{_OUTSIDE[stem]}.{kind}"
        match stem.split("."):
            case ["blk", number, part] if number.isdecimal() and part in self.layer:
                return f"model.layers.{int(number)}.{self.layer[part]}.{kind}"
        raise ValueError(
            f"the GGUF file has a tensor '{name}' that this architecture has no use for"
        )

    def heads_entry(self, name: str) -> str | None:
        """Tell what counts the heads whose rows llama.cpp has reordered.

        Args:
            name: A name that `hf_name` takes.

        Returns:
            The entry of the configuration; ``None`` if the rows are in their order.
        """
        part = name.split(".")[-2]
        return self.interleaved.get(part)
