"""How byte-level tokenizers cut a text into words, by the names that GGUF files have for it.

The expressions are published with each model, in its ``tokenizer.json``; several names stand for
the same one. What is right for each: https://github.com/ggml-org/llama.cpp
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["WORD_SPLITS", "WordSplit"]


def __dir__() -> list[str]:
    return __all__


class WordSplit(NamedTuple):
    """How a text is cut before merges are applied within each piece.

    Attributes:
        expressions: Regular expressions. The text is cut at the matches of the first, what comes
            out at those of the second, and so on.
        whole_words: A piece that is a token is taken as it is, whatever the merges make of it.
        add_bos: Whether a document begins with the first token unless the file says otherwise.
    """

    expressions: tuple[str, ...]
    whole_words: bool = False
    add_bos: bool = False


_CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_TAIL = rf" ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}"
_WORD = rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+"

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = rf"{_WORD}|\p{{N}}{{1,3}}|{_TAIL}"
_QWEN2 = rf"{_WORD}|\p{{N}}|{_TAIL}"
_QWEN35 = (
    rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}"
    rf"| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}"
)

# Words that begin with capitals and go on in small letters; letters without case are both.
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"


def _by_case(digits: str, suffix: str = "", upper: str = _UPPER, lower: str = _LOWER) -> str:
    start = r"[^\r\n\p{L}\p{N}]?"
    return (
        rf"{start}[{upper}]*[{lower}]+{suffix}|{start}[{upper}]+[{lower}]*{suffix}"
        rf"|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"
    )


_GPT4O = _by_case(r"\p{N}{1,3}", f"{_CONTRACTION}?")
_TEKKEN = _by_case(r"\p{N}")
_NOT_HAN = r"&&[^\p{Han}]"
_KIMI = r"[\p{Han}]+|" + _by_case(
    r"\p{N}{1,3}", f"{_CONTRACTION}?", _UPPER + _NOT_HAN, _LOWER + _NOT_HAN
).replace(r"[\r\n/]*", r"[\r\n]*")

_ASCII_MARKS = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"
_DEEPSEEK3_WORDS = (
    rf"{_ASCII_MARKS}[A-Za-z]+|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+"
    rf"| ?[\p{{P}}\p{{S}}]+[\r\n]*|{_SPACES}"
)
_DEEPSEEK3 = (r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", _DEEPSEEK3_WORDS)  # noqa: RUF001
_DEEPSEEK_CJK = "[一-龥\u0800-一가-\ud7ff]+"
_AFMOE_ASIAN = (
    "[一-\u9fff㐀-\u4dbf\uf900-\ufaff\u3040-ゟ゠-ヿ･-ﾟ\u2f00-\u2fdf\u0e40-\u0e7f\u0e80-\u0eff"  # noqa: RUF001
    "\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff가-\ud7af\u1100-\u11ff]+"
)
_YOUTU_ASIAN = "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥\u3040-ゟ゠-ヿ]+"  # noqa: RUF001
_BAILING = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)
_EXAONE_MOE = (
    rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?(?:\p{{L}}\p{{M}}*(?: \p{{L}}\p{{M}}*)*)+|\p{{N}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"
)
_SENTENCE_MARKS = r" ?[^(\s|.,!?…。，、।۔،)]+"  # noqa: RUF001
# From the left in threes, counted from the right: 1 234 567.
_THREES_FROM_RIGHT = r"\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))"

_FAMILIES: dict[WordSplit, str] = {
    WordSplit((r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", "[0-9][0-9][0-9]")): "default",
    WordSplit((_GPT2,)): (
        "gpt-2 phi-2 olmo mpt jais trillion granite-docling mellum exaone4 modern-bert gigachat "
        "a.x-4.0 jina-es jina-de jina-v1-en jina-v2-es jina-v2-de jina-v2-code roberta-bpe"
    ),
    WordSplit((r"\p{N}", _GPT2)): (
        "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2"
    ),
    WordSplit((_LLAMA3,), whole_words=True, add_bos=True): (
        "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2"
    ),
    WordSplit((_LLAMA3,)): "glm4 chatglm-bpe dbrx smaug-bpe",
    WordSplit((_QWEN2,)): (
        "qwen2 deepseek-r1-qwen stablelm2 kormo hunyuan megrez grok-2 solar-open"
    ),
    WordSplit((_QWEN35,)): "qwen35",
    WordSplit((_GPT4O,)): "gpt-4o llama4 minimax-m2 talkie",
    WordSplit((_TEKKEN,), whole_words=True, add_bos=True): "tekken",
    WordSplit((_KIMI,)): "kimi-k2",
    WordSplit(_DEEPSEEK3): "deepseek-v3 hunyuan-dense joyai-llm",
    WordSplit(
        (
            r"[\r\n]",
            r"\s?[\p{Lu}\p{Ll}\p{Lt}]+",
            "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+",  # noqa: RUF001
            r"\s+$",
            _DEEPSEEK_CJK,
            r"\p{N}+",
        )
    ): "deepseek-llm",
    WordSplit((r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _DEEPSEEK_CJK, r"\p{N}")): "deepseek-coder",
    WordSplit((r"[\p{P}\$\+<=>\^~\|`]+", _GPT2, "[0-9][0-9][0-9]")): "falcon",
    WordSplit((_BAILING,)): "bailingmoe bailingmoe2 llada-moe",
    WordSplit((rf"{_WORD}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|{_SPACES}",)): "seed-coder",
    WordSplit((r"\p{N}+", r"(?=(\d{3})+(?!\d))")): "superbpe",
    WordSplit((_THREES_FROM_RIGHT, _AFMOE_ASIAN, _DEEPSEEK3_WORDS)): "afmoe",
    WordSplit((_EXAONE_MOE,)): "exaone-moe",
    WordSplit((_YOUTU_ASIAN, _by_case(r"\p{N}", f"{_CONTRACTION}?")), whole_words=True): "youtu",
    WordSplit((_SENTENCE_MARKS,)): "poro-chat bloom gpt3-finnish",
    WordSplit((_SENTENCE_MARKS, r"\p{N}")): "viking",
}

WORD_SPLITS: dict[str, WordSplit] = {
    name: split for split, names in _FAMILIES.items() for name in names.split()
}
"""By ``tokenizer.ggml.pre``."""
