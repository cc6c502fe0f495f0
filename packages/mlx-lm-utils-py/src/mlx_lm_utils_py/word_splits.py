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
_MARKS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
_TAIL = rf"{_MARKS}|{_SPACES}"
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
_SPARK_WORDS = _DEEPSEEK3_WORDS.replace(r"[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+", r"[\p{P}\p{S}]+|[\r\n]")
_DEEPSEEK3 = (r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", _DEEPSEEK3_WORDS)  # noqa: RUF001
# Letters that have a case, of the version of Unicode that the expression was written for.
_CASED = (
    "A-Za-zµÀ-ÖØ-öø-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377"
    "\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481"
    "\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba"
    "\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d"
    "\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4"
    "\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec"
    "\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128"
    "\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b"
    "\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787"
    "\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a"
    "\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2"
    "\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943"
)
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
# Spaces in lengths that are powers of two, the longest first.
_RUNS = (
    "|".join(rf"\s{{{size}}}(?!\S)" for size in (512, 256, 128, 64, 32, 16, 8, 4, "1,2"))
    + r"|\s{1}"
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
        "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano"
    ),
    WordSplit((_LLAMA3,), whole_words=True): "glm4 glm5",
    WordSplit((_LLAMA3,)): "chatglm-bpe dbrx smaug-bpe",
    WordSplit((_QWEN2,)): (
        "qwen2 deepseek-r1-qwen stablelm2 kormo hunyuan megrez grok-2 solar-open f2llmv2"
    ),
    WordSplit((_QWEN35,)): "qwen35",
    WordSplit((_GPT4O,)): "gpt-4o llama4 minimax-m2 talkie kanana2",
    WordSplit((_TEKKEN,), whole_words=True, add_bos=True): "tekken",
    WordSplit((_KIMI,)): "kimi-k2",
    WordSplit(_DEEPSEEK3): "deepseek-v3 hunyuan-dense joyai-llm hy_v4",
    WordSplit(
        (
            r"[\r\n]",
            rf"\s?[{_CASED}]+",
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
    WordSplit((r"[^\n]+|\n+", _QWEN2)): "laguna",
    WordSplit((r"\p{N}{1,3}", rf"{_WORD}|\p{{N}}+|{_TAIL}"), whole_words=True): "minicpm5",
    WordSplit((*_DEEPSEEK3[:2], _SPARK_WORDS, r"\p{N}")): "spark2_5",
    WordSplit((rf"{_WORD}|\p{{N}}{{1,3}}|{_MARKS}|\s*[\r\n]+|{_RUNS}",)): "jais-2",
    WordSplit((_GPT4O,), whole_words=True): "granite-embed-multi-97m",
    WordSplit((r"\d{1,3}(?=(?:\d{3})*\b)", _GPT4O)): "tiny_aya cohere2moe",
    WordSplit((rf"[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_TAIL}",)): "ufakzeka",
    WordSplit((_SENTENCE_MARKS,)): "poro-chat bloom gpt3-finnish",
    WordSplit((_SENTENCE_MARKS, r"\p{N}")): "viking",
}

WORD_SPLITS: dict[str, WordSplit] = {
    name: split for split, names in _FAMILIES.items() for name in names.split()
}
"""By ``tokenizer.ggml.pre``."""
