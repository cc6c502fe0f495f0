"""A residual network for images of 32 by 32 pixels in ten classes, as CIFAR-10 has them.

The images are made: a figure of one of ten kinds, of any size, place and colour, before noise.
"""

import argparse
from itertools import pairwise

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
import numpy as np
from matplotlib.figure import Figure
from mlx_core_py import nn

KINDS = "disc ring square frame triangle plus cross stripes columns checks".split()


def make_images(count: int, seed: int) -> dict[str, mx.array]:
    """Draw ``count`` images, (count, 32, 32, 3) of about -1 to 1, each with its kind."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(len(KINDS), size=count).astype(np.int32)
    size = rng.uniform(6, 11, (count, 1, 1))
    centre = rng.uniform(11, 21, (2, count, 1, 1))
    # Coordinates in which each figure is of size 1 at the origin.
    y, x = ((np.mgrid[:32, :32][axis] - centre[axis]) / size for axis in (0, 1))
    far, round_far = np.maximum(abs(x), abs(y)), np.hypot(x, y)
    inside = far < 1
    figures = [
        round_far < 1, (round_far < 1) & (round_far > 0.6), inside, inside & (far > 0.6),
        inside & (abs(x) < (y + 1) / 2), inside & ((abs(x) < 0.25) | (abs(y) < 0.25)),
        inside & (abs(abs(x) - abs(y)) < 0.25), inside & (y % 0.6 < 0.3), inside & (x % 0.6 < 0.3),
        inside & ((x % 0.8 < 0.4) ^ (y % 0.8 < 0.4)),
    ]  # fmt: skip
    figure = np.choose(kind[:, None, None], figures)[..., None]
    # The figure is brighter than what is around it.
    colours = rng.uniform(0, 1, (2, count, 1, 1, 3))
    images = np.where(figure, colours[0], -colours[1]) + 0.2 * rng.standard_normal(
        (count, 32, 32, 3)
    )
    return {"image": mx.array(images.astype(np.float32)), "label": mx.array(kind)}


class Block(nn.Module):
    """Two convolutions, whose result is added to what came in."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm(outputs)
        if stride != 1 or inputs != outputs:
            # What came in has another shape: a convolution of single pixels gives it the new one.
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)

    def __call__(self, x: mx.array) -> mx.array:
        """Map images to images, of fewer pixels if the stride is more than one."""
        y = self.norm2(self.conv2(nn.relu(self.norm1(self.conv1(x)))))
        shortcut: mx.array = self.shortcut(x) if "shortcut" in self else x
        return nn.relu(y + shortcut)


class ResNet(nn.Module):
    """Stages of blocks: from one to the next half the pixels and twice the channels."""

    def __init__(self, width: int, stages: int = 3, blocks: int = 1) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        widths = [width] + [width * 2**stage for stage in range(stages) for _ in range(blocks)]
        self.blocks = nn.Sequential(
            *(Block(a, b, stride=1 if a == b else 2) for a, b in pairwise(widths))
        )
        self.output = nn.Linear(widths[-1], len(KINDS))

    def __call__(self, x: mx.array) -> mx.array:
        """Return logits of the kinds of images."""
        x = self.blocks(nn.relu(self.stem(x)))
        logits: mx.array = self.output(mx.mean(x, axis=(1, 2)))
        return logits


def main(
    steps: int = 200, images: int = 4096, width: int = 16, picture: str = "resnet.png"
) -> None:
    """Train, print the accuracy on images that are new, and draw some with the answers."""
    mx.random.seed(0)
    model = ResNet(width)
    trainer = mx.training.Trainer(
        model,
        optim.AdamW(optim.cosine_decay(2e-3, steps)),
        lambda m, b: nn.losses.cross_entropy(m(b["image"]), b["label"], reduction="mean"),
        metrics={"accuracy": lambda m, b: mx.mean(mx.argmax(m(b["image"]), axis=1) == b["label"])},
    )
    test = make_images(512, seed=1)
    validation = mx.training.Batches(test, 128, shuffle=False)
    batches = mx.training.Batches(make_images(images, seed=2), 64)
    every = max(1, steps // 5)
    history = trainer.fit(batches, steps=steps, validation=validation, evaluate_every=every)
    print(f"accuracy {history[-1]['validation_accuracy']:.1%}")

    model.eval()
    answers = mx.argmax(model(test["image"][:24]), axis=1).tolist()
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    for i, axes in enumerate(figure.subplots(3, 8).flat):
        axes.imshow(mx.clip(test["image"][i] / 2 + 0.5, 0, 1))
        right = answers[i] == test["label"][i].item()
        axes.set_title(KINDS[answers[i]], fontsize=8, color="black" if right else "red")
        axes.set_axis_off()
    figure.savefig(picture)
    print("picture:", picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name, number in (("steps", 200), ("images", 4096), ("width", 16)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--picture", default="resnet.png")
    main(**vars(parser.parse_args()))
