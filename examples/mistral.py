"""Mistral 7B continues a text, with its weights packed into four bits.

``--model`` is a repository on the Hugging Face hub, a folder or a GGUF file. The whole model has 15
GB; packed it is less than a third of that.
"""

import argparse
from typing import Any

import mlx_core_py as mx
from matplotlib.figure import Figure
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten
from mlx_lm_py import load, stream_generate
from mlx_lm_py.sample_utils import make_sampler


def main(
    model: str = "mistralai/Mistral-7B-v0.1",
    prompt: str = "In the beginning the Universe was created.",
    max_tokens: int = 100,
    temp: float = 0.0,
    seed: int = 0,
    bits: int = 4,
    picture: str = "mistral.png",
) -> None:
    """Pack the weights, print the text as it is made, and draw the time of each token."""
    mx.random.seed(seed)
    loaded, tokenizer = load(model)
    language_model: Any = loaded
    before = megabytes(language_model)
    if bits < 16:
        # Layers whose rows are no whole groups of 32 weights stay as they are.
        nn.quantize(
            language_model,
            group_size=32,
            bits=bits,
            class_predicate=lambda path, layer: (
                hasattr(layer, "to_quantized") and layer.weight.shape[-1] % 32 == 0
            ),
        )
        mx.eval(language_model.parameters())
    print(f"{before:.1f} MB of weights, packed {megabytes(language_model):.1f} MB")

    print(prompt, end="", flush=True)
    rates = []
    sampler = make_sampler(temp=temp)
    for response in stream_generate(
        language_model, tokenizer, prompt, max_tokens=max_tokens, sampler=sampler
    ):
        print(response.text, end="", flush=True)
        if response.finish_reason is not None:
            print(f"\n{response.statistics}")
        if response.generation_tokens > 1:
            rates.append((response.generation_tokens, response.generation_tps))

    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.plot([tokens for tokens, _ in rates], [rate for _, rate in rates])
    axes.set(xlabel="tokens generated", ylabel="tokens per second", ylim=(0, None))
    axes.grid(alpha=0.3)
    figure.savefig(picture)
    print("picture:", picture)


def megabytes(model: Any) -> float:
    """Return how large the parameters of a model are."""
    nbytes: int = sum(array.nbytes for _, array in tree_flatten(model.parameters()))
    return nbytes / 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mistralai/Mistral-7B-v0.1")
    parser.add_argument("--prompt", default="In the beginning the Universe was created.")
    parser.add_argument("--max-tokens", type=int, default=100)
    parser.add_argument("--temp", type=float, default=0.0, help="0 takes the most probable token")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bits", type=int, default=4, help="16 leaves the weights as they are")
    parser.add_argument("--picture", default="mistral.png")
    main(**vars(parser.parse_args()))
