"""The architectures by name, in families that are imported when one of them is asked for."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

from .architecture import Architecture
from .blocks import CausalLM
from .config import Config
from .towers import text_config
from .usual import usual_entries

__all__ = ["ALIASES", "FAMILIES", "find_architecture", "make_model"]


def __dir__() -> list[str]:
    return __all__


# The ``model_type`` of ``config.json``, to the module of `families` that knows it.
FAMILIES = {
    name: family
    for family, names in {
        "afm": "afm7",
        "apart": "apertus bitnet hunyuan minimax_m2 nanochat phimoe solar_open",
        "baichuan": "baichuan_m1",
        "bamba": "bamba",
        "cohere": "cohere cohere2",
        "dbrx": "dbrx",
        "deepseek": "deepseek deepseek_v2 deepseek_v3 dots1 glm4_moe_lite minicpm3 youtu",
        "deepseek_sparse": "deepseek_v32 glm_moe_dsa",
        "deepseek_v41": "deepseek_v41",
        "gear": "gear",
        "gemma": "gemma gemma2 gemma3_text recurrent_gemma vaultgemma",
        "gemma3n": "gemma3n_text",
        "gemma4": "gemma4_text gemma4_unified_text",
        "glm": "glm glm4 glm4_moe",
        "gpt": "falcon gpt2 gpt_bigcode gpt_neo gpt_neox gptj opt starcoder2",
        "gpt_oss": "gpt_oss",
        "kimi": "kimi_linear",
        "lfm2": "lfm2 lfm2_moe",
        "ling": "bailing_hybrid bailing_moe bailing_moe_linear",
        "llama": "arcee cwm ernie4_5 granite helium hunyuan_v1_dense hyperclovax internlm3 llama "
        "seed_oss smollm3",
        "looped": "iquestloopcoder nanbeige",
        "longcat": "longcat_flash longcat_flash_ngram",
        "mamba": "falcon_h1 falcon_mamba granitemoehybrid granitemoeshared jamba mamba mamba2",
        "minimax": "minimax_m3_vl_text",
        "mistral": "llama4_text ministral3 mistral4",
        "muse": "muse_glimmer muse_spark",
        "nemotron_h": "nemotron_h",
        "older": "exaone internlm2 minicpm qwen",
        "olmo": "olmo olmo2 olmo3 olmoe",
        "others": "ernie4_5_moe exaone4 granitemoe mixtral nemotron stablelm",
        "phi": "phi phi3 phi3small",
        "plamo": "plamo plamo2 plamo3",
        "published": "Klear lille-130m phixtral spark2_5 telechat3",
        "qwen": "mimo qwen2 qwen2_moe qwen3 qwen3_moe",
        "rwkv": "rwkv7",
        "sized": "nemotron-nas openelm",
        "step": "step3p5",
        "talkie": "talkie",
        "windows": "afmoe exaone_moe laguna mellum mimo_v2_flash",
        "qwen_next": "olmo_hybrid qwen3_5 qwen3_5_moe qwen3_next",
    }.items()
    for name in names.split()
}

# Other names of the same: those of configurations, and the ``general.architecture`` of GGUF files.
ALIASES = {
    "mistral": "llama",
    "ministral": "llama",
    "pixtral": "llama",
    "gpt-sw3": "gpt2",
    "iquestcoder": "llama",
    "xverse": "llama",
    "command-r": "cohere",
    "ernie4_5-dense": "ernie4_5",
    "gemma3": "gemma3_text",
    "gemma3n": "gemma3n_text",
    "gemma4": "gemma4_text",
    "gemma4_unified": "gemma4_unified_text",
    "qwen2_vl": "qwen2",
    "qwen2_vl_text": "qwen2",
    "qwen2_5_vl": "qwen2",
    "qwen2_5_vl_text": "qwen2",
    "qwen2vl": "qwen2",
    "qwen3_vl": "qwen3",
    "qwen3_vl_text": "qwen3",
    "qwen3vl": "qwen3",
    "qwen3_vl_moe": "qwen3_moe",
    "qwen3_vl_moe_text": "qwen3_moe",
    "qwen3vlmoe": "qwen3_moe",
    "deepseek_v41_text": "deepseek_v41",
    "kimi_k2": "deepseek_v3",
    "kimi_k25": "deepseek_v3",
    "kimi_k3": "kimi_linear",
    "kimi_vl": "deepseek_v3",
    "hunyuan-dense": "hunyuan_v1_dense",
    "qwen2moe": "qwen2_moe",
    "hunyuan_v1_moe": "hunyuan",
    "llama4": "llama4_text",
    "minimax": "minimax_m2",
    "minimax_m3_vl": "minimax_m3_vl_text",
    "youtu_llm": "youtu",
    "qwen3_5_text": "qwen3_5",
    "prism_hadamard_qwen35": "qwen3_5",
    "qwen3_5_moe_text": "qwen3_5_moe",
    "lfm2-vl": "lfm2",
    "lfm2_vl": "lfm2",
    "qwen3moe": "qwen3_moe",
    "bailing_moe_v3": "bailing_hybrid",
    "muse-glimmer": "muse_glimmer",
    "muse_glimmer_text": "muse_glimmer",
    "muse_spark_text": "muse_spark",
    "phi-msft": "phixtral",
    "chatglm": "glm",
    "bailingmoe": "bailing_moe",
    "bailingmoe2": "bailing_moe",
    "deepseek2": "deepseek_v3",
    "deepseek32": "deepseek_v32",
    "ernie4_5-moe": "ernie4_5_moe",
    "exaone-moe": "exaone_moe",
    "falcon-h1": "falcon_h1",
    "glm-dsa": "glm_moe_dsa",
    "glm4moe": "glm4_moe",
    "gpt-oss": "gpt_oss",
    "gptneox": "gpt_neox",
    "granitehybrid": "granitemoehybrid",
    "hunyuan-moe": "hunyuan",
    "kimi-k3": "kimi_linear",
    "kimi-linear": "kimi_linear",
    "lfm2moe": "lfm2_moe",
    "bailingmoe3": "bailing_hybrid",
    "deci": "nemotron-nas",
    "minimax-m3": "minimax_m3_vl_text",
    "step35": "step3p5",
    "mimo2": "mimo_v2_flash",
    "minimax-m2": "minimax_m2",
    "mistral3": "ministral3",
    "nemotron_h_moe": "nemotron_h",
    "phi2": "phi",
    "qwen35": "qwen3_5",
    "qwen35moe": "qwen3_5_moe",
    "qwen3next": "qwen3_next",
    "starcoder": "gpt_bigcode",
}


def find_architecture(name: object) -> Architecture:
    """Import what is known of an architecture.

    Args:
        name: Its name, in whichever way a model file gives it.

    Returns:
        The architecture.

    Raises:
        ValueError: If the architecture is not supported, or there is no name. The message names
            some that are.

    Example:
        >>> find_architecture("mistral") is find_architecture("llama")
        True
    """
    if name is None:
        raise ValueError("the configuration has no 'model_type', which names the architecture")
    known = ALIASES.get(name, name) if isinstance(name, str) else None
    if not isinstance(known, str) or known not in FAMILIES:
        name = str(name)[:100]
        near = difflib.get_close_matches(name, {*FAMILIES, *ALIASES}, n=5, cutoff=0.3)
        raise ValueError(
            f"the architecture {name!r} is not supported; {len(FAMILIES)} are"
            + (f", those with the nearest names: {', '.join(near)}" if near else "")
        )
    family = importlib.import_module(f".families.{FAMILIES[known]}", __package__)
    architecture: Architecture = family.ARCHITECTURES[known]
    return architecture


def make_model(config: Mapping[str, Any]) -> CausalLM:
    """Create a model from its configuration, with random weights.

    Args:
        config: As ``config.json`` has it.

    Returns:
        The model.

    Raises:
        ValueError: If the architecture is not supported or the configuration is not valid.
    """
    config = text_config(config)
    config = usual_entries(config) | config
    architecture = find_architecture(config.get("model_type"))
    values = Config(config)
    return CausalLM(architecture.spec(values), architecture.rules_of(values))
