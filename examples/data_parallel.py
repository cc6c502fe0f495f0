"""Several processes train one model, each on its share of every batch.

Run ``python -m mlx_core_py.launch -n 2 examples/data_parallel.py``. With any number of processes
that divides 64, and without the launcher, the numbers are the same but for rounding.
"""

import argparse

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
from mlx_core_py import nn


def main(steps: int = 300, picture: str = "data_parallel.png") -> None:
    """Train; the first process prints the loss and draws the curve."""
    group = mx.distributed.init()
    print(f"process {group.rank()} of {group.size()}")

    # Every process makes the same data, and the same model to begin with.
    mx.random.seed(0)
    x = mx.random.uniform(-2, 2, (4096, 2))
    y = mx.sin(3 * x[:, :1]) * mx.cos(2 * x[:, 1:])
    model = nn.Sequential(
        nn.Linear(2, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 1)
    )
    # Given the group, a batch of 64 examples is spread over its processes, the gradients are
    # averaged, and the first process alone shows where the training is.
    trainer = mx.training.Trainer(
        model,
        optim.Adam(optim.cosine_decay(5e-3, steps)),
        lambda m, batch: nn.losses.mse_loss(m(batch["x"]), batch["y"]),
        group=group,
    )
    batches = mx.training.Batches({"x": x, "y": y}, 64, group=group)
    history = trainer.fit(batches, steps=steps)

    if group.rank() == 0:
        print(f"loss {history[-1]['loss']:.6f}")
        mx.training.plot(history, picture)
        print("picture:", picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--picture", default="data_parallel.png")
    main(**vars(parser.parse_args()))
