"""What stays as it is in training."""

from __future__ import annotations

import re
from typing import Any

from zoo.errors import ZooError, counted
from zoo.nn import BatchNorm
from zoo.train.depth import blocks, depths

ALL_BUT = re.compile(r"all but (\d+)")


def freeze(model: Any, what: str) -> None:
    """Freeze `nothing`, every batch normalisation with its statistics (`norm`), the whole `backbone`, or all that
    lies below the top N layers (`all but N`).

    Raises a ZooError where the model has no batch normalisation, or fewer layers, or nothing else to train.
    """
    if what == "backbone":
        model.backbone.trainable = False
    elif what == "norm":
        _freeze_norms(model)
    elif match := ALL_BUT.fullmatch(what):
        _freeze_below(model, int(match[1]))
    if not model.trainable_variables:
        raise ZooError(
            f'train.freeze = "{what}" leaves nothing to train.',
            why=f"a model for {model.task} has no weights above its backbone, or none that its outputs need",
            fix='Set train.freeze = "all but 2" for the top two layers, or train an adapter: model.lora.',
        )


def batch_norms(model: Any) -> list[BatchNorm]:
    """The batch normalisations of a model, frozen or not."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, BatchNorm)]


def _freeze_norms(model: Any) -> None:
    norms = batch_norms(model)
    if not norms:
        raise ZooError(
            'train.freeze = "norm", and the model has no batch normalisation.',
            fix='Leave train.freeze out, or set it to "backbone".',
        )
    for norm in norms:
        norm.trainable = False


def _freeze_below(model: Any, kept: int) -> None:
    count = len(blocks(model))
    if kept > count:
        raise ZooError(f'train.freeze = "all but {kept}", and the model has {counted(count, "layer")}.')
    for layer in model.backbone._flatten_layers():
        own = layer._trainable_variables + layer._non_trainable_variables
        if own and max(depths(model, own)) <= count - kept:
            layer.trainable = False
