"""GGUF files that are written: blocks against the package gguf, models read again."""

import json
from pathlib import Path
from typing import Any

import gguf
import mlx_core_py as mx
import numpy as np
import pytest
import tokenizers
from gguf import GGMLQuantizationType as TensorType
from mlx_core_py.utils import tree_flatten
from mlx_lm_py import convert, load
from mlx_lm_py.loading import default_model
from mlx_lm_py.models.registry import ALIASES
from mlx_lm_py.models.towers import text_config
from mlx_lm_py.saving.gguf import GGUF_KINDS, quantize_blocks, tokenizer_metadata
from mlx_lm_py.saving.gguf.metadata import WRITTEN
from mlx_lm_py.saving.gguf.writer import Tensor, write_gguf
from mlx_lm_utils_py import Tokenizer, read_gguf_header
from tiny_models import IN_GGUF, close, make_folder, read_config, read_expected
from tokenizers import decoders, normalizers
from tokenizers.models import BPE, WordPiece


def numbers(kind: str, shape: tuple[int, int] = (64, 512)) -> np.ndarray:
    rng = np.random.default_rng(3)
    values = rng.laplace(size=shape) if kind == "laplace" else rng.normal(size=shape)
    return ((np.abs(values) if kind == "positive" else values) * 0.02).astype(np.float32)


@pytest.mark.parametrize("distribution", ["normal", "laplace", "positive"])
@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0"])
def test_blocks_as_the_reference_has_them(kind: str, distribution: str) -> None:
    x = numbers(distribution)
    x[3, :64] = 0
    x[5, 32:64] = 1e-3
    x[6, :32] = np.arange(-16, 16)
    expected = gguf.quants.quantize(x, TensorType[kind])
    np.testing.assert_array_equal(np.array(quantize_blocks(mx.array(x), kind)), expected)


# Of normal, Laplace and absolute normal numbers, in shares of their root mean square: what
# llama.cpp's own reference rounding leaves.
_LLAMA = {
    "Q4_K": (0.07143, 0.08480, 0.04230),
    "Q5_K": (0.03615, 0.04293, 0.02075),
    "Q6_K": (0.01778, 0.02168, 0.01774),
}


@pytest.mark.parametrize("kind", _LLAMA)
def test_k_blocks_are_as_near_as_those_of_llama(kind: str) -> None:
    for distribution, error in zip(("normal", "laplace", "positive"), _LLAMA[kind], strict=True):
        x = numbers(distribution, (512, 1024))
        blocks = np.array(quantize_blocks(mx.array(x), kind))
        again = gguf.quants.dequantize(blocks, TensorType[kind])
        assert np.sqrt(((again - x) ** 2).mean() / (x**2).mean()) < 1.01 * error


@pytest.mark.parametrize("kind", _LLAMA)
@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e-20])
def test_k_blocks_of_one_number(kind: str, value: float) -> None:
    x = np.full((1, 256), value, np.float32)
    blocks = np.array(quantize_blocks(mx.array(x), kind))
    again = gguf.quants.dequantize(blocks, TensorType[kind])
    np.testing.assert_allclose(again, x, rtol=2e-3, atol=1e-9)


