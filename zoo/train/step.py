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

from zoo.tasks.losses import Loss, Tell

State = tuple[list[Any], list[Any], list[Any], list[Any]]
"""Values of the trainable variables, the other variables (statistics, dropout seeds, what is frozen), the
optimizer's, and the averages of all that a step may change of the first two, if they are kept."""

Prepare = Callable[[dict[str, Any], Any], tuple[dict[str, Any], Any]]

Means = Any
"""The mean loss of a step's examples `()`; where more is told of them, the loss and its means `(1 + told,)`."""


@dataclass(frozen=True)
class Trainer:
    """A model, its optimizer and the compiled functions between two states.

    Args:
        step: `(state, *batch) -> (state, means)`: one step on one batch. It donates the state.
        add: `(trainable, other, sums, *batch) -> (other, sums)`: a batch's part of a step. It donates both.
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
            return self.ready.get(("step", *shapes_of(batches[0])), self.step)(state, *batches[0])
        trainable, fixed, slots, average = state
        sums = _zeros(trainable), np.zeros(self.shape, np.float32), np.float32(0)
        for batch in batches:
            add = self.ready.get(("add", *shapes_of(batch)), self.add)
            fixed, sums = add(trainable, fixed, sums, *batch)
        return self.finish((trainable, fixed, slots, average), sums)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a step's means."""
        return (1 + len(self.told),) if self.told else ()

    @functools.cached_property
    def moving(self) -> list[int]:
        """The places of the other variables that a step may change: all but frozen weights."""
        return _moving(self.model)

    def without_frozen(self, fixed: Sequence[Any]) -> list[Any]:
        """Of the values of the other variables, those that a step may change."""
        return [fixed[n] for n in self.moving]

    def with_frozen(self, moving: Sequence[Any], fixed: Sequence[Any]) -> list[Any]:
        """These values that a step may change, and the frozen ones of `fixed`."""
        filled = list(fixed)
        for n, value in zip(self.moving, moving, strict=True):
            filled[n] = value
        return filled

    def state(self) -> State:
        """The state as the variables hold it. A step donates its buffers: use each state once."""
        model, optimizer = self.model, self.optimizer
        groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
        trainable, fixed, slots = ([v.value for v in group] for group in groups)
        averaged = (*trainable, *self.without_frozen(fixed)) if self.averages else ()
        return trainable, fixed, slots, [x.copy() for x in averaged]

    def weights(self, state: State) -> tuple[list[Any], list[Any]]:
        """The values that the model is used with: the averages, where they are kept."""
        trainable, fixed, _, average = state
        if not average:
            return trainable, fixed
        count = len(trainable)
        return average[:count], self.with_frozen(average[count:], fixed)

    def write_back(self, weights: tuple[list[Any], list[Any]]) -> None:
        """Let the model's variables hold these values, so that the model can be used or saved."""
        groups = (self.model.trainable_variables, self.model.non_trainable_variables)
        for group, values in zip(groups, weights, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)


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
    policy: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function,
) -> Trainer:
    """Compile the step: the gradient of the batch's mean loss, then the optimizer.

    Args:
        loss: what is made small, as the task has it (`model.objective()`).
        told: sums that are told of a step's examples beside their loss, by name.
        prepare: turns the batch's arrays and targets into the model's and the loss's; compiled with the step.
        ema: the decay of the average of the weights, once that has forgotten where it began; 0 keeps none.
        policy: wraps what is differentiated, to say what is kept for the gradient.
    """
    moving = _moving(model)
    count = next(n for n, v in enumerate(optimizer.variables) if v is optimizer.iterations)

    def sums_of(trainable: Any, fixed: Any, arrays: dict[str, Any], targets: Any, weights: Any) -> Any:
        if prepare is not None:
            arrays, targets = prepare(arrays, targets)
        outputs, fixed = model.stateless_call(trainable, fixed, arrays, training=True)
        total, weight = loss(outputs, targets, weights)
        beside = [tell(outputs, targets, weights) for tell in (told or {}).values()]
        return total, (ops.stack([total, *beside]) if beside else total, weight, fixed)

    def mean_of(trainable: Any, fixed: Any, *batch: Any) -> tuple[Any, Any]:
        total, (sums, weight, fixed) = sums_of(trainable, fixed, *batch)
        return total / _divisor(weight), (sums / _divisor(weight), fixed)

    def updated(state: State, fixed: Any, gradients: Any) -> State:
        trainable, _, slots, average = state
        steps = slots[count]
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        if ema:
            decay, seen = _decay(steps, ema), (*trainable, *(fixed[n] for n in moving))
            average = [_moved(old, new, decay) for old, new in zip(average, seen, strict=True)]
        return trainable, fixed, slots, average

    def step(state: State, *batch: Any) -> tuple[State, Means]:
        (_, (means, fixed)), gradients = jax.value_and_grad(policy(mean_of), has_aux=True)(*state[:2], *batch)
        return updated(state, fixed, gradients), _told(means, gradients)

    def add(trainable: Any, fixed: Any, sums: Any, *batch: Any) -> tuple[Any, Any]:
        (_, (own, weight, fixed)), gradients = jax.value_and_grad(policy(sums_of), has_aux=True)(
            trainable, fixed, *batch
        )
        before, *numbers = sums
        gradients = [one + other for one, other in zip(before, gradients, strict=True)]
        return fixed, (gradients, numbers[0] + own, numbers[1] + weight)

    def finish(state: State, sums: Any) -> tuple[State, Means]:
        gradients, total, weight = sums
        divisor = _divisor(weight)
        gradients = [x / ops.cast(divisor, x.dtype) for x in gradients]
        return updated(state, state[1], gradients), _told(total / divisor, gradients)

    return Trainer(
        model,
        optimizer,
        jax.jit(step, donate_argnums=0),
        jax.jit(add, donate_argnums=(1, 2)),
        jax.jit(finish, donate_argnums=0),
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


def _moving(model: Any) -> list[int]:
    """The places of a model's other variables that a step may change: all but frozen weights."""
    weights = {id(v) for layer in model._flatten_layers() for v in layer._trainable_variables}
    return [n for n, v in enumerate(model.non_trainable_variables) if id(v) not in weights]


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
