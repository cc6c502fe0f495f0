"""Linear regression by gradient descent, written out: 100 features, 1000 examples."""

import argparse
import time

import mlx_core_py as mx
from matplotlib.figure import Figure

FEATURES, EXAMPLES, LEARNING_RATE = 100, 1000, 0.01


def main(steps: int = 10_000, seed: int = 0, picture: str = "linear_regression.png") -> None:
    """Find the weights that made the data, and draw how close each step came."""
    mx.random.seed(seed)
    true_weights = mx.random.normal((FEATURES,))
    inputs = mx.random.normal((EXAMPLES, FEATURES))
    targets = inputs @ true_weights + 1e-2 * mx.random.normal((EXAMPLES,))

    def loss(weights: mx.array) -> mx.array:
        return 0.5 * mx.mean(mx.square(inputs @ weights - targets))

    gradient = mx.grad(loss)
    weights = 1e-2 * mx.random.normal((FEATURES,))
    errors = []
    started = time.perf_counter()
    for step in range(steps):
        weights = weights - LEARNING_RATE * gradient(weights)
        # Here the step is computed; without this the graph would grow from step to step.
        mx.eval(weights)
        if step % 50 == 0:
            errors.append((step, mx.linalg.norm(weights - true_weights).item()))
    seconds = time.perf_counter() - started

    distance = mx.linalg.norm(weights - true_weights).item()
    print(
        f"loss {loss(weights).item():.2e}, |w - w*| {distance:.4f}, {steps / seconds:.0f} steps/s"
    )

    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.semilogy(*zip(*errors, strict=True))
    axes.set(xlabel="step", ylabel="distance from the true weights")
    axes.grid(alpha=0.3)
    figure.savefig(picture)
    print("picture:", picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", default="linear_regression.png")
    main(**vars(parser.parse_args()))
