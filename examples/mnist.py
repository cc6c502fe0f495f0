"""Handwritten digits, by a perceptron and by a small convolutional network.

``--data`` names a folder with MNIST's four files, compressed or not. Without it these are the 1797
digits of 8 by 8 pixels that scikit-learn carries, of which a fifth is for the test.
"""

import argparse
import gzip
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
import numpy as np
from matplotlib.figure import Figure
from mlx_core_py import nn
from sklearn.datasets import load_digits

Batch = dict[str, mx.array]


def read_idx(folder: Path, name: str) -> np.ndarray:
    """Read a file of MNIST: four bytes of which the last is the number of axes, sizes, numbers."""
    path = next(path for path in (folder / name, folder / f"{name}.gz") if path.exists())
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = content[3]
    sizes = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(sizes)


def load(folder: str | None) -> tuple[Batch, Batch]:
    """Return what to train on and what to test with: images of 0 to 1, and their digits."""
    if folder is None:
        digits: Any = load_digits()
        order = np.random.default_rng(0).permutation(len(digits.images))
        parts = [(digits.images[i] / 16, digits.target[i]) for i in np.split(order, [1437])]
    else:
        names = [[f"{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]
                 for part in ("train", "t10k")]  # fmt: skip
        parts = [(read_idx(Path(folder), a) / 255, read_idx(Path(folder), b)) for a, b in names]
    train, test = (
        {"image": mx.array(images[..., None], mx.float32), "label": mx.array(labels, mx.int32)}
        for images, labels in parts
    )
    return train, test


def perceptron(size: int) -> nn.Module:
    """Return two hidden layers for images of ``size`` by ``size`` pixels."""
    return nn.Sequential(
        lambda x: x.flatten(1), nn.Linear(size * size, 256), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.2), nn.Linear(256, 10),
    )  # fmt: skip


def convolutional(size: int) -> nn.Module:
    """Return two convolutions, a maximum over squares of four pixels and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm(32), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm(64), nn.ReLU(),
        nn.MaxPool2d(2, 2), lambda x: x.flatten(1), nn.Dropout(0.4),
        nn.Linear(64 * (size // 2) ** 2, 10),
    )  # fmt: skip


def loss(model: nn.Module, batch: Batch) -> mx.array:
    """Return the cross entropy of the digits."""
    return nn.losses.cross_entropy(model(batch["image"]), batch["label"], reduction="mean")


def accuracy(model: nn.Module, batch: Batch) -> mx.array:
    """Return the share of digits that the model finds most probable."""
    return mx.mean(mx.argmax(model(batch["image"]), axis=1) == batch["label"])


def main(
    epochs: int = 40, data: str | None = None, seed: int = 0, picture: str = "mnist.png"
) -> None:
    """Train both, print their accuracies, and draw digits that the second one mistakes."""
    train, test = load(data)
    left, right = Figure(figsize=(9, 3), layout="constrained").subfigures(1, 2, squeeze=False)[0]
    curves = left.subplots()
    for make in (perceptron, convolutional):
        mx.random.seed(seed)
        model = make(train["image"].shape[1])
        batches = mx.training.Batches(train, 64, seed=seed)
        steps = epochs * len(batches)
        optimizer = optim.AdamW(optim.cosine_decay(2e-3, steps))
        trainer = mx.training.Trainer(model, optimizer, loss, metrics={"accuracy": accuracy})
        validation = mx.training.Batches(test, 200, shuffle=False, drop_last=False)
        every = max(1, steps // 20)
        history = trainer.fit(
            batches, steps=steps, validation=validation, evaluate_every=every, log_every=every
        )
        results = [row["validation_accuracy"] for row in history]
        curves.plot([row["step"] for row in history], results, label=make.__name__)
        print(f"{make.__name__}: accuracy {results[-1]:.2%}")
    curves.set(xlabel="step", ylabel="accuracy on test digits")
    curves.legend()

    model.eval()
    found = mx.argmax(model(test["image"][:1000]), axis=1).tolist()
    labels = test["label"].tolist()
    # The mistakes first, then others.
    order = sorted(range(len(found)), key=lambda i: found[i] == labels[i])
    for axes, i in zip(right.subplots(2, 5).flat, order, strict=False):
        axes.imshow(test["image"][i, ..., 0], cmap="gray_r")
        axes.set_title(found[i], color="black" if found[i] == labels[i] else "red")
        axes.set_axis_off()
    left.figure.savefig(picture)
    print("picture:", picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--data", help="a folder with the files of MNIST")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", default="mnist.png")
    main(**vars(parser.parse_args()))
