"""A language model of characters learns the text of Python's own language reference."""

import argparse
from pydoc_data.topics import topics

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
import numpy as np
from matplotlib.figure import Figure
from mlx_core_py import nn

Batch = dict[str, mx.array]


class LanguageModel(nn.Module):
    """A transformer in which each place sees those before it."""

    def __init__(self, characters: int, dims: int, layers: int, context: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, dims)
        self.positions = nn.Embedding(context, dims)
        self.transformer = nn.TransformerEncoder(
            layers, dims, num_heads=dims // 32, norm_first=True, activation=nn.gelu
        )
        self.output = nn.Linear(dims, characters)

    def __call__(self, tokens: mx.array) -> mx.array:
        """Return logits for the character after each of ``tokens``, (batch, length)."""
        length = tokens.shape[1]
        mask = nn.MultiHeadAttention.create_additive_causal_mask(length)
        x = self.embedding(tokens) + self.positions(mx.arange(length))
        logits: mx.array = self.output(self.transformer(x, mask))
        return logits


def loss(model: nn.Module, batch: Batch) -> mx.array:
    """Return the mean cross entropy of each next character."""
    tokens = batch["tokens"]
    return nn.losses.cross_entropy(model(tokens[:, :-1]), tokens[:, 1:], reduction="mean")


def sample(model: nn.Module, start: mx.array, count: int, context: int) -> mx.array:
    """Continue a text by ``count`` characters, each drawn from what the model expects."""
    tokens = start[None]
    for _ in range(count):
        logits = model(tokens[:, -context:])[:, -1] / 0.7
        tokens = mx.concatenate([tokens, mx.random.categorical(logits)[:, None]], axis=1)
        mx.eval(tokens)
    return tokens[0]


def main(
    steps: int = 600,
    dims: int = 128,
    layers: int = 3,
    context: int = 128,
    seed: int = 0,
    picture: str = "transformer_lm.png",
) -> None:
    """Train, print a text that the model makes up, and draw the curves."""
    text = "\n".join(topics[name] for name in sorted(topics))
    alphabet = sorted(set(text))
    codes = np.array([alphabet.index(character) for character in text], np.int32)
    print(f"{len(text)} characters, {len(alphabet)} different ones")

    # Pieces of one character more than the context, so that each place has a next one.
    pieces = codes[: len(codes) // (context + 1) * (context + 1)].reshape(-1, context + 1)
    pieces = pieces[np.random.default_rng(0).permutation(len(pieces))]
    held_back = len(pieces) // 10
    batches = mx.training.Batches({"tokens": pieces[held_back:]}, 32, seed=seed)
    validation = mx.training.Batches({"tokens": pieces[:held_back]}, 32, shuffle=False)

    mx.random.seed(seed)
    model = LanguageModel(len(alphabet), dims, layers, context)
    warmup = max(1, steps // 20)
    schedule = optim.join_schedules(
        [optim.linear_schedule(0, 2e-3, warmup), optim.cosine_decay(2e-3, steps)], [warmup]
    )
    trainer = mx.training.Trainer(model, optim.AdamW(schedule), loss, max_grad_norm=1.0)
    history = trainer.fit(
        batches, steps=steps, validation=validation, evaluate_every=max(1, steps // 5)
    )

    model.eval()
    start = mx.array([alphabet.index(character) for character in "The "])
    made = "".join(alphabet[i] for i in sample(model, start, 200, context).tolist())
    print(made)
    nats = history[-1]["validation_loss"]
    print(f"validation: {nats:.3f} nats, {nats / np.log(2):.3f} bits for each character")

    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.plot(*zip(*((row["step"], row["loss"]) for row in history), strict=True), label="training")
    checks = [(r["step"], r["validation_loss"]) for r in history if "validation_loss" in r]
    axes.plot(*zip(*checks, strict=True), "o-", label="validation")
    axes.set(xlabel="step", ylabel="nats for each character")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(picture)
    print("picture:", picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name, number in (("steps", 600), ("dims", 128), ("layers", 3), ("context", 128)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", default="transformer_lm.png")
    main(**vars(parser.parse_args()))
