"""The table of all types of mlx-lm 0.32.2, from the registry and the fixtures.

``PYTHONPATH=tests python tests/architecture_table.py`` writes it to the page that
`test_architecture_table` compares with it.
"""

from __future__ import annotations

import inspect
import json
from functools import cache
from pathlib import Path
from typing import Any

from fixtures.by_hand import BY_HAND
from fixtures.of_mlx_lm import OF_MLX_LM
from mlx_lm_py.cache import CacheList
from mlx_lm_py.models import make_model
from mlx_lm_py.models.registry import ALIASES, FAMILIES, find_architecture
from mlx_lm_py.models.towers import text_config
from tiny_models import FIXTURES, IN_GGUF, MODELS, read_config

__all__ = ["PAGE", "TYPES", "page"]

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "architectures.md"

# The files of mlx_lm/models, but for those that hold what models share.
TYPES = """
Klear afm7 afmoe apertus baichuan_m1 bailing_hybrid bailing_moe bailing_moe_linear bailing_moe_v3
bitnet cohere cohere2 dbrx deepseek deepseek_v2 deepseek_v3 deepseek_v32 deepseek_v41 dots1
ernie4_5 ernie4_5_moe exaone exaone4 exaone_moe falcon_h1 gear gemma gemma2 gemma3 gemma3_text
gemma3n gemma4 gemma4_text glm glm4 glm4_moe glm4_moe_lite glm_moe_dsa gpt2 gpt_bigcode gpt_neox
gpt_oss gptj granite granitemoe granitemoehybrid helium hunyuan hunyuan_v1_dense internlm2
internlm3 iquestloopcoder jamba kimi_k25 kimi_k3 kimi_linear kimi_vl laguna lfm2 lfm2-vl lfm2_moe
lille-130m llama llama4 llama4_text longcat_flash longcat_flash_ngram mamba mamba2 mellum mimo
mimo_v2_flash minicpm minicpm3 minimax minimax_m3_vl ministral3 mistral3 mistral4 mixtral
muse_glimmer muse_spark nanbeige nanochat nemotron nemotron-nas nemotron_h olmo olmo2 olmo3
olmo_hybrid olmoe openelm phi phi3 phi3small phimoe phixtral pixtral plamo plamo2 plamo3
prism_hadamard_qwen35 qwen qwen2 qwen2_moe qwen2_vl qwen3 qwen3_5 qwen3_5_moe qwen3_moe qwen3_next
qwen3_vl qwen3_vl_moe recurrent_gemma rwkv7 seed_oss smollm3 solar_open spark2_5 stablelm
starcoder2 step3p5 talkie telechat3 youtu_llm
""".split()

# Why there are no GGUF files of a type, or none that are read.
_NONE = "llama.cpp has no converter"
WITHOUT_GGUF = {
    **dict.fromkeys(
        """
        Klear afm7 bailing_moe_linear gear gptj helium iquestloopcoder lille-130m longcat_flash
        longcat_flash_ngram mimo muse_spark nanochat olmo_hybrid phi3small phixtral
        prism_hadamard_qwen35 recurrent_gemma telechat3
        """.split(),
        _NONE,
    ),
    "baichuan_m1": f"{_NONE}; its `baichuan` is the first one",
    "bailing_hybrid": f"{_NONE} for Ling 2.5",
    "deepseek_v41": "not mapped: later llama.cpp's is `deepseek41`",
    "plamo": "llama.cpp's converter has the sizes of the one with 13 billion parameters written in",
}
# Those whose files are of another type.
CONVERTED = {"internlm3": "as `llama`"}
# Types whose checkpoints are those of another architecture, with tests of their own.
TESTED = {
    "internlm3": "transformers (Llama), `test_models`",
    "mimo": "transformers (Qwen2), `test_models`",
    "prism_hadamard_qwen35": "mlx-lm, and NumPy with transformers (Qwen3_5), `test_rotated`",
}
# Types of models of images and text whose name is that of no fixture.
_PARTS = {
    "kimi_k25": "deepseek_v3",
    "kimi_vl": "deepseek_v3",
    "gemma4": "gemma4_text",
    "internlm3": "llama",
    "mimo": "qwen2",
}


