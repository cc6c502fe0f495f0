"""Stop strings, and text that never shows a part of a character."""

import codecs
from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from mlx_lm_py import generate, stream_generate
from mlx_lm_py.answers import StopStrings
from mlx_lm_utils_py import StreamingDetokenizer
from tiny_models import make_model, wrapped_tokenizer
from tokenizers import decoders, models, pre_tokenizers

PROMPT = [5, 17, 80, 3, 44, 2, 9]
few = st.text(alphabet="ab", max_size=20)


def cut(text: str, stops: list[str]) -> tuple[str, str | None]:
    """By definition: the shortest beginning of the text that ends with one of the strings."""
    for end in range(1, len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            word = max(found, key=len)
            return text[: end - len(word)], word
    return text, None


@given(st.lists(few), st.lists(st.text(alphabet="ab", min_size=1, max_size=5), max_size=4))
def test_text_before_the_first_stop_string(pieces: list[str], stops: list[str]) -> None:
    stop = StopStrings(stops)
    shown = ""
    for i, piece in enumerate(pieces):
        shown += stop.add(piece)
        so_far = "".join(pieces[: i + 1])
        if stop.found is None:
            # No more is held back than what may begin one of them.
            waiting = so_far.removeprefix(shown)
            assert so_far == shown + waiting
            assert not waiting or any(word.startswith(waiting) for word in stops)
            later = [so_far[k:] for k in range(len(shown))]
            assert not any(word.startswith(rest) for rest in later for word in stops)
    shown += stop.finish()
    assert (shown, stop.found) == cut("".join(pieces), stops)


@pytest.mark.parametrize(
    ("stop", "error"), [(5, TypeError), ([5], TypeError), ("", ValueError), (["a", ""], ValueError)]
)
def test_wrong_stop_strings(stop: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="stop must"):
        stream_generate(make_model(), wrapped_tokenizer(), PROMPT, stop=stop)


def test_generation_stops() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    text = generate(model, tokenizer, PROMPT, max_tokens=20)
    # Over the borders of tokens, which are single characters here.
    word = text[8:11]
    expected, found = cut(text, [word, "never there"])
    assert found == word
    responses = list(stream_generate(model, tokenizer, PROMPT, max_tokens=20, stop=[word]))
    assert "".join(response.text for response in responses) == expected
    assert [response.finish_reason for response in responses[:-1]] == [None] * (len(responses) - 1)
    assert responses[-1].finish_reason == "stop"
    assert len(responses) == len(expected) + 3
    assert generate(model, tokenizer, PROMPT, max_tokens=20, stop=word) == expected


def test_what_began_a_stop_string_is_given_at_the_end() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    text = generate(model, tokenizer, PROMPT, max_tokens=12)
    *_, last = stream_generate(model, tokenizer, PROMPT, max_tokens=12, stop=text[-3:] + "more")
    assert (last.text, last.finish_reason) == (text[-3:], "length")


def byte_level() -> tokenizers.Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = tokenizers.Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return tokenizer


def byte_fallback() -> tokenizers.Tokenizer:
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)}
    vocabulary |= {character: 256 + i for i, character in enumerate("ab▁é")}
    model = models.BPE(vocabulary, [], byte_fallback=True)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer


@pytest.mark.parametrize("make", [byte_level, byte_fallback])
@given(text=st.text(max_size=12))
def test_characters_come_whole(make: Any, text: str) -> None:
    tokenizer = make()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    detokenizer = StreamingDetokenizer(tokenizer)
    pieces = [detokenizer.add_token(i) for i in ids]
    # All is there before the end, as all characters are complete.
    assert "".join(pieces) == text.replace("▁", " " if make is byte_fallback else "▁")
    assert detokenizer.finalize() == ""


def replace_each(error: UnicodeError) -> tuple[str, int]:
    """Put one U+FFFD for each byte."""
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("replace_each", replace_each)


@pytest.mark.parametrize("make", [byte_level, byte_fallback])
@given(data=st.binary(max_size=12))
def test_bytes_that_are_no_text_replace_nothing_else(make: Any, data: bytes) -> None:
    tokenizer = make()
    if make is byte_level:
        of = {v: k for k, v in zip_alphabet().items()}
        ids = [tokenizer.token_to_id(of[byte]) for byte in data]
    else:
        ids = list(data)
    detokenizer = StreamingDetokenizer(tokenizer)
    text = "".join(detokenizer.add_token(i) for i in ids) + detokenizer.finalize()
    # SentencePiece, which has bytes to fall back to, replaces each that is in no character.
    assert text == data.decode(errors="replace" if make is byte_level else "replace_each")


def zip_alphabet() -> dict[str, int]:
    """The characters of byte-level pieces, by what the library itself makes of each byte."""
    table = {}
    splitter = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for code in range(256):
        # Each byte as the last one of a character of two bytes, or as itself.
        character = chr(code) if code < 128 else None
        if character is not None:
            table[splitter.pre_tokenize_str(character)[0][0]] = code
    for code in range(0x80, 0x800):
        piece = splitter.pre_tokenize_str(chr(code))[0][0]
        table.update(zip(piece, chr(code).encode(), strict=True))
    printable = set(pre_tokenizers.ByteLevel.alphabet())
    rest = sorted(printable - table.keys())
    # Bytes that no text has: the alphabet gives them characters in their own order.
    table.update(zip(rest, sorted(set(range(256)) - set(table.values())), strict=True))
    return table