@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        (mx.zeros((1, 100)), "Q8_0", "no whole number of blocks"),
        (mx.array(1.0), "Q8_0", "no whole number of blocks"),
        (mx.zeros((1, 256)), "Q3_K", "must be one of"),
        (mx.full((1, 256), mx.nan), "Q6_K", "not finite"),
        (mx.full((1, 256), 1e30), "Q4_K", "too large"),
    ],
)
def test_what_has_no_place_in_blocks(x: mx.array, kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quantize_blocks(x, kind)


def test_a_file_as_the_package_reads_it(tmp_path: Path) -> None:
    metadata = {
        "general.architecture": "x",
        "x.bool": True,
        "x.int": 7,
        "x.negative": -7,
        "x.float": 0.5,
        "x.list": [1, -2, 3],
        "x.floats": [1.0, 2],
        "x.strings": ["é", ""],
        "x.empty": [],
    }
    tensors = {
        "a": Tensor("F32", (3,), lambda: mx.array([1.0, 2.0, 3.0])),
        "b": Tensor("BF16", (2, 2), lambda: mx.ones((2, 2), mx.bfloat16)),
        "c": Tensor("Q8_0", (2, 32), lambda: quantize_blocks(mx.ones((2, 32)), "Q8_0")),
    }
    write_gguf(tmp_path / "m.gguf", metadata, tensors)
    reader = gguf.GGUFReader(tmp_path / "m.gguf")
    for key, value in metadata.items():
        assert reader.fields[key].contents() == value
    assert reader.fields["x.list"].types[1] == gguf.GGUFValueType.INT32
    found = {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in reader.tensors}
    np.testing.assert_array_equal(found["a"], [1, 2, 3])
    np.testing.assert_array_equal(found["b"], np.ones((2, 2)))
    np.testing.assert_allclose(found["c"], np.ones((2, 32)), rtol=1e-3)
    assert list(tmp_path.iterdir()) == [tmp_path / "m.gguf"]


def test_a_file_that_fails_is_not_there(tmp_path: Path) -> None:
    def broken() -> mx.array:
        raise MemoryError

    with pytest.raises(MemoryError):
        write_gguf(tmp_path / "m.gguf", {}, {"a": Tensor("F32", (3,), broken)})
    with pytest.raises(TypeError, match=r"x\.y"):
        write_gguf(tmp_path / "m.gguf", {"x.y": None}, {})
    with pytest.raises(TypeError, match=r"x\.z"):
        write_gguf(tmp_path / "m.gguf", {"x.z": ["a", 1]}, {})
    assert not list(tmp_path.iterdir())


def folder_of(tmp_path: Path, name: str) -> Path:
    (tmp_path / "from").mkdir()
    return make_folder(tmp_path / "from", name)


def is_written(name: str) -> bool:
    kind = text_config(read_config(name))["model_type"]
    return ALIASES.get(kind, kind) in WRITTEN


@pytest.mark.parametrize("name", ["gemma3", *filter(is_written, IN_GGUF)])
def test_a_model_is_the_same_again(tmp_path: Path, name: str) -> None:
    convert(folder_of(tmp_path, name), tmp_path / "m.gguf", gguf="F32")
    tokens, logits = read_expected(name)
    close(load(tmp_path / "m.gguf")[0](tokens), logits, 2e-3)


@pytest.mark.parametrize("kind", GGUF_KINDS)
def test_weights_are_near_those_of_the_model(tmp_path: Path, kind: str) -> None:
    source = folder_of(tmp_path, "qwen3")
    convert(source, tmp_path / "m.gguf", gguf=kind)
    error = {"F32": 0.0, "F16": 1e-3, "BF16": 8e-3, "Q4_0": 0.12}.get(kind, 0.012)
    # Rows of 64 are no whole K blocks: these become Q8_0.
    expected = dict(tree_flatten(load(source)[0].parameters()))  # type: ignore[attr-defined]
    model: Any = load(tmp_path / "m.gguf", dtype=mx.float32)[0]
    from mlx_lm_py.utils import dequantize_model

    for path, value in tree_flatten(dequantize_model(model).parameters()):
        want = expected[path]
        assert mx.linalg.norm(value - want) <= error * mx.linalg.norm(want), path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpt2", "'gpt2' are not written"),
        ("qwen2_window", "cannot say"),
        ("gemma3_text_scale", "cannot say"),
        ("qwen2_moe_sparse", "cannot say"),
    ],
)
def test_what_cannot_be_said_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        convert(folder_of(tmp_path, name), tmp_path / "m.gguf", gguf="F32")
    assert [path.name for path in tmp_path.iterdir()] == ["from"]


