"""Keras callbacks in zoo's own loop: called in order, from the one thread there is, when a step's loss is known.

A loss is read one step late, but for the first, so a batch's two hooks come together, then. In them the model holds
the weights of the last evaluation; a callback with `reads_weights = True` finds those of its step, and the device
waits for it.

A stop that is asked for in them takes effect after the next step, unless an evaluation comes before: always, also
where a loss is read at once, so that a run that is resumed ends where it would have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.errors import Faults, ZooError
from zoo.train.named_code import load_named
from zoo.train.order import Plan


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Raise a ZooError for what is no callback, and for those that set the learning rate, which a recipe does."""
    import keras

    faults, setters = Faults(), (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
    for one in callbacks:
        if not isinstance(one, keras.callbacks.Callback):
            faults.add(f"{one!r:.60} is no keras.callbacks.Callback")
        elif isinstance(one, setters):
            faults.add(f"{type(one).__name__} sets the learning rate, which follows train.schedule")
    faults.check("These callbacks cannot be called.")


class Callbacks:
    """The callbacks of a run.

    Args:
        callbacks: `keras.callbacks.Callback`s. One with `state_dict()` and `load_state_dict(state)` resumes with
            the run: what it gives is saved as JSON.
        optimizer: what callbacks find as `model.optimizer`.
    """

    def __init__(self, callbacks: Sequence[Any], model: Any, optimizer: Any, plan: Plan) -> None:
        self.callbacks, self.model, self.plan = list(callbacks), model, plan
        self.total, self.count = 0.0, 0
        self.last: int | None = None
        if self.callbacks:
            model.optimizer, model.stop_training = optimizer, False
        for one in self.callbacks:
            one.set_params({"epochs": plan.whole_epochs, "steps": plan.per_epoch, "verbose": 0})
            one.set_model(model)

    def __bool__(self) -> bool:
        return bool(self.callbacks)

    @property
    def reads_weights(self) -> bool:
        """Whether one asks for the weights of every step."""
        return any(getattr(one, "reads_weights", False) for one in self.callbacks)

    def stopped(self, step: int) -> bool:
        """Whether a step is the run's last, for one asked to stop, by `model.stop_training`."""
        return self.last is not None and step >= self.last

    def begin(self) -> None:
        self._call("on_train_begin")

    def step(self, step: int, loss: float) -> None:
        """The loss of a step, counted from 1, is known."""
        epoch, place = divmod(step - 1, self.plan.per_epoch)
        if place == 0:
            self.total, self.count = 0.0, 0
            self._call("on_epoch_begin", epoch)
        self.total, self.count = self.total + loss, self.count + 1
        self._call("on_train_batch_begin", place)
        self._call("on_train_batch_end", place, {"loss": loss})
        self._heed(step + 1)

    def evaluating(self) -> None:
        self._call("on_test_begin")

    def evaluated(self, step: int, scores: Mapping[str, float]) -> None:
        self._call("on_test_end", scores)
        self._heed(step)

    def end_of_epoch(self, step: int, scores: Mapping[str, float]) -> None:
        """An epoch is over, or the run is before it; the scores are those of its end."""
        logs = {"loss": self.total / max(1, self.count), **{f"val_{k}": v for k, v in scores.items()}}
        self._call("on_epoch_end", (step - 1) // self.plan.per_epoch, logs)
        self._heed(step)

    def end(self) -> None:
        self._call("on_train_end")

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps. Raises a ZooError where a callback's state is nothing that JSON can hold."""
        states = {}
        for n, one in enumerate(self.callbacks):
            if hasattr(one, "state_dict"):
                states[_name(n, one)] = state = one.state_dict()
                try:
                    json.dumps(state)
                except (TypeError, ValueError) as error:
                    raise ZooError(
                        f"The state of callback {type(one).__name__} cannot be saved.",
                        why=str(error),
                        fix="Let state_dict() return numbers, strings, lists and dicts.",
                    ) from error
        return {"states": states, "epoch": [self.total, self.count], "last": self.last}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from what a checkpoint kept. Raises a ZooError where a callback with a state is not there."""
        there = {_name(n, one): one for n, one in enumerate(self.callbacks)}
        if missing := [name for name in saved["states"] if name not in there]:
            raise ZooError(
                f"The run was begun with callbacks that are not there: {', '.join(missing)}.",
                fix="Resume it in Python with the same: zoo.finetune(resume=..., callbacks=[...])",
            )
        for name, state in saved["states"].items():
            there[name].load_state_dict(state)
        self.total, self.count = saved["epoch"]
        if self.callbacks and saved["last"] is not None:
            self.last, self.model.stop_training = saved["last"], True

    def _heed(self, step: int) -> None:
        """Let the run end after a step, or earlier if it does already, where one asks to stop."""
        if self.callbacks and self.model.stop_training:
            self.last = min(step, self.last or step)

    def _call(self, hook: str, *args: Any) -> None:
        for one in self.callbacks:
            getattr(one, hook)(*args)


def named_callbacks(named: Sequence[str]) -> list[Any]:
    """The callbacks that a recipe names, made. Raises a ZooError for one that cannot be."""
    made = []
    for one in named:
        kind = load_named(one)
        try:
            made.append(kind())
        except Exception as error:  # whatever the user's code raises
            raise ZooError(
                f"The callback '{one}' cannot be made.", why=f"{type(error).__name__}: {error}"
            ) from error
    return made


def _name(place: int, callback: Any) -> str:
    return f"{place}: {type(callback).__name__}"
