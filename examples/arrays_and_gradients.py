"""Arrays, lazy evaluation and automatic differentiation."""

import mlx_core_py as mx


def main() -> None:
    """Differentiate a polynomial twice and a function of a dictionary."""
    a = mx.array([[1.0, 2.0], [3.0, 4.0]])
    print("a @ a.T =", (a @ a.T).tolist())

    # Nothing is computed until a value is asked for: this is a graph.
    total = mx.sum(mx.exp(-a), axis=0)
    mx.eval(total)
    print("column sums of exp(-a) =", total)

    def cubic(x: mx.array) -> mx.array:
        return x**3

    print("cubic'(2) =", mx.grad(cubic)(mx.array(2.0)).item())
    print("cubic''(2) =", mx.grad(mx.grad(cubic))(mx.array(2.0)).item())

    def loss(parameters: dict[str, mx.array]) -> mx.array:
        return mx.mean(mx.square(parameters["weight"] * 2.0 + parameters["bias"]))

    point = {"weight": mx.array([1.0, -1.0]), "bias": mx.array(0.5)}
    value, gradients = mx.value_and_grad(loss)(point)
    print("loss =", value.item())
    print("gradients =", {name: gradient.tolist() for name, gradient in gradients.items()})


if __name__ == "__main__":
    main()
