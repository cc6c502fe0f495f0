"""A small network learns the exclusive or, with the steps of gradient descent written out."""

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_core_py.utils import tree_map


class MLP(nn.Module):
    """Two linear layers with a hyperbolic tangent between them."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, outputs)

    def __call__(self, x: mx.array) -> mx.array:
        """Map rows of ``inputs`` numbers to rows of ``outputs`` numbers."""
        return self.second(mx.tanh(self.first(x)))


def main() -> None:
    """Train, and print the loss on the way."""
    mx.random.seed(0)
    x = mx.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = mx.array([[0.0], [1.0], [1.0], [0.0]])
    model = MLP(inputs=2, hidden=8, outputs=1)

    def loss(parameters: dict[str, object]) -> mx.array:
        model.update(parameters)
        return mx.mean(mx.square(model(x) - y))

    step = mx.value_and_grad(loss)
    parameters = model.parameters()
    for epoch in range(501):
        value, gradients = step(parameters)
        parameters = tree_map(lambda p, g: p - 0.3 * g, parameters, gradients)
        mx.eval(parameters)
        if epoch % 100 == 0:
            print(f"epoch {epoch}: loss {value.item():.4f}")

    model.update(parameters)
    answers = [round(answer) for answer in model(x).squeeze().tolist()]
    print("0^0 0^1 1^0 1^1 =", *answers)


if __name__ == "__main__":
    main()
