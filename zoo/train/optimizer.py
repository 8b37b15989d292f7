"""AdamW with a warm-up and a schedule, as a recipe's `[train]` says."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.train.recipe import TrainKeys

_UNDECAYED = ("bias", "beta", "gamma", "magnitude")


@keras.saving.register_keras_serializable("zoo")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up to `peak`, then constant, or falling to 0 at `steps` along a line or half a cosine."""

    def __init__(self, peak: float, steps: int, warmup: int, shape: str) -> None:
        self.peak, self.steps, self.warmup, self.shape = peak, steps, warmup, shape

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        rising = (step + 1) / max(1, self.warmup)
        progress = ops.clip((step - self.warmup) / max(1, self.steps - self.warmup), 0.0, 1.0)
        falling = {
            "constant": lambda: ops.ones_like(progress),
            "linear": lambda: 1 - progress,
            "cosine": lambda: 0.5 * (1 + ops.cos(math.pi * progress)),
        }[self.shape]()
        return self.peak * ops.where(step < self.warmup, rising, falling)

    def rates(self) -> list[float]:
        """The rate of every step, computed at once: to ask for one in training would wait for the device."""
        return np.asarray(self(np.arange(self.steps))).tolist()

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup, "shape": self.shape}


def make_schedule(keys: TrainKeys, steps: int) -> Schedule:
    """The learning rate of each of `steps` steps."""
    warmup = round(keys.warmup * steps) if keys.warmup < 1 else round(keys.warmup)
    return Schedule(keys.learning_rate, steps, warmup, keys.schedule)


def make_optimizer(keys: TrainKeys, schedule: Schedule, variables: Any) -> keras.optimizers.Optimizer:
    """AdamW, built for the model's trainable variables."""
    optimizer = keras.optimizers.AdamW(
        learning_rate=schedule,
        weight_decay=keys.weight_decay,
        global_clipnorm=keys.clip_norm or None,
    )
    optimizer.exclude_from_weight_decay([v for v in variables if v.name in _UNDECAYED])
    optimizer.build(variables)
    return optimizer