@cache
def _fixtures_of(name: str) -> tuple[str, ...]:
    """The fixtures of a type: those that have its name, else those of what it stands for."""
    kinds = {one: text_config(read_config(one))["model_type"] for one in MODELS}
    whole = {one: str(read_config(one).get("model_type")) for one in MODELS}
    if name in MODELS and whole[name] in (name, ALIASES.get(name)):
        return (name,)
    own = tuple(one for one in MODELS if name in (kinds[one], whole[one]))
    known = ALIASES.get(name, name)
    return own or tuple(one for one in MODELS if ALIASES.get(kinds[one], kinds[one]) == known)


def _checked(name: str) -> str:
    if name in TESTED:
        return TESTED[name]
    found = []
    for one in _fixtures_of(_PARTS.get(name, name)):
        classes = read_config(one).get("architectures")
        if one in OF_MLX_LM:
            found.append("mlx-lm")
        elif one in BY_HAND:
            found.append("its formula in NumPy")
        elif classes:
            found.append(f"transformers ({classes[0].removesuffix('ForCausalLM')})")
        else:
            found.append("transformers, under other names")
    return ", ".join(dict.fromkeys(found))


def _gguf(name: str) -> str:
    if name in WITHOUT_GGUF or name in CONVERTED:
        return WITHOUT_GGUF.get(name) or CONVERTED[name]
    files = [one for one in _fixtures_of(_PARTS.get(name, name)) if one in IN_GGUF]
    known = ALIASES.get(name, name)
    if not files:
        kinds = {one: text_config(read_config(one))["model_type"] for one in IN_GGUF}
        files = [one for one in IN_GGUF if ALIASES.get(kinds[one], kinds[one]) == known]
    names = [
        json.loads((FIXTURES / one / "gguf.json").read_text())["architecture"] for one in files
    ]
    return ", ".join(f"`{one}`" for one in dict.fromkeys(names))


def _kinds(caches: Any) -> list[str]:
    found: list[str] = []
    for one in caches:
        inner = " + ".join(_kinds(one.caches)) if isinstance(one, CacheList) else ""
        found.append(f"({inner})" if inner else type(one).__name__)
    return list(dict.fromkeys(found))


def _cache(name: str) -> str:
    fixtures = _fixtures_of(_PARTS.get(name, name))
    kinds = [kind for one in fixtures for kind in _kinds(make_model(read_config(one)).make_cache())]
    return ", ".join(dict.fromkeys(kinds))


def _row(name: str) -> str:
    known = ALIASES.get(name, name)
    function: Any = find_architecture(name).spec
    module = f"[`{FAMILIES[known]}.{function.__name__}`](models/{FAMILIES[known]}.md)"
    lines = len(inspect.getsource(function).splitlines())
    return f"| `{name}` | {module} | {_checked(name)} | {_gguf(name)} | {_cache(name)} | {lines} |"


def page() -> str:
    """The page.

    Returns:
        Its text.
    """
    rows = "\n".join(_row(name) for name in sorted(TYPES, key=str.lower))
    return f"""\
# All types of models

The {len(TYPES)} types of mlx-lm 0.32.2, with the function that reads the configuration of each, and
how many lines it has; what its logits are compared with, on tiny models with random weights; what
GGUF files call it, or why none are read; and the kinds of cache that its layers have (those in
brackets belong to one layer). Of models of images and text it is the text part. The table is made
of the registry and the fixtures by `packages/mlx-lm-py/tests/architecture_table.py`, and a test
compares.

| type | function | checked against | GGUF | caches | lines |
|---|---|---|---|---|--:|
{rows}
"""


if __name__ == "__main__":
    PAGE.write_text(page())
