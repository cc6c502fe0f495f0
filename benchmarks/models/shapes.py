"""The models: what their files say, and which tensors these have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Tensors = dict[str, tuple[int, ...]]

VOCABULARY = 32000


@dataclass(frozen=True)
class Shape:
    """A model.

    Attributes:
        name: What it is called.
        architecture: Its architecture, as llama.cpp names it.
        about: What it is like, and how much of it was left out so that it fits.
        metadata: What its file says under the architecture.
        tensors: The shape of each tensor.
        prompts: The lengths of prompts that are measured.
    """

    name: str
    architecture: str
    about: str
    metadata: dict[str, Any]
    tensors: Tensors
    prompts: tuple[int, ...] = (512,)

    @property
    def weights(self) -> int:
        """How many weights it has."""
        total = 0
        for shape in self.tensors.values():
            size = 1
            for extent in shape:
                size *= extent
            total += size
        return total


def _metadata(layers: int, width: int, hidden: int, heads: int, kv: int | list[int]) -> Any:
    return {
        "block_count": layers,
        "context_length": 4096,
        "embedding_length": width,
        "feed_forward_length": hidden,
        "attention.head_count": heads,
        "attention.head_count_kv": kv,
        "attention.layer_norm_rms_epsilon": 1e-6,
        "rope.freq_base": 10000.0,
        "vocab_size": VOCABULARY,
    }


def _outside(width: int, tied: bool = False) -> Tensors:
    output = {} if tied else {"output.weight": (VOCABULARY, width)}
    return {"token_embd.weight": (VOCABULARY, width), "output_norm.weight": (width,), **output}


def _attention(width: int, heads: int, kv: int, size: int) -> Tensors:
    return {
        "attn_norm.weight": (width,),
        "attn_q.weight": (heads * size, width),
        "attn_k.weight": (kv * size, width),
        "attn_v.weight": (kv * size, width),
        "attn_output.weight": (width, heads * size),
    }


def _dense(width: int, hidden: int) -> Tensors:
    return {
        "ffn_norm.weight": (width,),
        "ffn_gate.weight": (hidden, width),
        "ffn_up.weight": (hidden, width),
        "ffn_down.weight": (width, hidden),
    }


def _experts(width: int, count: int, hidden: int) -> Tensors:
    return {
        "ffn_norm.weight": (width,),
        "ffn_gate_inp.weight": (count, width),
        "ffn_gate_exps.weight": (count, hidden, width),
        "ffn_up_exps.weight": (count, hidden, width),
        "ffn_down_exps.weight": (count, width, hidden),
    }


def _layers(layers: list[Tensors]) -> Tensors:
    def numbered() -> Iterator[tuple[str, tuple[int, ...]]]:
        for number, layer in enumerate(layers):
            for name, shape in layer.items():
                yield f"blk.{number}.{name}", shape

    return dict(numbered())


def dense(small: bool) -> Shape:
    """Llama's blocks."""
    width, hidden, layers = (256, 512, 2) if small else (2048, 8192, 16)
    heads, kv = width // 64, width // 256
    layer = _attention(width, heads, kv, 64) | _dense(width, hidden)
    return Shape(
        "dense",
        "llama",
        "1.1B: 16 layers of 2048, 8192 wide",
        _metadata(layers, width, hidden, heads, kv) | {"rope.dimension_count": 64},
        _outside(width) | _layers([layer] * layers),
    )


def mixture(small: bool) -> Shape:
    """Experts after each attention."""
    width, layers, experts, hidden = (256, 2, 12, 256) if small else (1536, 12, 64, 512)
    norms = {"attn_q_norm.weight": (128,), "attn_k_norm.weight": (128,)}
    layer = _attention(width, 16, 4, 128) | norms | _experts(width, experts, hidden)
    return Shape(
        "experts",
        "qwen3moe",
        "3B-A0.5B: 24 layers of 1536, of which 12; 8 of 64 experts of 512",
        _metadata(layers, width, hidden, 16, 4)
        | {
            "attention.key_length": 128,
            "attention.value_length": 128,
            "expert_count": experts,
            "expert_used_count": 8,
            "expert_feed_forward_length": hidden,
        },
        _outside(width) | _layers([layer] * layers),
    )


