"""The optimizer with its warm-up, schedule and layer-wise decay, as a recipe's `[train]` says."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.nn import TraceOnce
from zoo.train.recipe import TrainKeys


@keras.saving.register_keras_serializable("zoo")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up to `peak`, then `shape`: constant, or falling to 0 at `steps` along a line, half a cosine,
    or only in the last `decay` steps (wsd: warm-up, stable, decay; https://arxiv.org/abs/2404.06395).
    """

    def __init__(self, peak: float, steps: int, warmup: int, shape: str, decay: int = 0) -> None:
        self.peak, self.steps, self.warmup, self.shape, self.decay = peak, steps, warmup, shape, decay

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        rising = (step + 1) / max(1, self.warmup)
        progress = ops.clip((step - self.warmup) / max(1, self.steps - self.warmup), 0.0, 1.0)
        falling = {
            "constant": lambda: ops.ones_like(progress),
            "linear": lambda: 1 - progress,
            "cosine": lambda: 0.5 * (1 + ops.cos(math.pi * progress)),
            "wsd": lambda: ops.clip((self.steps - step) / max(1, self.decay), 0.0, 1.0),
        }[self.shape]()
        return self.peak * ops.where(step < self.warmup, rising, falling)

    def rates(self) -> list[float]:
        """The rate of every step, computed at once: to ask for one in training would wait for the device."""
        return np.asarray(self(np.arange(self.steps))).tolist()

    def get_config(self) -> dict[str, Any]:
        names = ("peak", "steps", "warmup", "shape", "decay")
        return {name: getattr(self, name) for name in names}


def make_schedule(keys: TrainKeys, steps: int) -> Schedule:
    """The learning rate of each of `steps` steps."""
    warmup, decay = (round(x * steps) if x < 1 else round(x) for x in (keys.warmup, keys.decay))
    return Schedule(keys.learning_rate, steps, warmup, keys.schedule, decay)


def make_optimizer(
    keys: TrainKeys, schedule: Schedule, variables: Sequence[Any], depths: Sequence[int] = ()
) -> keras.optimizers.Optimizer:
    """The recipe's optimizer, built for the model's trainable variables.

    Args:
        depths: how deep each variable lies. With `layer_decay`, a variable of depth d learns at
            `layer_decay ** (most - d)` times the rate (https://arxiv.org/abs/2003.10555, appendix;
            https://arxiv.org/abs/2106.08254).
    """
    kind, settings = _kinds(keys)[keys.optimizer]
    optimizer = _by_depth(kind)(learning_rate=schedule, global_clipnorm=keys.clip_norm or None, **settings)
    if keys.layer_decay < 1 and depths:
        most = max(depths)
        optimizer.shares = {
            v.path: keys.layer_decay ** (most - depth) for v, depth in zip(variables, depths, strict=True)
        }
    # Biases, what norms multiply with and the magnitudes of an adapter are the vectors of a model.
    optimizer.exclude_from_weight_decay([v for v in variables if len(v.shape) < 2])
    optimizer.build(variables)
    return optimizer


def _kinds(keys: TrainKeys) -> dict[str, tuple[type[keras.optimizers.Optimizer], dict[str, Any]]]:
    """Every optimizer there is, with its settings."""
    decay = {"weight_decay": keys.weight_decay}
    return {
        "adamw": (keras.optimizers.AdamW, decay),
        "adam": (keras.optimizers.Adam, {}),
        "sgd": (keras.optimizers.SGD, {"momentum": keys.momentum, **decay}),
        "lion": (keras.optimizers.Lion, decay),
        # The rate is the schedule's; Keras still holds it below 1 / sqrt(step), and multiplies it with the size of
        # the weights.
        "adafactor": (keras.optimizers.Adafactor, {"relative_step": False, **decay}),
        # Heads and embeddings, and all that is no matrix, learn by AdamW.
        "muon": (
            keras.optimizers.Muon,
            {"exclude_layers": ["/head/"], "adam_weight_decay": keys.weight_decay, **decay},
        ),
    }


def _by_depth(kind: type[keras.optimizers.Optimizer]) -> Any:
    """An optimizer of this kind in which each variable may have a share of the learning rate."""

    class ByDepth(kind):
        shares: dict[str, float] = {}

        def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> None:
            once, states = TraceOnce(), {id(v) for v in self.variables}
            lists = [x for x in vars(self).values() if isinstance(x, list)]
            lists = [x for x in lists if len(x) == len(self._trainable_variables)]
            for gradient, variable in zip(grads, trainable_variables, strict=True):
                n = self._get_variable_index(variable)
                own = [variable, *(x[n] for x in lists if id(x[n]) in states), self.iterations]
                decays = bool(self.weight_decay) and self._use_weight_decay(variable)
                update = functools.partial(self._update, variable, decays)
                rate = learning_rate * self.shares.get(variable.path, 1.0)
                once.run(update, own, (own, decays), (gradient, rate))

        def _update(self, variable: Any, decays: bool, gradient: Any, rate: Any) -> None:
            if decays:  # before the step; Muon, too, has one decay for all
                variable.assign(variable - variable * self.weight_decay * ops.cast(rate, variable.dtype))
            self.update_step(gradient, variable, rate)

        def _apply_weight_decay(self, variables: Any) -> None:
            """Nothing: each variable decays where it is updated, at its own rate."""

    return ByDepth
