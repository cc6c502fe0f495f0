"""A variational autoencoder learns to write digits: scikit-learn's, of 8 by 8 pixels."""

import argparse
from typing import Any

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
from matplotlib.figure import Figure
from mlx_core_py import nn
from sklearn.datasets import load_digits

Batch = dict[str, mx.array]


class VAE(nn.Module):
    """An encoder from images to distributions of a few numbers, and a decoder back."""

    def __init__(self, pixels: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, pixels)
        )

    def __call__(self, x: mx.array) -> tuple[mx.array, mx.array, mx.array]:
        """Return the logits of the pixels that come back, and the mean and log-variance."""
        mean, log_variance = mx.split(self.encoder(x), 2, axis=-1)
        # Drawn as mean plus scaled noise, so that gradients reach the encoder.
        z = mean + mx.exp(0.5 * log_variance) * mx.random.normal(mean.shape)
        return self.decoder(z), mean, log_variance


def loss(model: nn.Module, batch: Batch) -> mx.array:
    """Return the negative evidence lower bound of an image, in nats."""
    logits, mean, log_variance = model(batch["image"])
    pixels = nn.losses.binary_cross_entropy(logits, batch["image"], reduction="none").sum(-1)
    divergence = 0.5 * (mx.exp(log_variance) + mean**2 - 1 - log_variance).sum(-1)
    return mx.mean(pixels + divergence)


def main(epochs: int = 150, latent: int = 8, seed: int = 0, picture: str = "vae.png") -> None:
    """Train, and draw digits, what comes back of them, and digits of random numbers."""
    digits: Any = load_digits()
    images = mx.array(digits.data / 16, mx.float32)
    train, test = images[:1500], images[1500:]
    mx.random.seed(seed)
    model = VAE(images.shape[1], hidden=256, latent=latent)
    batches = mx.training.Batches({"image": train}, 100, seed=seed)
    steps = epochs * len(batches)
    trainer = mx.training.Trainer(model, optim.Adam(optim.cosine_decay(2e-3, steps)), loss)
    history = trainer.fit(
        batches,
        steps=steps,
        validation=mx.training.Batches({"image": test}, len(test)),
        evaluate_every=max(1, steps // 5),
        log_every=max(1, steps // 20),
    )
    print(f"{history[-1]['validation_loss']:.2f} nats for each new image")

    rows = {
        "digits": test[:12],
        "come back": mx.sigmoid(model(test[:12])[0]),
        "made up": mx.sigmoid(model.decoder(mx.random.normal((12, latent)))),
    }
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    for line, (name, pictures) in zip(figure.subplots(3, 12), rows.items(), strict=True):
        for axes, image in zip(line, pictures, strict=True):
            axes.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.savefig(picture)
    print("picture:", picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--latent", type=int, default=8, help="how many numbers describe an image")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", default="vae.png")
    main(**vars(parser.parse_args()))
