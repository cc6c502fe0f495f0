"""Vocabularies in the forms of tiktoken, tekken, SentencePiece and WordPiece."""

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from mlx_lm_utils_py import Tokenizer
from mlx_lm_utils_py.word_splits import WORD_SPLITS
from tokenizers import AddedToken, Regex, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, WordPiece


def write(folder: Path, name: str, content: Any) -> None:
    (folder / name).write_text(json.dumps(content))


def stream(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    detokenizer = tokenizer.detokenizer
    return [*(detokenizer.add_token(i) for i in ids), detokenizer.finalize()]


def merged_by_rank(ranks: dict[bytes, int], word: bytes) -> list[int]:
    """What tiktoken does: of all pairs that are a token, join that of the lowest rank."""
    if word in ranks:
        return [ranks[word]]
    parts = [bytes([byte]) for byte in word]
    while True:
        pairs = [
            (ranks[a + b], i)
            for i, (a, b) in enumerate(itertools.pairwise(parts))
            if a + b in ranks
        ]
        if not pairs:
            return [ranks[part] for part in parts]
        _, at = min(pairs)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


def ranked_tokens() -> list[bytes]:
    """All bytes in an order of their own, and what lies between them and words."""
    tokens = [bytes([(7 * i + 3) % 256]) for i in range(256)]
    words = (" hello", "hello", "hell", "lo", "el", "he", "ell", " h", "é", "ヨ", "12", "!!", "  ")
    return tokens + sorted((word.encode() for word in words), key=len)


def ranked_line(token: bytes, rank: int) -> bytes:
    return base64.b64encode(token) + f" {rank}\n".encode()


TEXTS = ["hello hello", " hellllo!!  12123 é ヨヨ", "\r\n\x00ÿ", "", "👩‍👧 ehell"]


@pytest.mark.parametrize("name", ["tokenizer.model", "tiktoken.model", "qwen.tiktoken"])
def test_tiktoken_files(tmp_path: Path, name: str) -> None:
    tokens = ranked_tokens()
    lines = [ranked_line(token, rank) for rank, token in enumerate(tokens)]
    (tmp_path / name).write_bytes(b"".join(lines))
    is_qwen = name == "qwen.tiktoken"
    write(
        tmp_path,
        "tokenizer_config.json",
        {
            "tokenizer_class": "QWenTokenizer" if is_qwen else "PreTrainedTokenizerFast",
            "added_tokens_decoder": {} if is_qwen else {"300": {"content": "<|x|>", "special": 1}},
            "bos_token": None if is_qwen else "<|x|>",
        },
    )
    tokenizer = Tokenizer.from_folder(tmp_path)
    ranks = {token: rank for rank, token in enumerate(tokens)}
    split = Regex(WORD_SPLITS["qwen2" if is_qwen else "llama-bpe"].expressions[0])
    for text in TEXTS:
        pieces = pre_tokenizers.Split(split, "isolated").pre_tokenize_str(text)
        expected = [i for piece, _ in pieces for i in merged_by_rank(ranks, piece.encode())]
        assert tokenizer.encode(text, add_special_tokens=False) == expected
        assert tokenizer.decode(expected) == text
        assert "".join(stream(tokenizer, expected)) == text
    special = len(tokens) + 2 if is_qwen else 300
    text = "<|im_end|>" if is_qwen else "<|x|>"
    assert tokenizer.encode(text, add_special_tokens=False) == [special]
    assert tokenizer.encode("") == ([] if is_qwen else [300])


@pytest.mark.parametrize(
    "lines",
    [
        [ranked_line(b"a", 0), ranked_line(b"b", 2)],
        [ranked_line(b"a", 0), ranked_line(b"a", 1)],
        [ranked_line(b"a", 0), b"?? 1\n"],
        [ranked_line(b"a", 0), b"YQ==\n"],
        [ranked_line(b"a" * 2000, 0)],
    ],
)
def test_damaged_tiktoken_files(tmp_path: Path, lines: list[bytes]) -> None:
    (tmp_path / "tokenizer.model").write_bytes(b"".join(lines))
    with pytest.raises(ValueError, match=r"tokenizer\.model"):
        Tokenizer.from_folder(tmp_path)


def test_a_class_that_cuts_words_in_an_unknown_way(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(ranked_line(b"a", 0))
    write(tmp_path, "tokenizer_config.json", {"tokenizer_class": "MartianTokenizer"})
    with pytest.raises(ValueError, match="MartianTokenizer"):
        Tokenizer.from_folder(tmp_path)


def tekken(**changes: Any) -> dict[str, Any]:
    tokens = ranked_tokens()
    config = {
        "pattern": WORD_SPLITS["tekken"].expressions[0],
        "default_vocab_size": len(tokens) + 30,
        "default_num_special_tokens": 30,
    }
    vocabulary = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for rank, token in enumerate([*tokens, b"beyond the size"])
    ]
    return {"config": config | changes.pop("config", {}), "vocab": vocabulary} | changes


def test_tekken(tmp_path: Path) -> None:
    own = [{"rank": 21, "token_str": "[THINK]", "is_control": True}]
    write(tmp_path, "tekken.json", tekken(special_tokens=own))
    tokenizer = Tokenizer.from_folder(tmp_path)
    ranks = {token: rank + 30 for rank, token in enumerate(ranked_tokens())}
    split = Regex(WORD_SPLITS["tekken"].expressions[0])
    for text in TEXTS:
        pieces = pre_tokenizers.Split(split, "isolated").pre_tokenize_str(text)
        expected = [i for piece, _ in pieces for i in merged_by_rank(ranks, piece.encode())]
        assert tokenizer.encode(text) == [1, *expected]
        assert tokenizer.decode(expected) == text
    assert tokenizer.encode("[INST]</s>[THINK]<SPECIAL_29>") == [1, 3, 2, 21, 29]
    assert tokenizer.vocab_size == len(ranks) + 30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"pattern": "a+"}}, "pattern"),
        ({"config": {"default_vocab_size": 10**9}}, "sizes"),
        ({"config": {"default_vocab_size": 5000}}, "less than its size"),
        ({"config": {"default_num_special_tokens": None}}, "sizes"),
        ({"vocab": {}}, "'vocab'"),
        ({"vocab": [{"rank": 0, "token_bytes": "?"}] * 999}, "token 0"),
        ({"special_tokens": [{"rank": 99, "token_str": "x"}]}, "no special token"),
    ],
)
def test_damaged_tekken(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write(tmp_path, "tekken.json", tekken(**change))
    with pytest.raises(ValueError, match=message):
        Tokenizer.from_folder(tmp_path)


def test_wordpiece() -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "play", "##ing", "##s", "a", "##a", ",", "naive"]
    reference = tokenizers.Tokenizer(
        WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    )
    reference.normalizer = normalizers.BertNormalizer()
    reference.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    metadata = {
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.tokens": [
            w if w[0] == "[" else w[2:] if w[:2] == "##" else f"▁{w}" for w in words
        ],
        "tokenizer.ggml.token_type": [3] * 4 + [1] * 7,
        "tokenizer.ggml.unknown_token_id": 1,
        "tokenizer.ggml.cls_token_id": 2,
        "tokenizer.ggml.seperator_token_id": 3,
    }
    tokenizer = Tokenizer.from_gguf(metadata)
    for text in ("Playing, plays aaa", "NAÏVE play", "東 a"):
        expected = reference.encode(text).ids
        assert tokenizer.encode(text, add_special_tokens=False) == expected
        assert tokenizer.encode(text) == [2, *expected, 3]
    with pytest.raises(ValueError, match="unknown_token_id"):
        Tokenizer.from_gguf({k: v for k, v in metadata.items() if "unknown" not in k})
    with pytest.raises(ValueError, match="twice"):
        Tokenizer.from_gguf(
            metadata | {"tokenizer.ggml.tokens": ["[PAD]", "[UNK]", "##a", "x", "a", *"bcdefg"]}
        )


def test_added_runs_of_spaces_are_streamed_as_spaces() -> None:
    """As Gemma has them."""
    model = BPE({"▁": 0, "a": 1, "▁▁▁": 2, "<e>": 3}, [])
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    tokenizer.add_tokens([AddedToken("▁▁▁", normalized=True)])
    tokenizer.add_special_tokens(["<e>"])
    assert "".join(stream(Tokenizer(tokenizer), [1, 2, 1, 0, 3])) == "a   a <e>"
