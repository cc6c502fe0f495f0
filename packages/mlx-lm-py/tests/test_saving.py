"""Models become files and are the same again, for this package and for official mlx-lm."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from gguf_files import make_gguf
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten
from mlx_lm_py import convert, load, saving
from mlx_lm_py.utils import (
    compute_bits_per_weight,
    dequantize_model,
    get_total_parameters,
    load_model,
    make_shards,
    quantize_model,
    save_config,
    save_model,
)
from tiny_models import MODELS, close, make_folder, make_model, read_expected

# Of each way in which the weights of checkpoints differ from those of the model.
SOME = ("llama", "qwen3", "phi3", "mixtral", "gpt2", "gptj", "lfm2", "gemma3", "deepseek_v2")


def folder_of(tmp_path: Path, name: str) -> Path:
    (tmp_path / "from").mkdir()
    return make_folder(tmp_path / "from", name)


def logits_of(path: Path, tokens: mx.array) -> mx.array:
    logits: mx.array = load(path)[0](tokens)
    return logits


@pytest.mark.parametrize("name", MODELS)
def test_a_converted_model_is_the_same(tmp_path: Path, name: str) -> None:
    convert(folder_of(tmp_path, name), tmp_path / "to")
    tokens, logits = read_expected(name)
    close(logits_of(tmp_path / "to", tokens), logits, 2e-3)


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize(
    "options",
    [
        {"q_bits": 8, "q_group_size": 32},
        {"q_mode": "mxfp8"},
        {"quant_predicate": "mixed_3_6", "q_group_size": 32},
        {
            "quant_predicate": lambda path, _: (
                {"bits": 5, "group_size": 32} if "o_proj" in path else 0
            )
        },
    ],
    ids=["affine", "mxfp8", "recipe", "predicate"],
)
def test_a_quantized_model_is_the_one_in_memory(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    convert(folder_of(tmp_path, name), tmp_path / "to", quantize=True, **options)
    model: Any = load(tmp_path / "from")[0]
    predicate = options.get("quant_predicate")
    if isinstance(predicate, str):
        predicate = saving.mixed_quant_predicate_builder(predicate, model, 32)
    quantize_model(
        model,
        {},
        options.get("q_group_size"),
        options.get("q_bits"),
        options.get("q_mode", "affine"),
        predicate,
    )
    tokens, _ = read_expected(name)
    close(logits_of(tmp_path / "to", tokens), model(tokens), 1e-5)


def test_recipes_give_some_layers_more_bits(tmp_path: Path) -> None:
    model = make_model()
    quantize_model(
        model, {}, quant_predicate=saving.mixed_quant_predicate_builder("mixed_3_6", model, 32)
    )
    bits = {path: m.bits for path, m in model.named_modules() if isinstance(m, nn.QuantizedLinear)}
    assert bits["lm_head"] == 6
    # Of two layers none is among the outer eighths at the beginning, and the last is at the end.
    assert bits["model.layers.0.self_attn.v_proj"] == 3
    assert bits["model.layers.1.self_attn.v_proj"] == bits["model.layers.1.mlp.down_proj"] == 6
    assert bits["model.layers.1.self_attn.q_proj"] == bits["model.layers.1.mlp.up_proj"] == 3


def test_dequantized_weights_are_those_of_the_product(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "mixtral")
    convert(source, tmp_path / "q", quantize=True, q_bits=4, q_group_size=32)
    convert(tmp_path / "q", tmp_path / "d", dequantize=True)
    config = json.loads((tmp_path / "d" / "config.json").read_text())
    assert not config.keys() & {"quantization", "quantization_config"}
    tokens, _ = read_expected("mixtral")
    close(logits_of(tmp_path / "d", tokens), logits_of(tmp_path / "q", tokens), 1e-4)


def test_a_gguf_file_becomes_a_folder(tmp_path: Path) -> None:
    convert(make_gguf(tmp_path / "m.gguf", "llama"), tmp_path / "to", dtype="float32")
    tokens, logits = read_expected("llama")
    model, tokenizer = load(tmp_path / "to")
    close(model(tokens), logits, 2e-3)
    assert tokenizer.decode(tokenizer.encode("hell")) == "hell"
    assert tokenizer.eos_token_ids == {95}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantize": True, "dequantize": True}, "either"),
        ({"dtype": "int8"}, "dtype"),
        ({"quantize": True, "q_mode": "martian"}, "mode"),
        ({"quantize": True, "q_mode": "mxfp4", "quant_predicate": "mixed_3_6"}, "recipes"),
        ({"quantize": True, "quant_predicate": "mixed_9_9"}, "mixed_2_6"),
        ({"quantize": True, "q_bits": 7}, "bits"),
        ({"upload_repo": "a/b"}, "upload_repo"),
    ],
)
def test_wrong_arguments_leave_nothing(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    source = folder_of(tmp_path, "llama")
    with pytest.raises(ValueError, match=message):
        convert(source, tmp_path / "to", **change)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "llama")
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    with pytest.raises(ValueError, match="exists already"):
        convert(source, source)
    assert before == {path.name: path.read_bytes() for path in source.iterdir()}


def test_weights_in_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []
    monkeypatch.setattr(saving.files.make_shards, "__defaults__", (2e-5,))
    source = folder_of(tmp_path, "llama")
    convert(source, tmp_path / "to", progress=lambda done, total: sizes.append((done, total)))
    index = json.loads((tmp_path / "to" / "model.safetensors.index.json").read_text())
    names = sorted(path.name for path in (tmp_path / "to").glob("*.safetensors"))
    assert names[0] == f"model-00001-of-{len(names):05}.safetensors"
    assert set(index["weight_map"].values()) == set(names)
    assert [done for done, _ in sizes] == sorted({done for done, _ in sizes})
    assert len(sizes) == len(names)
    assert sizes[-1][0] == sizes[-1][1] == index["metadata"]["total_size"]
    assert index["metadata"]["total_parameters"] == get_total_parameters(make_model())
    tokens, logits = read_expected("llama")
    close(logits_of(tmp_path / "to", tokens), logits, 2e-3)
    monkeypatch.setattr(saving.files.make_shards, "__defaults__", (5,))
    with pytest.raises(ValueError, match="weights of another model"):
        save_model(tmp_path / "to", make_model())


def test_a_weight_is_never_divided() -> None:
    weights = {name: mx.zeros((256,)) for name in "abc"} | {"d": mx.zeros((4096,))}
    shards = make_shards(weights, 2048 / 2**30)
    assert [list(shard) for shard in shards] == [["a", "b"], ["c"], ["d"]]


def test_sizes_of_quantized_models() -> None:
    model = make_model()
    count = sum(value.size for _, value in tree_flatten(model.parameters()))
    assert get_total_parameters(model) == count
    assert compute_bits_per_weight(model) == 32
    quantize_model(model, {}, 32, 4)
    assert get_total_parameters(model) == count
    # Four bits, and a scale and a bias in float32 for each 32.
    assert 6 <= compute_bits_per_weight(model) < 7
    dequantize_model(model)
    assert get_total_parameters(model) == count
    assert compute_bits_per_weight(model) == 32


def test_configurations(tmp_path: Path) -> None:
    config = {"b": 1, "a": "é", "vision_config": {}, "quantization": {"bits": 4}}
    save_config(config, tmp_path / "config.json")
    text = (tmp_path / "config.json").read_text()
    bits = {"bits": 4}
    assert json.loads(text) == {
        "a": "é",
        "b": 1,
        "quantization": bits,
        "quantization_config": bits,
    }
    assert text.index('"a"') < text.index('"b"')
    assert config["vision_config"] == {}


def test_what_is_beside_the_weights_is_kept(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "llama")
    (source / "generation_config.json").write_text('{"eos_token_id": [7, 95]}')
    (source / "chat_template.jinja").write_text("{{ messages }}")
    (source / "code.py").write_text("raise SystemExit")
    convert(source, tmp_path / "to")
    assert not (tmp_path / "to" / "code.py").exists()
    _, tokenizer, config = load(tmp_path / "to", return_config=True)
    assert tokenizer.eos_token_ids == {7, 95}
    assert tokenizer.chat_template == "{{ messages }}"
    assert config["eos_token_id"] == [7, 95]


def test_load_model_takes_a_folder(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "llama")
    model, config = load_model(source, lazy=True, model_config={"rms_norm_eps": 0.5})
    assert config["rms_norm_eps"] == 0.5
    tokens, logits = read_expected("llama")
    assert not mx.allclose(model(tokens), logits, atol=1e-2)


def test_adapters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="adapter_path"):
        load(folder_of(tmp_path, "llama"), adapter_path="here")  # type: ignore[call-overload]


_OFFICIAL = """
import sys, mlx.core as mx
from mlx_lm.utils import load
for folder in sys.argv[1:]:
    model, tokenizer = load(folder)
    logits = model(mx.array([tokenizer.encode("hello")]))
    mx.save_safetensors(folder + "/../logits.safetensors", {"x": logits.astype(mx.float32)})
"""


@pytest.mark.skipif(importlib.util.find_spec("mlx_lm") is None, reason="needs official mlx-lm")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["llama", "qwen3", "mixtral", "gptj"])
def test_official_mlx_lm_reads_it(tmp_path: Path, name: str) -> None:
    source = folder_of(tmp_path, name)
    kinds: list[dict[str, Any]] = [
        {},
        {"quantize": True, "q_bits": 8, "q_group_size": 32},
        {"quantize": True, "q_mode": "mxfp8"},
        {"quantize": True, "q_mode": "nvfp4"},
    ]
    if name != "gptj":
        kinds.append({"quantize": True, "quant_predicate": "mixed_3_6", "q_group_size": 32})
    folders = [tmp_path / str(i) / "to" for i in range(len(kinds))]
    for folder, options in zip(folders, kinds, strict=True):
        convert(source, folder, **options)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", _OFFICIAL, *folders], check=True, env=environment)
    for folder in folders:
        model, tokenizer = load(folder)
        ours = np.array(model(mx.array([tokenizer.encode("hello")])))
        theirs = np.array(mx.load(str(folder.parent / "logits.safetensors"))["x"])
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3 * np.abs(theirs).max())
