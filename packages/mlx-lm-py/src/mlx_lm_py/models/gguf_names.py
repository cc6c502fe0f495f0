"""What GGUF files call the weights of a model, and in which order they keep the rows of some.

The names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#standardized-tensor-names
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .rules import Rule

if TYPE_CHECKING:
    import mlx_core_py as mx

    from .config import Config
    from .gguf.metadata import Metadata

__all__ = [
    "BIAS",
    "EXPERTS",
    "FUSED",
    "INTERLEAVED",
    "LAYER",
    "POST_ATTENTION",
    "POST_NORMS",
    "QK_NORM",
    "SANDWICH",
    "SHARED",
    "GGUFNames",
]


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

SHARED = {
    "ffn_gate_shexp": "mlp.shared_expert.gate_proj",
    "ffn_up_shexp": "mlp.shared_expert.up_proj",
    "ffn_down_shexp": "mlp.shared_expert.down_proj",
}
"""An expert that every token uses."""

BIAS = {"exp_probs_b.bias": "mlp.gate.e_score_correction_bias"}
"""What takes part in the choice of experts alone."""

QK_NORM = {
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
}
"""Norms of queries and keys."""

POST_ATTENTION = {"post_attention_norm": "post_attention_layernorm"}
"""The norm before the second part under another name."""

INTERLEAVED = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}
"""Queries and keys, the halves of whose heads llama.cpp puts side by side."""

Change = Callable[["mx.array", "Config"], "mx.array"]


@dataclass(frozen=True)
class GGUFNames:
    """The weights of an architecture in GGUF files.

    Attributes:
        layer: The name of a weight after ``blk.N.``, and the one after ``model.layers.N.``; one
            with a ``*`` is the whole, with the number in its place. Those that end with their kind,
            as in ``ssm_dt.bias``, or have none, as ``ssm_a``, stand for a whole name too.
        interleaved: Those of them that llama.cpp reorders, so that the rows of a head that rotate
            together are side by side, and the entry of the configuration that counts their heads.
        norms_hold_one: Whether llama.cpp has added the one that the checkpoint's norms are short
            of.
        exceeds_float16: Whether what the model computes is beyond the range of float16, whatever
            its files hold.
        outside: Further weights that are of no layer.
        orders: Those of ``layer`` whose rows llama.cpp puts in another order, and which of its rows
            come one after the other in the checkpoint. ``None``: as they are.
        changes: Those whose numbers llama.cpp changes, and what undoes it.
        joined: Those that rules or the model take apart or join, whose numbers are needed for it.
        rules: How weights of several names become those of the checkpoint.
        entries: What the configuration has besides the usual.
        each_layer: Whether layers may differ in their numbers of heads and features.
    """

    layer: Mapping[str, str] = field(default_factory=lambda: LAYER)
    interleaved: Mapping[str, str] = field(default_factory=dict)
    norms_hold_one: bool = False
    exceeds_float16: bool = False
    outside: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, Callable[[Config], list[int] | None]] = field(default_factory=dict)
    changes: Mapping[str, Change] = field(default_factory=dict)
    joined: tuple[str, ...] = ()
    rules: Callable[[Config], Sequence[Rule]] | None = None
    entries: Callable[[Metadata, Mapping[str, Any]], dict[str, Any]] | None = None
    each_layer: bool = False

    def part(self, name: str) -> str | None:
        """Tell which entry of ``layer`` a weight has.

        Args:
            name: As in ``blk.0.attn_q.weight``.

        Returns:
            As in ``attn_q``; ``None`` if there is none.

        Example:
            >>> GGUFNames(LAYER | BIAS).part("blk.3.exp_probs_b.bias")
            'exp_probs_b.bias'
        """
        match name.split(".", 2):
            case ["blk", number, rest] if number.isdecimal():
                stem = rest.rpartition(".")[0]
                return rest if rest in self.layer else stem if stem in self.layer else None
        return None

    def hf_name(self, name: str) -> str:
        """Translate the name of a weight from GGUF to Hugging Face.

        Args:
            name: As in ``blk.0.attn_q.weight``.

        Returns:
            As in ``model.layers.0.self_attn.q_proj.weight``.

        Raises:
            ValueError: If the architecture has no such weight.

        Example:
            >>> GGUFNames().hf_name("blk.3.ffn_down.scales")
            'model.layers.3.mlp.down_proj.scales'
        """
        stem, _, kind = name.rpartition(".")
        outside = self.outside.get(stem) or _OUTSIDE.get(stem)
        if outside is not None:
            return f"{outside}.{kind}"
        part = self.part(name)
        if part is None:
            raise ValueError(
                f"the GGUF file has a tensor '{name}' that this architecture has no use for"
            )
        _, number, rest = name.split(".", 2)
        target = self.layer[part] + rest.removeprefix(part)
        whole = target if "*" in target else f"model.layers.*.{target}"
        return whole.replace("*", str(int(number)))

    def heads_entry(self, name: str) -> str | None:
        """Tell what counts the heads whose rows llama.cpp has reordered.

        Args:
            name: A name that `hf_name` takes.

        Returns:
            The entry of the configuration; ``None`` if the rows are in their order.
        """
        part = name.split(".")[-2] if "." in name else ""
        return self.interleaved.get(part)
