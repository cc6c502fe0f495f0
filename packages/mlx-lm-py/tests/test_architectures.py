"""Every architecture of the registry, against transformers or mlx-lm (see fixtures)."""

from pathlib import Path
from typing import Any

import mlx_core_py as mx
import pytest
from gguf import GGMLQuantizationType as TensorType
from gguf_files import make_gguf, unsaid
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten
from mlx_lm_py import load, load_model
from mlx_lm_py.cache import cache_length, make_prompt_cache
from mlx_lm_py.models import make_model as make
from mlx_lm_py.models.towers import text_config
from tiny_models import (
    IN_GGUF,
    MODELS,
    close,
    make_folder,
    make_model,
    read_config,
    read_expected,
    read_weights,
)

# Whatever differs between types does so in these.
SMALL = ("llama", "llama_tied", "mistral", "qwen2", "qwen2_tied", "qwen3", "qwen3_tied")

# Nothing of these counts positions.
STATES_ALONE = ("falcon_mamba", "mamba", "mamba2", "mamba_untied", "rwkv7")

every = pytest.mark.parametrize("name", MODELS)


@every
def test_agrees_with_transformers(name: str) -> None:
    tokens, logits = read_expected(name)
    close(make_model(name)(tokens), logits, 2e-3)


@every
@pytest.mark.parametrize("sizes", [[48], [1] * 48, [5, 1, 20, 22], [47, 1]])
def test_a_cache_changes_nothing(name: str, sizes: list[int]) -> None:
    tokens, logits = read_expected(name)
    model = make_model(name)
    cache = make_prompt_cache(model)
    parts, start = [], 0
    for size in sizes:
        parts.append(model(tokens[:, start : start + size], cache=cache))
        start += size
    assert cache_length(cache) == (0 if name in STATES_ALONE else 48)
    close(mx.concatenate(parts, axis=1), logits, 2e-3)


@every
def test_the_last_token_alone(name: str) -> None:
    tokens, logits = read_expected(name)
    model = make_model(name)
    cache = make_prompt_cache(model)
    close(model(tokens[:, :30], cache=cache, last_only=True), logits[:, 29:30], 2e-3)
    close(model(tokens[:, 30:], cache=cache), logits[:, 30:], 2e-3)


@every
@pytest.mark.parametrize("mask", [None, "causal", "array"])
def test_the_last_position_of_a_layer(name: str, mask: Any) -> None:
    model = make_model(name)
    layer = model.layers[0]
    streams = getattr(model.args.streams, "count", 1)
    x = mx.random.normal((2, 9, streams * model.args.width), key=mx.random.key(0))
    if mask == "array":
        mask = mx.arange(81).reshape(9, 9) % 5 != 1
    expected = layer(x, mask)[:, -1:]
    # Sums of terms as large as the largest are rounded by its last digit.
    size = mx.abs(expected).max()
    close(layer(x, mask, last_only=True) / size, expected / size, 2e-5)


@every
def test_a_folder(tmp_path: Path, name: str) -> None:
    model, tokenizer = load(make_folder(tmp_path, name))
    tokens, logits = read_expected(name)
    close(model(tokens), logits, 2e-3)
    assert tokenizer.eos_token_ids == {95}


def of_what_files_say(name: str) -> Any:
    """The model of a checkpoint, with what llama.cpp has in place of what its files do not tell."""
    config, weights = text_config(read_config(name)), read_weights(name)
    changes = unsaid(name)
    if "mscale" in changes:
        changes = {"rope_parameters": config["rope_parameters"] | changes}
    if config["model_type"] == "bitnet":
        # Its converter does what the library does when it computes.
        weights = {k: ternary(v) if k.endswith("_proj.weight") else v for k, v in weights.items()}
    if changes.get("tie_word_embeddings"):
        weights = {key: value for key, value in weights.items() if key != "lm_head.weight"}
    return load_model(weights, config | changes)


def ternary(weight: mx.array) -> mx.array:
    scale = mx.abs(weight).mean()
    return mx.clip(mx.round(weight / scale), -1, 1) * scale


