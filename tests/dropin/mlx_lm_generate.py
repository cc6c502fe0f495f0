"""mlx-lm: text of a tiny Llama by each way to generate it."""

import json
import sys
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from common import fill, run
from mlx.utils import tree_flatten
from mlx_lm import batch_generate, convert, generate, load
from mlx_lm.generate import generate_step
from mlx_lm.models import llama
from mlx_lm.models.cache import load_prompt_cache, make_prompt_cache, save_prompt_cache
from mlx_lm.sample_utils import make_logits_processors, make_sampler
from mlx_lm.utils import quantize_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": 128,
    "eos_token_id": 127,
}
PROMPT = [1, 5, 9, 2, 6, 33, 4]


def llama_model() -> Any:
    return fill(llama.Model(llama.ModelArgs.from_dict(CONFIG)))


def tokens(model: Any, **options: Any) -> dict[str, Any]:
    mx.random.seed(3)
    options.setdefault("sampler", make_sampler(0.0))
    steps = generate_step(mx.array(PROMPT), model, max_tokens=24, **options)
    found, logprobs = zip(*steps, strict=True)
    return {"tokens": [int(token) for token in found], "logprobs": mx.stack(list(logprobs[:8]))}


def sampled() -> dict[str, Any]:
    sampler = make_sampler(0.8, top_p=0.9, min_p=0.02, top_k=20)
    processors = make_logits_processors(repetition_penalty=1.2)
    return tokens(llama_model(), sampler=sampler, logits_processors=processors)


def quantized() -> dict[str, Any]:
    model, _ = quantize_model(llama_model(), dict(CONFIG), 32, 4)
    return tokens(model)


def model_folder(name: str) -> Path:
    """A folder with a model and its tokenizer."""
    folder = Path(sys.argv[1]) / name
    folder.mkdir(exist_ok=True)
    weights = dict(tree_flatten(llama_model().parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, {"format": "mlx"})
    (folder / "config.json").write_text(json.dumps(CONFIG))
    words = {f"w{i}": i for i in range(CONFIG["vocab_size"])}  # type: ignore[call-overload]
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))
    configuration = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "w127"}
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration))
    return folder


def from_folder() -> dict[str, Any]:
    """Load a model with its tokenizer, and generate text, one at a time and in a batch."""
    model, wrapper = load(str(model_folder("model")))
    text = generate(model, wrapper, "w1 w5 w9 w2", max_tokens=16)
    prompts = [[1, 5, 9], [7, 2, 6, 4, 11]]
    batch = batch_generate(model, wrapper, prompts, max_tokens=8)
    return {"text": list(map(ord, text)), "batch": list(map(ord, "|".join(batch.texts)))}


def converted() -> dict[str, Any]:
    """Quantize a model in files, and generate with what was written."""
    folder = Path(sys.argv[1]) / "converted"
    convert(str(model_folder("original")), str(folder), quantize=True, q_group_size=32, q_bits=4)
    config = json.loads((folder / "config.json").read_text())
    weights: Any = mx.load(str(folder / "model.safetensors"))
    model, _ = load(str(folder))
    return {
        **tokens(model),
        "config": list(map(ord, json.dumps(config, sort_keys=True))),
        **{f"weight {name}": weight for name, weight in weights.items()},
    }


def prompt_cache() -> dict[str, Any]:
    model = llama_model()
    cache = make_prompt_cache(model)
    model(mx.array([PROMPT]), cache=cache)
    file = str(Path(sys.argv[1]) / "cache.safetensors")
    save_prompt_cache(file, cache, {"model": "tiny"})
    loaded, metadata = load_prompt_cache(file, return_metadata=True)
    assert metadata == {"model": "tiny"}
    return {**tokens(model, prompt_cache=loaded), "keys": loaded[0].state[0]}


def by_module_order() -> dict[str, Any]:
    """LoRA draws its weights in the order in which the modules are listed."""
    model = llama_model()
    names = [name for name, _ in model.named_modules()]
    model.apply_to_modules(lambda _, module: names.append(type(module).__name__))
    return {"names": list(map(ord, ",".join(names))), "count": len(model.modules())}


def gradients() -> dict[str, Any]:
    model = llama_model()

    def loss(ids: mx.array) -> Any:
        return nn.losses.cross_entropy(model(ids[:, :-1]), ids[:, 1:], reduction="mean")

    value, grads = nn.value_and_grad(model, loss)(mx.array([PROMPT]))
    return {"loss": value, **dict(tree_flatten(grads))}


run(
    [
        ("greedy", lambda: tokens(llama_model())),
        ("sampled", sampled),
        ("quantized", quantized),
        ("quantized_cache", lambda: tokens(llama_model(), kv_bits=8, kv_group_size=16)),
        ("rotating_cache", lambda: tokens(llama_model(), max_kv_size=12)),
        ("folder", from_folder),
        ("convert", converted),
        ("prompt_cache", prompt_cache),
        ("module_order", by_module_order),
        ("gradients", gradients),
    ]
)
