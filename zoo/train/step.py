"""One optimiser step as a compiled function of the training state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import keras
from keras import ops

State = tuple[list[Any], list[Any], list[Any]]
"""Values of the trainable variables, the other variables (dropout seeds), and the optimizer's."""


@dataclass(frozen=True)
class Trainer:
    """A model, its optimizer and the compiled step between two states."""

    model: Any
    optimizer: keras.optimizers.Optimizer
    step: Callable[..., tuple[State, Any]]

    def state(self) -> State:
        """The state as the variables hold it. A step donates its buffers: use each state once."""
        model, optimizer = self.model, self.optimizer
        groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
        trainable, fixed, slots = ([v.value for v in group] for group in groups)
        return trainable, fixed, slots

    def write_back(self, state: State) -> None:
        """Let the model's variables hold a state's values, so that the model can be used or saved."""
        for group, values in zip(
            (self.model.trainable_variables, self.model.non_trainable_variables), state[:2], strict=True
        ):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)


def make_trainer(model: Any, optimizer: keras.optimizers.Optimizer) -> Trainer:
    """Compile the step of a classifier: mean cross-entropy over the batch's examples, then the optimizer."""

    def loss_of(trainable: Any, fixed: Any, arrays: dict[str, Any], targets: Any, weights: Any) -> tuple[Any, Any]:
        logits, fixed = model.stateless_call(trainable, fixed, arrays, training=True)
        losses = ops.sparse_categorical_crossentropy(targets, ops.cast(logits, "float32"), from_logits=True)
        return ops.sum(losses * weights) / ops.sum(weights), fixed

    def step(state: State, arrays: dict[str, Any], targets: Any, weights: Any) -> tuple[State, Any]:
        trainable, fixed, slots = state
        (loss, fixed), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            trainable, fixed, arrays, targets, weights
        )
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return (trainable, fixed, slots), loss

    return Trainer(model, optimizer, jax.jit(step, donate_argnums=0))
