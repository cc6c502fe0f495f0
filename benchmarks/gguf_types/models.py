"""The types, the models and the sides of ``bench_gguf.py``."""

from __future__ import annotations

from dataclasses import dataclass

# llama.cpp's numbers of the kinds of files that it makes.
TYPES = {
    "Q4_0": 2,
    "Q4_1": 3,
    "Q5_0": 8,
    "Q5_1": 9,
    "Q8_0": 7,
    "Q2_K": 10,
    "Q3_K_M": 12,
    "Q4_K_M": 15,
    "Q5_K_M": 17,
    "Q6_K": 18,
    "IQ4_XS": 30,
    "IQ4_NL": 25,
    "F16": 1,
    "BF16": 32,
}
SIDES = {
    "ours": ("ours", "mlx_lm_py"),
    "llama": ("llama.cpp", "llama_cpp"),
    "openvino": ("OpenVINO", "openvino_genai"),
}


@dataclass(frozen=True)
class Model:
    """A model that is measured.

    Attributes:
        title: What tables call it.
        types: The types that it is measured in if none are named.
        source: The type of the file that the others are made from.
        turns: How often each side has its turn.
        is_trained: Whether its predictions mean something.
    """

    title: str
    types: tuple[str, ...]
    source: str
    turns: int
    is_trained: bool


MODELS = {
    "smollm2": Model("SmolLM2-135M", tuple(TYPES), "F32", 3, True),
    "1b": Model(
        "1.1 billion random weights",
        ("Q4_0", "Q4_1", "Q8_0", "Q4_K_M", "Q5_K_M", "Q6_K", "IQ4_XS", "F16"),
        "F16",
        2,
        False,
    ),
}
