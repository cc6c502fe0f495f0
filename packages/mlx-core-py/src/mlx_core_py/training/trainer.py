"""A loop over batches that evaluates, saves, resumes and stops."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import mlx_core_py as mx
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.nn.utils import average_gradients, value_and_grad
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
        metrics: What to measure besides the loss when the model is evaluated: functions like
            ``loss``, by name. Default: nothing.
        group: The processes that train together, each on its share of the batches, which must be
            made with the same group. All begin with the parameters of the first one, which alone
            writes files and shows progress; all must see the folder. Default: this process alone.

    Raises:
        ValueError: If ``accumulate`` is less than one, or a metric is called ``loss``.

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
        metrics: Mapping[str, Loss] | None = None,
        group: mx.distributed.Group | None = None,
    ) -> None:
        if metrics is not None and "loss" in metrics:
            raise ValueError("metrics must have other names than 'loss'")
        if accumulate < 1:
            raise ValueError(f"accumulate must be at least 1, but is {accumulate}")
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.accumulate = accumulate
        self.max_grad_norm = max_grad_norm
        self.compile = compile
        self.metrics: dict[str, Loss] = dict(metrics or {})
        self.group: mx.distributed.Group | None = (
            None if group is None or group.size() == 1 else group
        )
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
            the ``learning_rate``, and where the model was evaluated ``validation_loss`` and the
            metrics, as ``validation_accuracy`` for one of the name ``accuracy``.

        Raises:
            FloatingPointError: If the loss is not a number, with the step.
            ValueError: If a number is out of range, or the checkpoint is that of another model.
        """
        _check(steps=steps, log_every=log_every)
        checkpoints = None if folder is None else Checkpoints(folder, keep=keep)
        file = None if folder is None else JsonLines(Path(folder) / "log.jsonl")
        leads = self.group is None or self.group.rank() == 0
        progress = progress and leads
        progress_of: dict[str, Any] = {"best": math.inf, "best_step": 0, "waited": 0}
        losses: list[float] = []
        if checkpoints is not None:
            facts = checkpoints.load(self.model, self.optimizer)
            if facts is not None:
                self.step = facts["step"]
                batches.state = facts["batches"]
                progress_of, losses = facts["progress"], facts["losses"]
            if file is not None and leads:
                file.forget_after(self.step)
        entries = [] if file is None else file.entries()
        history = [entry for entry in entries if entry.get("step", 0) <= self.step]
        self._begin_alike()
        self.optimizer.init(self.model.trainable_parameters())
        take_step = self._compiled_step()
        stream = _endless(batches)
        began, first = time.perf_counter(), self.step
        saved = self.step if checkpoints is not None and self.step else -1

        def save() -> None:
            nonlocal saved
            if checkpoints is not None and leads and saved != self.step:
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
                    measured = self.evaluate(validation)
                    entry |= {f"validation_{name}": number for name, number in measured.items()}
                    value = measured["loss"]
                    better = value < progress_of["best"]
                    if better:
                        progress_of = {"best": value, "best_step": self.step, "waited": 0}
                    else:
                        progress_of["waited"] += 1
                        stop = patience is not None and progress_of["waited"] >= patience
                history.append(entry)
                for each in (file, log):
                    if each is not None and leads:
                        each(entry)
                if progress:
                    _show(entry, self.step - first, steps - self.step, time.perf_counter() - began)
            if at_end or stop or better or (save_every and self.step % save_every == 0):
                save()
        if progress and sys.stderr.isatty():
            print(file=sys.stderr)
        return history

    def evaluate(self, batches: Batches) -> dict[str, float]:
        """Return the mean ``loss`` and metrics of the examples of an epoch, in evaluation mode.

        Args:
            batches: The batches; they begin at the beginning of an epoch, and are left as they
                were. A last batch that is smaller counts for what it has.
        """
        before, mode = batches.state, self.model.training
        batches.state = {"epoch": 0, "position": 0}
        functions = {"loss": self.loss, **self.metrics}
        sums, count = dict.fromkeys(functions, 0.0), 0
        self.model.eval()
        try:
            for batch in batches:
                values = {name: function(self.model, batch) for name, function in functions.items()}
                mx.eval(values)
                size = _examples(batch)
                count += size
                for name, value in values.items():
                    sums[name] += value.item() * size
        finally:
            self.model.train(mode)
            batches.state = before
        if self.group is not None:
            shared = mx.distributed.all_sum(mx.array([count, *sums.values()]), group=self.group)
            count, *totals = shared.tolist()
            sums = dict(zip(sums, totals, strict=True))
        return {name: total / count for name, total in sums.items()}

    def _begin_alike(self) -> None:
        """Give the model the parameters that it has in the first process."""
        group = self.group
        if group is None:
            return
        first = group.rank() == 0
        self.model.update(
            tree_map(
                lambda x: mx.distributed.all_sum(x if first else mx.zeros_like(x), group=group),
                self.model.parameters(),
            )
        )

    def _mean(self, loss: mx.array) -> mx.array:
        """Return the mean of the losses of all processes."""
        if self.group is None:
            return loss
        return mx.distributed.all_sum(loss, group=self.group) / self.group.size()

    def _compiled_step(self) -> Callable[[list[Batch]], mx.array]:
        model, optimizer = self.model, self.optimizer
        compute = value_and_grad(model, lambda batch: self.loss(model, batch))

        def apply(gradients: Any) -> None:
            if self.group is not None:
                gradients = average_gradients(gradients, self.group)
            if self.max_grad_norm is not None:
                gradients, _ = clip_grad_norm(gradients, self.max_grad_norm)
            optimizer.update(model, gradients)

        def whole(batch: Batch) -> mx.array:
            loss, gradients = compute(batch)
            apply(gradients)
            return self._mean(loss)

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
            return self._mean(total * share)

        return several


def _check(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, but is {number}")


def _examples(batch: Batch) -> int:
    """Return how many examples a batch has, by the first of its columns that has a length."""
    lengths = (
        len(column)
        for column in batch.values()
        if hasattr(column, "__len__") and getattr(column, "ndim", 1) > 0
    )
    return next(lengths, 1)


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
