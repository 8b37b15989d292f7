"""One optimiser step as a compiled function of the training state."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import keras
import numpy as np
from keras import ops

from zoo.backend import compiled
from zoo.tasks.losses import Loss, Tell

State = tuple[list[Any], list[Any], list[Any], list[Any]]
"""All that a step changes: the values of the trainable variables, of the others that move (statistics, dropout's
seeds), of the optimizer's, and the averages of the first two, if they are kept."""

Start = tuple[State, list[Any]]
"""What a step takes beside its batch: the state, and the values of the frozen weights."""

Prepare = Callable[[dict[str, Any], Any], tuple[dict[str, Any], Any]]

Means = Any
"""The mean loss of a step's examples `()`; where more is told of them, the loss and its means `(1 + told,)`."""


@dataclass(frozen=True)
class Trainer:
    """A model, its optimizer and the compiled functions between two states.

    Args:
        step: `(state, frozen, *batch) -> (state, means)`: one step on one batch. It donates the state.
        add: `(trainable, moving, sums, frozen, *batch) -> (moving, sums)`: a batch's part of a step. It donates
            what it gives anew.
        finish: `(state, sums) -> (state, means)`: the step of all the parts. It donates the state.
        averages: whether an average of the weights is kept.
        told: what is told of a step's examples beside their loss.
        ready: programs of `step`, or of `add`, that are compiled already, by the shapes of their batch.
    """

    model: Any
    optimizer: keras.optimizers.Optimizer
    step: Callable[..., tuple[State, Any]]
    add: Callable[..., tuple[list[Any], Any]]
    finish: Callable[..., tuple[State, Any]]
    averages: bool = False
    told: tuple[str, ...] = ()
    ready: Mapping[tuple[Any, ...], Callable[..., Any]] = field(default_factory=dict)

    def advance(self, state: State, batches: Sequence[Any]) -> tuple[State, Means]:
        """One step on all these batches, as if they were one: the new state, and the means."""
        if len(batches) == 1:
            return self.ready.get(("step", *shapes_of(batches[0])), self.step)(state, self.frozen, *batches[0])
        trainable, moving, slots, average = state
        sums = _zeros(trainable), np.zeros(self.shape, np.float32), np.float32(0)
        for batch in batches:
            add = self.ready.get(("add", *shapes_of(batch)), self.add)
            moving, sums = add(trainable, moving, sums, self.frozen, *batch)
        return self.finish((trainable, moving, slots, average), sums)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a step's means."""
        return (1 + len(self.told),) if self.told else ()

    @functools.cached_property
    def variables(self) -> tuple[list[Any], list[Any], list[Any]]:
        """The variables whose values a state has: trainable, moving, the optimizer's."""
        others = zip(self.model.non_trainable_variables, _moves(self.model), strict=True)
        return self.model.trainable_variables, [v for v, moves in others if moves], self.optimizer.variables

    @functools.cached_property
    def frozen(self) -> list[Any]:
        """The values of the frozen weights. The variables hold them all the time: no step gives them away."""
        others = zip(self.model.non_trainable_variables, _moves(self.model), strict=True)
        return [v.value for v, moves in others if not moves]

    def state(self) -> State:
        """The state as the variables hold it. A step donates its buffers: use each state once."""
        trainable, moving, slots = ([v.value for v in group] for group in self.variables)
        return trainable, moving, slots, [x.copy() for x in (*trainable, *moving)] if self.averages else []

    def start(self) -> Start:
        """What the first step takes beside its batch."""
        return self.state(), self.frozen

    def weights(self, state: State) -> tuple[list[Any], list[Any]]:
        """The values that the model is used with: the averages, where they are kept."""
        trainable, moving, _, average = state
        count = len(trainable)
        return (average[:count], average[count:]) if average else (trainable, moving)

    def write_back(self, values: Sequence[Sequence[Any]], *, copied: bool = False) -> None:
        """Let the variables hold these values, so that the model can be used or saved.

        Args:
            values: those of the trainable variables, of the moving ones and, if they are to be written, too, of the
                optimizer's.
            copied: copies in their place, one after the other, for a step will give them away.
        """
        for group, own in zip(self.variables, values, strict=False):
            for variable, value in zip(group, own, strict=True):
                variable.assign(value.copy() if copied else value)


def shapes_of(batch: Any) -> tuple[Any, ...]:
    """What a compiled program fits a batch by."""
    return tuple((x.shape, x.dtype) for x in jax.tree.leaves(batch))


