"""A loop over batches that evaluates, saves, resumes and stops."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlx_core_py as mx
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.nn.utils import value_and_grad
from mlx_core_py.optimizers.base import Optimizer, clip_grad_norm
from mlx_core_py.training.batches import Batch, Batches
from mlx_core_py.training.checkpoints import Checkpoints
from mlx_core_py.training.log import Entry, JsonLines
from mlx_core_py.trees import tree_map

__all__ = ["Trainer"]


def __dir__() -> list[str]:
    return __all__


Loss = Callable[[Any, Batch], mx.array]
Log = Callable[[Entry], None]


class Trainer:
    """Train a model on batches.

    Args:
        model: The model.
        optimizer: The optimizer.
        loss: Takes the model and a batch and returns the loss, a scalar.
        accumulate: From how many batches the gradient of a step is the mean. Default: ``1``.
        max_grad_norm: The greatest norm of the gradients of a step. Default: no bound.
        compile: Whether to compile the step; a loss that prints or looks at values cannot be.
            Default: ``True``.

    Raises:
        ValueError: If ``accumulate`` is less than one.

    Example:
        >>> data = {"x": [[0.0], [1.0], [2.0], [3.0]], "y": [[1.0], [3.0], [5.0], [7.0]]}
        >>> model = nn.Linear(1, 1)
        >>> trainer = mx.training.Trainer(
        ...     model, optim.SGD(0.1), lambda m, b: nn.losses.mse_loss(m(b["x"]), b["y"])
        ... )
        >>> history = trainer.fit(mx.training.Batches(data, 4), steps=200, progress=False)
        >>> history[-1]["loss"] < 1e-3
        True
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Loss,
        *,
        accumulate: int = 1,
        max_grad_norm: float | None = None,
        compile: bool = True,
    ) -> None:
        if accumulate < 1:
            raise ValueError(f"accumulate must be at least 1, but is {accumulate}")
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.accumulate = accumulate
        self.max_grad_norm = max_grad_norm
        self.compile = compile
        self.step: int = 0

    def fit(
        self,
        batches: Batches,
        *,
        steps: int,
        validation: Batches | None = None,
        evaluate_every: int = 0,
        folder: str | os.PathLike[str] | None = None,
        save_every: int = 0,
        keep: int = 3,
        patience: int | None = None,
        log: Log | None = None,
        log_every: int = 10,
        progress: bool = True,
    ) -> list[dict[str, Any]]:
        """Train until a step, from the last checkpoint if there is one.

        Args:
            batches: The batches to train on, as many epochs as it takes.
            steps: The number of the last step, counted from the beginning of the whole run.
            validation: Batches to evaluate the model on, in evaluation mode. Default: none.
            evaluate_every: After how many steps to evaluate; 0 (default) does so at the end.
            folder: Where checkpoints and ``log.jsonl`` go. A run that finds checkpoints there
                resumes from the last one, and gives the same numbers as if it had never ended.
                Default: nothing is saved.
            save_every: After how many steps to save; 0 (default) does so at the end.
            keep: How many checkpoints to keep besides the best one. Default: ``3``.
            patience: After how many evaluations without a better loss to stop. Default: never.
            log: Called with the numbers of a step: another log. Default: none.
            log_every: How many steps go into one line of the log. Default: ``10``.
            progress: Whether to show on the standard error where the run is. Default: ``True``.

        Returns:
            The entries of the log: the step, the mean ``loss`` of the steps since the last entry,
            the ``learning_rate``, and ``validation_loss`` where it was evaluated.

        Raises:
            FloatingPointError: If the loss is not a number, with the step.
            ValueError: If a number is out of range, or the checkpoint is that of another model.
        """
        _check(steps=steps, log_every=log_every)
        checkpoints = None if folder is None else Checkpoints(folder, keep=keep)
        file = None if folder is None else JsonLines(Path(folder) / "log.jsonl")
        progress_of: dict[str, Any] = {"best": math.inf, "best_step": 0, "waited": 0}
        losses: list[float] = []
        if checkpoints is not None:
            facts = checkpoints.load(self.model, self.optimizer)
            if facts is not None:
                self.step = facts["step"]
                batches.state = facts["batches"]
                progress_of, losses = facts["progress"], facts["losses"]
            if file is not None:
                file.forget_after(self.step)
        history = [] if file is None else file.entries()
        self.optimizer.init(self.model.trainable_parameters())
        take_step = self._compiled_step()
        stream = _endless(batches)
        began, first = time.perf_counter(), self.step
        saved = self.step if checkpoints is not None and self.step else -1

        def save() -> None:
            nonlocal saved
            if checkpoints is not None and saved != self.step:
                facts = {"batches": batches.state, "progress": progress_of, "losses": losses}
                best = progress_of["best_step"] or None
                checkpoints.save(self.step, self.model, self.optimizer, facts, best=best)
                saved = self.step

        self.model.train()
        stop = progress_of["waited"] >= patience if patience is not None else False
        while self.step < steps and not stop:
            losses.append(take_step([next(stream) for _ in range(self.accumulate)]).item())
            self.step += 1
            if math.isnan(losses[-1]):
                raise FloatingPointError(f"loss is not a number at step {self.step}")
            better = False
            at_end = self.step == steps
            evaluates = validation is not None and (
                at_end or (evaluate_every and self.step % evaluate_every == 0)
            )
            if at_end or evaluates or self.step % log_every == 0:
                entry: dict[str, Any] = {
                    "step": self.step,
                    "loss": math.fsum(losses) / len(losses),
                    "learning_rate": self.optimizer.learning_rate.item(),
                }
                losses.clear()
                if validation is not None and evaluates:
                    value = self.evaluate(validation)
                    entry["validation_loss"] = value
                    better = value < progress_of["best"]
                    if better:
                        progress_of = {"best": value, "best_step": self.step, "waited": 0}
                    else:
                        progress_of["waited"] += 1
                        stop = patience is not None and progress_of["waited"] >= patience
                history.append(entry)
                for each in (file, log):
                    if each is not None:
                        each(entry)
                if progress:
                    _show(entry, self.step - first, steps - self.step, time.perf_counter() - began)
            if at_end or stop or better or (save_every and self.step % save_every == 0):
                save()
        if progress and sys.stderr.isatty():
            print(file=sys.stderr)
        return history

    def evaluate(self, batches: Batches) -> float:
        """Return the mean loss over an epoch of batches, in evaluation mode.

        Args:
            batches: The batches; they begin at the beginning of an epoch, and are left as they
                were.
        """
        before, mode = batches.state, self.model.training
        batches.state = {"epoch": 0, "position": 0}
        self.model.eval()
        try:
            losses = [self.loss(self.model, batch) for batch in batches]
            return float(mx.mean(mx.stack(losses)).item())
        finally:
            self.model.train(mode)
            batches.state = before

    def _compiled_step(self) -> Callable[[list[Batch]], mx.array]:
        model, optimizer = self.model, self.optimizer
        compute = value_and_grad(model, lambda batch: self.loss(model, batch))

        def apply(gradients: Any) -> None:
            if self.max_grad_norm is not None:
                gradients, _ = clip_grad_norm(gradients, self.max_grad_norm)
            optimizer.update(model, gradients)

        def whole(batch: Batch) -> mx.array:
            loss, gradients = compute(batch)
            apply(gradients)
            return loss

        state = [model.state, optimizer.state, mx.random.state]

        def compiled(function: Any) -> Any:
            return mx.compile(function, inputs=state, outputs=state) if self.compile else function

        if self.accumulate == 1:
            step = compiled(whole)

            def one(batches: list[Batch]) -> mx.array:
                loss: mx.array = step(batches[0])
                mx.eval(loss, state)
                return loss

            return one
        of_batch, update = compiled(compute), compiled(apply)

        def several(batches: list[Batch]) -> mx.array:
            total, sums = of_batch(batches[0])
            mx.eval(total, sums)
            for batch in batches[1:]:
                loss, gradients = of_batch(batch)
                total, sums = total + loss, tree_map(mx.add, sums, gradients)
                mx.eval(total, sums)
            share = 1 / len(batches)
            update(tree_map(lambda gradient: gradient * share, sums))
            mx.eval(state)
            mean: mx.array = total * share
            return mean

        return several


def _check(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, but is {number}")


def _endless(batches: Batches) -> Iterator[Batch]:
    while True:
        yield from batches


def _show(entry: dict[str, Any], done: int, left: int, seconds: float) -> None:
    rate = done / seconds if seconds > 0 else 0.0
    numbers = "  ".join(f"{name} {value:.4g}" for name, value in entry.items() if name != "step")
    line = f"step {entry['step']}  {numbers}  {rate:.1f} steps/s"
    if rate:
        line += f"  {left / rate:.0f} s left"
    if sys.stderr.isatty():
        print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)