def test_wrong_arguments(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "llama")
    with pytest.raises(ValueError, match=r"ends with \.gguf"):
        convert(source, tmp_path / "m", gguf="F16")
    with pytest.raises(ValueError, match="Q8_0"):
        convert(source, tmp_path / "m.gguf", gguf="Q2_Z")
    with pytest.raises(ValueError, match="quantize is for folders"):
        convert(source, tmp_path / "m.gguf", gguf="Q8_0", quantize=True)
    (tmp_path / "m.gguf").write_text("mine")
    with pytest.raises(ValueError, match="exists already"):
        convert(source, tmp_path / "m.gguf", gguf="F16")
    assert (tmp_path / "m.gguf").read_text() == "mine"


def test_the_tokenizer_is_the_same_again(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "llama")
    state = json.loads((source / "tokenizer.json").read_text())
    state["pre_tokenizer"]["use_regex"] = True
    (source / "tokenizer.json").write_text(json.dumps(state))
    (source / "tokenizer_config.json").write_text('{"eos_token": "</s>"}')
    (source / "chat_template.jinja").write_text("{{ messages[0].content }}!")
    convert(source, tmp_path / "m.gguf", gguf="F32")
    header = read_gguf_header(tmp_path / "m.gguf").metadata
    assert header["tokenizer.ggml.pre"] == "gpt-2"
    before, after = Tokenizer.from_folder(source), Tokenizer.from_gguf(header)
    text = "hello, it's 12 </s>"
    assert after.encode(text) == before.encode(text)
    assert after.eos_token_ids == before.eos_token_ids == {95}
    assert after.chat_template == before.chat_template


def test_pieces_with_bytes(tmp_path: Path) -> None:
    pieces = [
        "<unk>",
        "<s>",
        *(f"<0x{i:02X}>" for i in range(256)),
        "▁",
        "a",
        "b",
        "▁a",
        "ab",
        "▁ab",
    ]
    model = BPE(
        {piece: i for i, piece in enumerate(pieces)},
        [("▁", "a"), ("a", "b"), ("▁a", "b")],
        unk_token="<unk>",
        byte_fallback=True,
        fuse_unk=True,
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(["<s>"])
    ours = Tokenizer(tokenizer, {"bos_token": "<s>"})
    again = Tokenizer.from_gguf(tokenizer_metadata(ours, 270))
    for text in ("ab a b", "aab é", "b ab"):
        assert again.encode(text) == ours.encode(text)
    assert tokenizer_metadata(ours, 270)["tokenizer.ggml.tokens"][-1] == "[PAD269]"
    with pytest.raises(ValueError, match="only 10"):
        tokenizer_metadata(ours, 10)


def test_tokenizers_without_a_name() -> None:
    with pytest.raises(ValueError, match="WordPiece"):
        tokenizer_metadata(Tokenizer(tokenizers.Tokenizer(WordPiece({"a": 0}, unk_token="a"))), 1)
    with pytest.raises(ValueError, match="no name in GGUF files"):
        tokenizer_metadata(Tokenizer(tokenizers.Tokenizer(BPE({"a": 0}, []))), 1)


@pytest.mark.slow
@pytest.mark.model
def test_llama_runs_it(tmp_path: Path) -> None:
    llama_cpp = pytest.importorskip("llama_cpp")
    for kind in ("F16", "Q8_0", "Q4_K"):
        path = tmp_path / f"{kind}.gguf"
        convert(default_model(), path, gguf=kind)
        model = llama_cpp.Llama(str(path), verbose=False, n_ctx=128)
        text = "Hello 12 worlds, it's\n\n  me"
        expected = load(path)[1].encode(text)
        assert model.tokenize(text.encode(), add_bos=False, special=True) == expected
        answer = model.create_completion("The capital of France is", max_tokens=4, temperature=0)
        assert "Paris" in answer["choices"][0]["text"]
