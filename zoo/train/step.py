"""One optimiser step as a compiled function of the training state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import keras
from keras import ops

from zoo.tasks.losses import Loss

State = tuple[list[Any], list[Any], list[Any], list[Any]]
"""Values of the trainable variables, the other variables (statistics, dropout seeds), the optimizer's, and the
averages of the first two, if they are kept."""

Prepare = Callable[[dict[str, Any], Any], tuple[dict[str, Any], Any]]


@dataclass(frozen=True)
class Trainer:
    """A model, its optimizer and the compiled step between two states."""

    model: Any
    optimizer: keras.optimizers.Optimizer
    step: Callable[..., tuple[State, Any]]
    averages: bool = False

    def state(self) -> State:
        """The state as the variables hold it. A step donates its buffers: use each state once."""
        model, optimizer = self.model, self.optimizer
        groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
        trainable, fixed, slots = ([v.value for v in group] for group in groups)
        return trainable, fixed, slots, [x.copy() for x in (*trainable, *fixed)] if self.averages else []

    def weights(self, state: State) -> tuple[list[Any], list[Any]]:
        """The values that the model is used with: the averages, where they are kept."""
        trainable, fixed, _, average = state
        count = len(trainable)
        return (average[:count], average[count:]) if average else (trainable, fixed)

    def write_back(self, weights: tuple[list[Any], list[Any]]) -> None:
        """Let the model's variables hold these values, so that the model can be used or saved."""
        groups = (self.model.trainable_variables, self.model.non_trainable_variables)
        for group, values in zip(groups, weights, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)


def make_trainer(
    model: Any,
    optimizer: keras.optimizers.Optimizer,
    loss: Loss,
    *,
    prepare: Prepare | None = None,
    ema: float = 0.0,
) -> Trainer:
    """Compile the step: the gradient of the batch's mean loss, then the optimizer.

    Args:
        loss: what is made small, as the task has it (`model.objective()`).
        prepare: turns the batch's arrays and targets into the model's and the loss's; compiled with the step.
        ema: the decay of the average of the weights; 0 keeps none.
    """

    def loss_of(trainable: Any, fixed: Any, arrays: dict[str, Any], targets: Any, weights: Any) -> tuple[Any, Any]:
        if prepare is not None:
            arrays, targets = prepare(arrays, targets)
        outputs, fixed = model.stateless_call(trainable, fixed, arrays, training=True)
        total, weight = loss(outputs, targets, weights)
        return total / ops.where(weight > 0, weight, 1.0), fixed

    def step(state: State, arrays: dict[str, Any], targets: Any, weights: Any) -> tuple[State, Any]:
        trainable, fixed, slots, average = state
        (mean, fixed), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            trainable, fixed, arrays, targets, weights
        )
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        if ema:
            average = [_moved(old, new, ema) for old, new in zip(average, (*trainable, *fixed), strict=True)]
        return (trainable, fixed, slots, average), mean

    return Trainer(model, optimizer, jax.jit(step, donate_argnums=0), averages=bool(ema))


def _moved(old: Any, new: Any, decay: float) -> Any:
    """An exponential moving average; what is no float, such as a dropout's seed, is not averaged."""
    return decay * old + (1 - decay) * new if jax.numpy.issubdtype(new.dtype, jax.numpy.floating) else new