def make_trainer(
    model: Any,
    optimizer: keras.optimizers.Optimizer,
    loss: Loss,
    *,
    told: Mapping[str, Tell] | None = None,
    prepare: Prepare | None = None,
    ema: float = 0.0,
) -> Trainer:
    """Compile the step: the gradient of the batch's mean loss, then the optimizer.

    Args:
        loss: what is made small, as the task has it (`model.objective()`).
        told: sums that are told of a step's examples beside their loss, by name.
        prepare: turns the batch's arrays and targets into the model's and the loss's; compiled with the step.
        ema: the decay of the average of the weights, once that has forgotten where it began; 0 keeps none.
    """
    moves = _moves(model)
    count = next(n for n, v in enumerate(optimizer.variables) if v is optimizer.iterations)

    def sums_of(
        trainable: Any, moving: Any, frozen: Any, arrays: dict[str, Any], targets: Any, weights: Any
    ) -> Any:
        if prepare is not None:
            arrays, targets = prepare(arrays, targets)
        others = {True: iter(moving), False: iter(frozen)}
        outputs, after = model.stateless_call(trainable, [next(others[x]) for x in moves], arrays, training=True)
        moving = [value for value, own in zip(after, moves, strict=True) if own]
        total, weight = loss(outputs, targets, weights)
        beside = [tell(outputs, targets, weights) for tell in (told or {}).values()]
        return total, (ops.stack([total, *beside]) if beside else total, weight, moving)

    def mean_of(*values_and_batch: Any) -> tuple[Any, Any]:
        total, (sums, weight, moving) = sums_of(*values_and_batch)
        return total / _divisor(weight), (sums / _divisor(weight), moving)

    def updated(state: State, moving: Any, gradients: Any) -> State:
        trainable, _, slots, average = state
        steps = slots[count]
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        if ema:
            decay, seen = _decay(steps, ema), (*trainable, *moving)
            average = [_moved(old, new, decay) for old, new in zip(average, seen, strict=True)]
        return trainable, moving, slots, average

    def step(state: State, frozen: Any, *batch: Any) -> tuple[State, Means]:
        gradient = jax.value_and_grad(mean_of, has_aux=True)
        (_, (means, moving)), gradients = gradient(*state[:2], frozen, *batch)
        return updated(state, moving, gradients), _told(means, gradients)

    def add(trainable: Any, moving: Any, sums: Any, frozen: Any, *batch: Any) -> tuple[Any, Any]:
        gradient = jax.value_and_grad(sums_of, has_aux=True)
        (_, (own, weight, moving)), gradients = gradient(trainable, moving, frozen, *batch)
        before, *numbers = sums
        gradients = [one + other for one, other in zip(before, gradients, strict=True)]
        return moving, (gradients, numbers[0] + own, numbers[1] + weight)

    def finish(state: State, sums: Any) -> tuple[State, Means]:
        gradients, total, weight = sums
        divisor = _divisor(weight)
        gradients = [x / ops.cast(divisor, x.dtype) for x in gradients]
        return updated(state, state[1], gradients), _told(total / divisor, gradients)

    return Trainer(
        model,
        optimizer,
        compiled(step, donate_argnums=0),
        compiled(add, donate_argnums=(1, 2)),
        compiled(finish, donate_argnums=0),
        averages=bool(ema),
        told=tuple(told or ()),
    )


@jax.jit
def all_finite(values: list[Any]) -> Any:
    """Whether every number of these arrays is one."""
    return ops.all(ops.stack([ops.all(ops.isfinite(x)) for x in values]))


@jax.jit
def _zeros(values: list[Any]) -> list[Any]:
    return [ops.zeros_like(x) for x in values]


def _told(means: Means, gradients: list[Any]) -> Means:
    """The means of a step, or NaN where its gradient has no finite norm: else the next step would be blamed.

    The norm costs nothing where gradients are clipped by it: the compiler merges what is computed twice.
    """
    norm = ops.sum(ops.stack([ops.sum(ops.square(x)) for x in gradients]))
    return ops.where(ops.isfinite(norm), means, float("nan"))


def _divisor(weight: Any) -> Any:
    return ops.where(weight > 0, weight, 1.0)


def _moves(model: Any) -> list[bool]:
    """Of each of a model's other variables, whether a step may change it: all but frozen weights."""
    weights = {id(v) for layer in model._flatten_layers() for v in layer._trainable_variables}
    return [id(v) not in weights for v in model.non_trainable_variables]


def _decay(steps: Any, most: float) -> Any:
    """What an average keeps of itself after so many steps: less at first, or it would long be what it began as.

    Reference: TensorFlow's ExponentialMovingAverage, with num_updates
    """
    steps = ops.cast(steps, "float32")
    return ops.minimum((1 + steps) / (10 + steps), most)


def _moved(old: Any, new: Any, decay: Any) -> Any:
    """An exponential moving average, exact where nothing moves; what is no float, such as a dropout's seed, is not
    averaged."""
    if not jax.numpy.issubdtype(new.dtype, jax.numpy.floating):
        return new
    return old + ops.cast(1 - decay, new.dtype) * (new - old)