@pytest.mark.parametrize("name", IN_GGUF)
def test_a_gguf_file(tmp_path: Path, name: str) -> None:
    path = make_gguf(tmp_path / "model.gguf", name)
    tokens, logits = read_expected(name)
    model, tokenizer = load(path)
    if unsaid(name):
        logits = of_what_files_say(name)(tokens)
    close(model(tokens), logits, 2e-3)
    assert tokenizer.decode(tokenizer.encode("hell")) == "hell"


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    ("kind", "dtype", "error"),
    [(TensorType.F16, mx.float16, 0.005), (TensorType.BF16, mx.bfloat16, 0.03)],
    ids=["float16", "bfloat16"],
)
def test_a_gguf_file_in_half_precision(
    tmp_path: Path, name: str, kind: TensorType, dtype: mx.Dtype, error: float
) -> None:
    """It is the model of a folder in the same type, and near the one in float32."""
    folder = make_folder(tmp_path, name)
    weights = {k: v.astype(dtype) for k, v in read_weights(name).items()}
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    expected: Any = load(folder)[0]
    model: Any = load(make_gguf(tmp_path / "model.gguf", name, kind))[0]
    parameters = dict(tree_flatten(expected.parameters()))
    for path, value in tree_flatten(model.parameters()):
        assert value.dtype == dtype
        assert mx.array_equal(value, parameters[path]), path
    tokens, _ = read_expected(name)
    logits = model(tokens)
    assert logits.dtype == dtype
    if read_config(name)["rope_parameters"]["rope_type"] == "default":
        assert mx.array_equal(logits, expected(tokens))
    rounded = {k: v.astype(mx.float32) for k, v in weights.items()}
    exact = load_model(rounded, read_config(name))(tokens)
    assert mx.linalg.norm(logits.astype(mx.float32) - exact) < error * mx.linalg.norm(exact)


@every
@pytest.mark.parametrize("bits", [4, 8])
def test_quantized_weights_are_recognized(name: str, bits: int) -> None:
    model = make_model(name)

    def chosen(path: str, module: nn.Module) -> bool:
        # With a router rounded too, some tokens would go to other experts.
        whole_groups = "weight" in module and module.weight.shape[-1] % 32 == 0
        return hasattr(module, "to_quantized") and whole_groups and not path.endswith("mlp.gate")

    nn.quantize(model, group_size=32, bits=bits, class_predicate=chosen)
    weights = model.checkpoint(dict(tree_flatten(model.parameters())))
    quantization = {"group_size": 32, "bits": bits}
    again = load_model(weights, read_config(name) | {"quantization": quantization})
    tokens, _ = read_expected(name)
    close(again(tokens), model(tokens), 1e-4)
    # How far logits go is up to the model: where a token is near another expert, one of random
    # weights goes anywhere. That they are those of the rounded weights, and these near, is not.
    rounded = make_model(name)
    layers = dict(rounded.named_modules())
    for path, layer in model.named_modules():
        if "scales" not in layer or "weight" not in layer:
            continue
        given = layers[path].weight
        weight = mx.dequantize(layer.weight, layer.scales, layer.biases, 32, bits)
        step = mx.repeat(mx.abs(layer.scales), 32, axis=-1)
        assert mx.all(mx.abs(weight - given) <= step + 1e-6), path
        layers[path].weight = weight
    expected = rounded(tokens)
    close(model(tokens) / mx.abs(expected).max(), expected / mx.abs(expected).max(), 1e-3)


@every
@pytest.mark.parametrize("shape", [(3,), (1, 0), (1, 1, 1)])
def test_tokens_of_a_wrong_shape(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="tokens must be of shape"):
        make_model(name)(mx.zeros(shape, mx.int32))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": None}, "no 'hidden_size'"),
        ({"vocab_size": "96"}, "'vocab_size' .* int, not str"),
        ({"num_hidden_layers": 10**9}, "'num_hidden_layers' .* is 1000000000"),
        ({"num_hidden_layers": 0}, "'num_hidden_layers' .* is 0"),
        ({"intermediate_size": -1}, "'intermediate_size' .* is -1"),
        ({"num_key_value_heads": 3}, "multiple of 'num_key_value_heads'"),
        ({"hidden_act": "martian"}, "'martian' is not supported"),
        ({"rope_parameters": {"rope_type": "x"}}, "'x' is not supported"),
        ({"head_dim": 7}, "dims must be even"),
    ],
)
def test_wrong_configurations(name: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(read_config(name) | change)
