"""How deep a weight lies: what layer-wise decay, partial freezing and rematerialisation go by.

A backbone's repeated layers are called `layer_N` or `block_N`, perhaps within `stage_N`. What comes before them has
depth 0, they have 1 to n from the input up, and what comes after them, the head included, has n + 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_BLOCK = re.compile(r"/((?:stage_\d+/)?(?:layer|block)_\d+)(?=/|$)")


def blocks(model: Any) -> list[Any]:
    """The repeated layers of a model's backbone, from the input up."""
    found = {}
    for layer in model.backbone._flatten_layers():
        if re.fullmatch(r"(?:layer|block)_\d+", layer.name) and layer.weights:
            found.setdefault(_block(layer.weights[0]), layer)
    return [found[name] for name in _ranks(model) if name in found]


def depths(model: Any, variables: Sequence[Any]) -> list[int]:
    """The depth of each of these variables of a model."""
    ranks, below = _ranks(model), set()
    for variable in model.backbone.weights:
        if _block(variable):
            break
        below.add(variable.path)
    return [0 if v.path in below else ranks.get(_block(v), len(ranks) + 1) for v in variables]


def _ranks(model: Any) -> dict[str, int]:
    """The depth of each block, by its name."""
    names = dict.fromkeys(_block(v) for v in model.backbone.weights)
    return {name: n for n, name in enumerate((name for name in names if name), 1)}


def _block(variable: Any) -> str:
    """The name of the block that a variable is in; empty where it is in none."""
    match = _BLOCK.search(variable.path)
    return match[1] if match else ""
