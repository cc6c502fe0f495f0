"""Logistic regression of two clouds of points, by an optimizer and a compiled step."""

import argparse

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
from matplotlib.figure import Figure
from mlx_core_py import nn


def main(steps: int = 500, seed: int = 0, picture: str = "logistic_regression.png") -> None:
    """Separate the clouds, and draw the probability that the model gives each place."""
    mx.random.seed(seed)
    # Half of the points are around (1, 1), the other half around (-1, -1).
    labels = (mx.arange(1000) % 2).astype(mx.float32)
    points = mx.random.normal((1000, 2)) + (2 * labels - 1)[:, None]

    model = nn.Linear(2, 1)
    optimizer = optim.Adam(learning_rate=0.05)

    def loss(x: mx.array, y: mx.array) -> mx.array:
        # The cross entropy of the logits, which does not overflow where probabilities would.
        return nn.losses.binary_cross_entropy(model(x).squeeze(-1), y, with_logits=True)

    def step(x: mx.array, y: mx.array) -> mx.array:
        value, gradients = nn.value_and_grad(model, loss)(x, y)
        optimizer.update(model, gradients)
        return value

    # A compiled step has to know which arrays it reads and replaces besides its arguments.
    optimizer.init(model.trainable_parameters())
    state = [model.state, optimizer.state]
    compiled_step = mx.compile(step, inputs=state, outputs=state)
    for number in range(1, steps + 1):
        value = compiled_step(points, labels)
        mx.eval(value, state)
        if number % max(1, steps // 5) == 0:
            print(f"step {number}: loss {value.item():.4f}")

    accuracy = mx.mean((model(points).squeeze(-1) > 0) == labels).item()
    # The best that a line can do with such clouds is Φ(√2), 92.1 %.
    print(f"accuracy {accuracy:.1%}")

    figure = Figure(layout="constrained")
    axes = figure.subplots()
    edge = mx.linspace(-4.5, 4.5, 200)
    grid = mx.stack(mx.meshgrid(edge, edge), axis=-1)
    probabilities = mx.sigmoid(model(grid)).squeeze(-1)
    image = axes.contourf(edge, edge, probabilities, levels=20, cmap="coolwarm", alpha=0.6)
    figure.colorbar(image, label="probability of the second cloud")
    axes.scatter(points[:, 0], points[:, 1], c=labels, s=6, cmap="coolwarm")
    axes.set(xlim=(-4.5, 4.5), ylim=(-4.5, 4.5), title=f"{accuracy:.1%} right")
    figure.savefig(picture)
    print("picture:", picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", default="logistic_regression.png")
    main(**vars(parser.parse_args()))
