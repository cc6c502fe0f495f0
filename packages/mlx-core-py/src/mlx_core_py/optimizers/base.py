"""What all optimizers have in common.

Source: https://ml-explore.github.io/mlx/build/html/python/optimizers/optimizer.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_max_norm, check_numbers
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.trees import (
    only_arrays_of,
    tree_flatten,
    tree_map,
    tree_merge,
    tree_unflatten,
)

__all__ = ["MultiOptimizer", "Optimizer", "clip_grad_norm"]


def __dir__() -> list[str]:
    return __all__


# A hyperparameter: a number, or a function of the step.
Scheduled = float | mx.array | Callable[[mx.array], mx.array]


class Optimizer:
    """The base class of optimizers.

    The state is a dictionary: ``step``, how many updates there were; ``learning_rate`` and other
    scheduled numbers; and for each parameter, at its place in the tree of parameters, a
    dictionary of arrays. It can be saved and set again, and a compiled step takes it as an input
    and an output.

    A subclass defines :meth:`init_single` and :meth:`apply_single`, which know one parameter.

    Args:
        schedulers: Functions of the step for numbers of the state, by name. Default: ``None``.

    Example:
        >>> model = nn.Linear(2, 1)
        >>> optimizer = optim.SGD(learning_rate=0.1)
        >>> loss, gradients = nn.value_and_grad(model, lambda x: mx.mean(model(x)))(mx.ones((4, 2)))
        >>> optimizer.update(model, gradients)
        >>> mx.eval(model.parameters(), optimizer.state)
        >>> optimizer.step.item()
        1
    """

    def __init__(self, schedulers: dict[str, Callable[[mx.array], mx.array]] | None = None) -> None:
        self._initialized = False
        self._state: dict[str, Any] = {"step": mx.array(0, mx.uint64)}
        self._schedulers = dict(schedulers or {})

    def update(self, model: Module, gradients: dict[str, Any]) -> None:
        """Replace the parameters of a model by those after a step.

        Args:
            model: The model.
            gradients: Gradients as a tree like the model's parameters, or a part of it.

        Raises:
            ValueError: If the model has no parameter where there is a gradient.
        """
        model.update(self.apply_gradients(gradients, model))

    def init(self, parameters: Any) -> None:
        """Make the state of parameters, where it has none yet.

        :meth:`apply_gradients` does this when it is called first. Whoever compiles a step does it
        before, so that the state is there to be captured.

        Args:
            parameters: A tree of parameters.

        Example:
            >>> optimizer = optim.Adam(learning_rate=0.1)
            >>> optimizer.init({"w": mx.zeros((2,))})
            >>> sorted(optimizer.state["w"])
            ['m', 'v']
        """
        self._filled(parameters, self._state)
        self._initialized = True

    def _filled(self, parameters: Any, state: Any) -> Any:
        """Return the state of a tree of parameters: ``state`` with what it lacks."""
        if isinstance(parameters, mx.array):
            if not state:
                state = {} if state is None else state
                self.init_single(parameters, state)
        elif isinstance(parameters, dict):
            state = {} if state is None else state
            for key, value in parameters.items():
                state[key] = self._filled(value, state.get(key))
        elif isinstance(parameters, list | tuple):
            had = [*(state or ()), *[None] * len(parameters)]
            state = [
                self._filled(value, old) for value, old in zip(parameters, had, strict=False)
            ] + list(state or ())[len(parameters) :]
        else:
            state = {} if state is None else state
        return state

    def init_single(self, parameter: mx.array, state: dict[str, mx.array]) -> None:
        """Make the state of one parameter.

        Args:
            parameter: The parameter.
            state: The dictionary to put it into.
        """
        raise NotImplementedError(f"{type(self).__name__} must define init_single")

    def apply_gradients(self, gradients: Any, parameters: Any) -> Any:
        """Return the parameters after a step, and move the state on.

        Args:
            gradients: A tree of gradients.
            parameters: The parameters, in a tree that has all that ``gradients`` has; a module is
                one.

        Returns:
            The new parameters, as a tree like ``gradients``.

        Raises:
            KeyError: If ``parameters`` lacks something that has a gradient.
            TypeError: If ``gradients`` holds something else than arrays.
            ValueError: If a gradient has another shape than its parameter.

        Example:
            >>> optimizer = optim.SGD(learning_rate=0.5)
            >>> optimizer.apply_gradients({"w": mx.array([1.0])}, {"w": mx.array([3.0])})
            {'w': array([2.5], dtype=float32)}
        """
        if not self._initialized:
            self.init(gradients)
        for name, schedule in self._schedulers.items():
            self._state[name] = mx.array(schedule(self.step))
        self._state["step"] = self.step + 1
        return self._applied(gradients, parameters, self._state)

    def _applied(self, gradients: Any, parameters: Any, state: Any) -> Any:
        if isinstance(gradients, dict):
            new = {}
            for key, gradient in gradients.items():
                if key not in state:
                    # What was frozen until now.
                    state[key] = self._filled(gradient, None)
                new[key] = self._applied(gradient, parameters[key], state[key])
            return new
        if isinstance(gradients, list | tuple):
            if len(state) < len(gradients):
                state += self._filled(list(gradients), state)[len(state) :]
            applied = [
                self._applied(gradient, parameters[i], state[i])
                for i, gradient in enumerate(gradients)
            ]
            return type(gradients)(applied)
        if not isinstance(gradients, mx.array):
            raise TypeError(f"gradients must be arrays, but one is a {type(gradients).__name__}")
        if isinstance(parameters, mx.array) and gradients.shape != parameters.shape:
            raise ValueError(
                f"gradients must have the shapes of their parameters, but one has "
                f"{gradients.shape}, and its parameter {parameters.shape}"
            )
        if not state:
            self.init_single(gradients, state)
        return self.apply_single(gradients, parameters, state)

    def apply_single(
        self, gradient: mx.array, parameter: mx.array, state: dict[str, mx.array]
    ) -> mx.array:
        """Return one parameter after a step, and move its state on.

        Args:
            gradient: The gradient.
            parameter: The parameter.
            state: The parameter's state.
        """
        raise NotImplementedError(f"{type(self).__name__} must define apply_single")

    @property
    def state(self) -> dict[str, Any]:
        """The state. What is set need not have all parameters: the others begin anew."""
        return self._state

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        if not isinstance(state, dict):
            raise TypeError(f"state must be a dictionary, not {type(state).__name__}")
        self._initialized = False
        self._state = state

    @property
    def step(self) -> mx.array:
        """How many updates there were, a ``uint64`` scalar."""
        step: mx.array = self.state["step"]
        return step

    @property
    def learning_rate(self) -> mx.array:
        """The learning rate, a scalar. With a schedule, that of the last update."""
        rate: mx.array = self.state["learning_rate"]
        return rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: float | mx.array) -> None:
        self.state["learning_rate"] = mx.array(learning_rate)

    def _maybe_schedule(self, name: str, param: Scheduled) -> None:
        """Put a number into the state, to be computed anew at each step if it is a function."""
        if callable(param):
            self._schedulers[name] = param
            self.state[name] = mx.array(param(self.step))
        elif isinstance(param, mx.array) or hasattr(param, "__float__"):
            self.state[name] = mx.array(param)
        else:
            raise TypeError(
                f"{name} must be a number or a function of the step, not {type(param).__name__}"
            )


class MultiOptimizer(Optimizer):
    """Several optimizers, each for a part of the parameters.

    Args:
        optimizers: The optimizers.
        filters: Functions of the dotted path of a parameter and its gradient, one for each
            optimizer but the last. A parameter belongs to the first one whose function returns
            true, and to the last if none does. Default: none.

    Raises:
        TypeError: If one of ``optimizers`` is none.
        ValueError: If there are no optimizers, or not one filter less than optimizers.

    Example:
        >>> def is_matrix(path, gradient):
        ...     return gradient.ndim == 2
        >>> optimizer = optim.MultiOptimizer(
        ...     [optim.Muon(learning_rate=0.02), optim.AdamW(learning_rate=1e-3)], [is_matrix]
        ... )
        >>> model = nn.Linear(2, 2)
        >>> optimizer.update(model, model.trainable_parameters())
        >>> [sorted(state["bias" if "bias" in state else "weight"]) for state in
        ...  optimizer.state["states"]]
        [['v'], ['m', 'v']]
    """

    def __init__(
        self,
        optimizers: Sequence[Optimizer],
        filters: Iterable[Callable[[str, mx.array], bool]] = (),
    ) -> None:
        super().__init__()
        self._state = {}
        self.optimizers: list[Optimizer] = list(optimizers)
        self.filters: list[Callable[[str, mx.array], bool]] = list(filters)
        if not self.optimizers:
            raise ValueError("optimizers must hold at least one optimizer")
        for optimizer in self.optimizers:
            if not isinstance(optimizer, Optimizer):
                raise TypeError(f"optimizers must not hold a {type(optimizer).__name__}")
        if len(self.filters) != len(self.optimizers) - 1:
            raise ValueError(
                f"filters must have one element less than optimizers, {len(self.optimizers) - 1}, "
                f"but has {len(self.filters)}"
            )

    def _split(self, gradients: Any) -> list[Any]:
        """Return the gradients of each optimizer, as trees."""
        parts: list[list[tuple[str, Any]]] = [[] for _ in self.optimizers]
        for path, gradient in tree_flatten(gradients):
            chosen = next(
                (i for i, wanted in enumerate(self.filters) if wanted(path, gradient)),
                len(self.filters),
            )
            parts[chosen].append((path, gradient))
        return [tree_unflatten(part) if part else {} for part in parts]

    def init(self, parameters: Any) -> None:
        """Make the state of parameters, each in that of its optimizer.

        Args:
            parameters: A tree of parameters.
        """
        for optimizer, part in zip(self.optimizers, self._split(parameters), strict=True):
            optimizer.init(part)
        self._initialized = True

    def apply_gradients(self, gradients: Any, parameters: Any) -> Any:
        """Return the parameters after a step of each optimizer, and move the states on.

        Args:
            gradients: A tree of gradients.
            parameters: The parameters, in a tree that has all that ``gradients`` has.

        Returns:
            The new parameters, as a tree like ``gradients``.
        """
        new: Any = {}
        for optimizer, part in zip(self.optimizers, self._split(gradients), strict=True):
            # One that has no parameters counts steps all the same.
            new = tree_merge(new, optimizer.apply_gradients(part, parameters))
        return new

    @property
    def state(self) -> dict[str, Any]:
        """The states of the optimizers, a list under ``states``."""
        return {"states": [optimizer.state for optimizer in self.optimizers]}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        states = state.get("states")
        if not isinstance(states, list | tuple) or len(states) != len(self.optimizers):
            raise ValueError(
                f"state must have a list of {len(self.optimizers)} states under 'states'"
            )
        for optimizer, part in zip(self.optimizers, states, strict=True):
            optimizer.state = part

    @property
    def step(self) -> mx.array:
        """How many updates there were, a ``uint64`` scalar."""
        return self.optimizers[0].step

    @property
    def learning_rate(self) -> mx.array:
        """The learning rate of the first optimizer; setting it sets that of all."""
        return self.optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: float | mx.array) -> None:
        for optimizer in self.optimizers:
            optimizer.learning_rate = learning_rate


def check_betas(betas: Any) -> None:
    """Raise unless ``betas`` are two numbers that means of gradients can be moved by."""
    try:
        first, second = betas
    except (TypeError, ValueError):
        raise ValueError(f"betas must be two numbers, but are {betas!r}") from None
    for beta in (first, second):
        check_numbers(betas=beta)
        if not 0 <= beta < 1:
            raise ValueError(f"betas must be at least 0 and less than 1, but are {betas}")


def clip_grad_norm(grads: Any, max_norm: float) -> tuple[Any, mx.array]:
    """Scale gradients down so that their norm is at most a bound.

    Args:
        grads: A tree of gradients.
        max_norm: The greatest norm that the vector of all gradients may have.

    Returns:
        The tree of scaled gradients, each of the data type that it had, and the norm before, a
        ``float32`` scalar.

    Raises:
        TypeError: If ``max_norm`` is not a number.
        ValueError: If ``max_norm`` is negative or NaN, or ``grads`` holds something else than
            arrays.

    Example:
        >>> gradients, norm = optim.clip_grad_norm({"w": mx.array([3.0, 4.0])}, max_norm=1.0)
        >>> gradients["w"].round(3), norm
        (array([0.6, 0.8], dtype=float32), array(5, dtype=float32))

    See: ``mlx.optimizers.clip_grad_norm``.
    """
    check_max_norm(max_norm)
    leaves = only_arrays_of(grads, "grads")
    # A square in half precision would overflow at 256.
    squares = [mx.sum(mx.square(leaf.astype(mx.float32))) for leaf in leaves]
    norm = mx.sqrt(sum(squares[1:], squares[0])) if squares else mx.array(0.0)
    factor = mx.minimum(max_norm / (norm + 1e-6), 1.0)
    if not leaves:
        return grads, norm
    return tree_map(lambda leaf: leaf * factor.astype(leaf.dtype), grads), norm
