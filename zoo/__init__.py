"""zoo: a plugin-based model zoo and fine-tuning toolkit for Keras 3 on JAX.

Importing this package imports nothing else: every public name is found when it is first used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.errors import ZooError
    from zoo.loading import load
    from zoo.registry.hookspecs import hookimpl
    from zoo.registry.presets import presets
    from zoo.registry.records import Architecture, DataSet, Head, Tracked, Tracker
    from zoo.tasks.decoder_architecture import decoder_architecture
    from zoo.train.check import check
    from zoo.train.finetune import finetune
    from zoo.train.recipe import Recipe
    from zoo.train.reproduce import reproduce
    from zoo.train.run import Run

__version__ = "0.1.0"

# Keras picks its backend when it is imported, which may be after zoo and before zoo's first model.
os.environ.setdefault("KERAS_BACKEND", "jax")

_HOMES = {
    "Architecture": "zoo.registry.records",
    "DataSet": "zoo.registry.records",
    "Head": "zoo.registry.records",
    "Recipe": "zoo.train.recipe",
    "Run": "zoo.train.run",
    "Tracked": "zoo.registry.records",
    "Tracker": "zoo.registry.records",
    "ZooError": "zoo.errors",
    "check": "zoo.train.check",
    "decoder_architecture": "zoo.tasks.decoder_architecture",
    "finetune": "zoo.train.finetune",
    "hookimpl": "zoo.registry.hookspecs",
    "load": "zoo.loading",
    "presets": "zoo.registry.presets",
    "reproduce": "zoo.train.reproduce",
}

__all__ = [
    "Architecture",
    "DataSet",
    "Head",
    "Recipe",
    "Run",
    "Tracked",
    "Tracker",
    "ZooError",
    "check",
    "decoder_architecture",
    "finetune",
    "hookimpl",
    "load",
    "presets",
    "reproduce",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
