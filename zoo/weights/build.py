"""Building a keras model whose variables hold a checkpoint's numbers from their first moment.

Keras puts off the initialisers of variables made inside a StatelessScope until the scope closes. Before it
does, each variable is given an initialiser that reads its tensor: no random numbers for what is loaded, one
tensor in memory at a time. What is fresh keeps its own initialiser, seeded by the variable's name, so that a
seed means the same model whatever else is loaded.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from zoo.weights.audit import Audit, audit
from zoo.weights.layout import Layout, Op
from zoo.weights.reader import Checkpoint


def build(make: Callable[[], Any], layout: Layout, checkpoint: Checkpoint | None, seed: int) -> tuple[Any, Audit]:
    """Make a model with the weights of `checkpoint`, or with random ones where that is None.

    Args:
        make: makes the keras model and builds it, inside the scope.
        layout: the checkpoint's format.
        seed: decides every fresh variable and every dropout mask.

    Raises a ZooError where layout, model and checkpoint do not match.
    """
    with keras.StatelessScope():
        model = make()
        weights = {variable_path(model, v): v for v in model.weights}
        result = Audit(fresh=tuple(weights))
        if checkpoint is not None:
            result = audit(layout, {path: tuple(v.shape) for path, v in weights.items()}, checkpoint)
        for path, variable in weights.items():
            if path in result.sources:
                assert checkpoint is not None
                variable._initializer = _reading(checkpoint, *result.sources[path])
            else:
                variable._initializer = _seeded(variable._initializer, seed, path)
        # Keras numbers its seed generators through the process, so their paths say nothing; their order does.
        states = [v for v in model.variables if variable_path(model, v) not in weights]
        for number, variable in enumerate(states):
            variable._initializer = _counter(seed, f"seed generator {number}")
    return model, result


def variable_path(model: Any, variable: Any) -> str:
    """A variable's path inside its model, without the model's own name."""
    return variable.path.removeprefix(f"{model.name}/")


def _reading(checkpoint: Checkpoint, tensor: str, op: Op) -> Callable[..., np.ndarray]:
    return lambda shape, dtype: np.asarray(op.load(checkpoint.read(tensor)), dtype, order="C")


def _seeded(initializer: Any, seed: int, path: str) -> Any:
    settings = initializer.get_config()
    return type(initializer)(**settings | {"seed": _mix(seed, path)}) if "seed" in settings else initializer


def _counter(seed: int, path: str) -> Callable[..., np.ndarray]:
    # A keras SeedGenerator's state: a seed, and how often it was asked.
    return lambda shape, dtype: np.array([_mix(seed, path), 0], dtype)


def _mix(seed: int, path: str) -> int:
    return zlib.crc32(f"{seed}/{path}".encode())