def hybrid(small: bool) -> Shape:
    """Mamba-2, and attention in each tenth layer."""
    width, hidden, layers = (256, 512, 6) if small else (1536, 4096, 40)
    inner, state, heads = 2 * width, 128, width // 32
    mamba: Tensors = {
        "attn_norm.weight": (width,),
        "ssm_in.weight": (2 * inner + 2 * state + heads, width),
        "ssm_conv1d.weight": (inner + 2 * state, 4),
        "ssm_conv1d.bias": (inner + 2 * state,),
        "ssm_dt.bias": (heads,),
        "ssm_a": (heads, 1),
        "ssm_d": (heads, 1),
        "ssm_norm.weight": (1, inner),
        "ssm_out.weight": (width, inner),
    }
    mlp, asking = _dense(width, hidden), width // 128
    kv = asking // 3 or asking
    attends = [number % 10 == 5 for number in range(layers)]
    mixers = [_attention(width, asking, kv, 128) if full else mamba for full in attends]
    return Shape(
        "hybrid",
        "granitehybrid",
        "1.4B: 36 layers of Mamba-2 and 4 of attention, of 1536, 4096 wide",
        _metadata(layers, width, hidden, asking, [kv if full else 0 for full in attends])
        | {
            "rope.dimension_count": 128,
            "rope.scaling.finetuned": False,
            "attention.scale": 0.0078125,
            "embedding_scale": 12.0,
            "residual_scale": 0.22,
            "logit_scale": 6.0,
            "expert_count": 0,
            "expert_used_count": 0,
            "expert_shared_feed_forward_length": hidden,
            "ssm.conv_kernel": 4,
            "ssm.state_size": state,
            "ssm.group_count": 1,
            "ssm.inner_size": inner,
            "ssm.time_step_rank": heads,
        },
        _outside(width) | _layers([mixer | mlp for mixer in mixers]),
    )


def windows(small: bool) -> Shape:
    """Five layers that see 512 tokens for each that sees all."""
    width, hidden, layers = (256, 512, 6) if small else (2560, 10240, 12)
    norms: Tensors = {
        "attn_q_norm.weight": (256,),
        "attn_k_norm.weight": (256,),
        "post_attention_norm.weight": (width,),
        "post_ffw_norm.weight": (width,),
    }
    layer = _attention(width, 8, 4, 256) | norms | _dense(width, hidden)
    return Shape(
        "windows",
        "gemma3",
        "4B: 34 layers of 2560, 10240 wide, of which 12; windows of 512",
        _metadata(layers, width, hidden, 8, 4)
        | {
            "attention.key_length": 256,
            "attention.value_length": 256,
            "attention.sliding_window": 512,
            "rope.freq_base": 1000000.0,
        },
        _outside(width, tied=True) | _layers([layer] * layers),
        (512, 2048),
    )


def latent(small: bool) -> Shape:
    """Latent attention, and experts after the first layer."""
    width, layers, hidden, first = (256, 2, 256, 512) if small else (2048, 8, 1024, 10752)
    heads, rank, lora, rope, experts = 16, 512, 1536, 64, 24
    attention: Tensors = {
        "attn_norm.weight": (width,),
        "attn_q_a.weight": (lora, width),
        "attn_q_a_norm.weight": (lora,),
        "attn_q_b.weight": (heads * (128 + rope), lora),
        "attn_kv_a_mqa.weight": (rank + rope, width),
        "attn_kv_a_norm.weight": (rank,),
        "attn_k_b.weight": (heads, rank, 128),
        "attn_v_b.weight": (heads, 128, rank),
        "attn_output.weight": (width, heads * 128),
    }
    shared: Tensors = {
        "ffn_gate_shexp.weight": (2 * hidden, width),
        "ffn_up_shexp.weight": (2 * hidden, width),
        "ffn_down_shexp.weight": (width, 2 * hidden),
    }
    sparse = attention | _experts(width, experts, hidden) | shared
    return Shape(
        "latent",
        "deepseek2",
        "16B-A2.4B: 27 layers of 2048, of which 8; 6 experts of 24 of 1024, not of 64 of 1408",
        _metadata(layers, width, first, heads, 1)
        | {
            "attention.q_lora_rank": lora,
            "attention.kv_lora_rank": rank,
            "attention.key_length": rank + rope,
            "attention.value_length": rank,
            "attention.key_length_mla": 128 + rope,
            "attention.value_length_mla": 128,
            "rope.dimension_count": rope,
            "leading_dense_block_count": 1,
            "expert_count": experts,
            "expert_used_count": 6,
            "expert_shared_count": 2,
            "expert_feed_forward_length": hidden,
            "expert_weights_scale": 1.0,
        },
        _outside(width) | _layers([attention | _dense(width, first), *[sparse] * (layers - 1)]),
    )


SHAPES: dict[str, Callable[[bool], Shape]] = {
    "dense": dense,
    "experts": mixture,
    "hybrid": hybrid,
    "windows": windows,
    "latent": latent,
}
