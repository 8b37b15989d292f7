"""What stays as it is in training."""

from __future__ import annotations

from typing import Any

from zoo.errors import ZooError
from zoo.nn import BatchNorm


def freeze(model: Any, what: str) -> None:
    """Freeze nothing, every batch normalisation with its statistics, or the whole backbone.

    Raises a ZooError where there is no batch normalisation to freeze.
    """
    if what == "backbone":
        model.backbone.trainable = False
    if what == "norm":
        norms = [layer for layer in model._flatten_layers() if isinstance(layer, BatchNorm)]
        if not norms:
            raise ZooError(
                'train.freeze = "norm", and the model has no batch normalisation.',
                fix='Leave train.freeze out, or set it to "backbone".',
            )
        for norm in norms:
            norm.trainable = False
