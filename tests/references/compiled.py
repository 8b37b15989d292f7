"""Models computed in one compiled piece, as zoo compiles them.

Op by op, every shape of every op would compile by itself.
"""

from __future__ import annotations

from typing import Any

import jax
import keras

from zoo.backend import compiled
from zoo.registry.code import architecture_of, find_architecture
from zoo.tasks import ImageClassifier
from zoo.weights.build import variable_path


def outputs(model: Any, pixels: Any) -> tuple[Any, list[Any]]:
    """The model's outputs, and the feature maps of its backbone."""

    @compiled
    def forward(state: Any, arrays: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(model.variables, state, strict=True))):
            return model(arrays), model.backbone.feature_maps(arrays)

    return forward([v.value for v in model.variables], {"pixel_values": pixels})


def trainer(model: Any) -> Any:
    """A function from pixels to the outputs in training mode, which leaves the moved statistics in the model."""

    @compiled
    def forward(trainable: Any, fixed: Any, arrays: Any) -> Any:
        return model.stateless_call(trainable, fixed, arrays, training=True)

    def step(pixels: Any) -> Any:
        trainable, fixed = (
            [v.value for v in part] for part in (model.trainable_variables, model.non_trainable_variables)
        )
        out, fixed = forward(trainable, fixed, {"pixel_values": pixels})
        for variable, value in zip(model.non_trainable_variables, fixed, strict=True):
            variable.assign(value)
        return out

    return step


def timm_shapes(name: str, labels: int = 1000) -> tuple[Any, dict[str, tuple[int, ...]]]:
    """The config of one of timm's names, and its tensors' names and shapes by the layout; nothing is computed."""
    record = find_architecture(architecture_of(name))
    config = record.config.read({"architecture": name, "num_classes": labels}, name)
    layout = record.layouts["timm"](config, "image-classification")
    found = {}

    def build() -> None:
        names = [str(n) for n in range(labels)]
        model = ImageClassifier(architecture_of(name), config, names, "timm", name="model")
        model.build(None)
        for variable in model.weights:
            row = layout.rule(variable_path(model, variable))
            assert row is not None, variable.path
            rule, numbers = row
            found[next(layout.names(rule, numbers))] = rule.op.shape(tuple(variable.shape))

    jax.eval_shape(build)  # abstract: the initialisers draw no numbers
    return config, found
