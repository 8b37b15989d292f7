"""What is said where a model is asked for the verb of another task."""

from __future__ import annotations

from typing import Any

from zoo.errors import ZooError


class OtherTaskError(ZooError, AttributeError):
    """A method that models of another task have; `hasattr` is False for it."""


def no_such_attribute(model: Any, name: str) -> AttributeError:
    """The error of `model.name`, which names the task that has it where the architecture can do it."""
    plain = AttributeError(f"'{type(model).__name__}' object has no attribute '{name}'")
    if name.startswith("_") or "architecture" not in vars(model):  # Keras asks, too, and before the model is whole
        return plain
    from zoo.tasks import models_with

    others = [one for one in models_with(name, model.record.modality) if one.task in model.record.heads]
    if not others:
        return plain
    labels = ", labels=[...]" if others[0].needs_labels and not model.labels else ""
    return OtherTaskError(
        f"This model was loaded for {model.task}, which has no {name}().",
        fix=f"Load it for that: zoo.load({model.preset!r}, task='{others[0].task}'{labels}).",
    )
