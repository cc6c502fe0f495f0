"""Arrays, lazy evaluation, gradients and compiled functions: what everything else is made of."""

import argparse

import mlx_core_py as mx
from matplotlib.figure import Figure


def main(picture: str = "tutorial.png") -> None:
    """Go through it step by step, and draw a function with its derivatives."""
    # Arrays have a shape and a data type, and are calculated with as NumPy's are.
    a = mx.array([[1.0, 2.0], [3.0, 4.0]])
    print("a has the shape", a.shape, "and the type", a.dtype)
    print("a @ a.T =", (a @ a.T).tolist())
    print("its second column =", a[:, 1].tolist())

    # Nothing is computed until a value is asked for: until then this is a graph.
    total = mx.sum(mx.exp(-a), axis=0)
    mx.eval(total)
    print("column sums of exp(-a) =", total)

    # A gradient is a function made of a function, so there are gradients of gradients.
    def cubic(x: mx.array) -> mx.array:
        return x**3

    slope = mx.grad(cubic)
    curvature = mx.grad(slope)
    print("cubic'(2) =", slope(mx.array(2.0)).item())
    print("cubic''(2) =", curvature(mx.array(2.0)).item())

    # Parameters may be nested in lists and dictionaries; the gradients are nested alike.
    def loss(parameters: dict[str, mx.array]) -> mx.array:
        return mx.mean(mx.square(parameters["weight"] * 2.0 + parameters["bias"]))

    point = {"weight": mx.array([1.0, -1.0]), "bias": mx.array(0.5)}
    value, gradients = mx.value_and_grad(loss)(point)
    print("loss =", value.item())
    print("gradients =", {name: gradient.tolist() for name, gradient in gradients.items()})

    # vmap turns a function of one number into one of many; compile fuses what it computes.
    x = mx.linspace(-2, 2, 101)
    curves = mx.compile(mx.vmap(lambda x: (cubic(x), slope(x), curvature(x))))(x)

    figure = Figure(layout="constrained")
    axes = figure.subplots()
    for curve, label in zip(curves, ("x³", "its gradient", "the gradient's gradient"), strict=True):
        axes.plot(x, curve, label=label)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(picture)
    print("picture:", picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", default="tutorial.png", help="where to draw the curves")
    main(**vars(parser.parse_args()))
