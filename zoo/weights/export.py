"""A model's weights as the tensors of a checkpoint format: the layout table, read the other way."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from zoo.errors import Faults
from zoo.weights.build import variable_path
from zoo.weights.layout import Layout, Op
from zoo.weights.shards import Outgoing


def tensors_of(
    model: Any,
    layout: Layout,
    *,
    without: Collection[str] = (),
    changed: Mapping[str, tuple[str, Callable[[], Any]]] | None = None,
) -> dict[str, Outgoing]:
    """The model's weights under the names and in the shapes of a layout; a number is touched when it is written.

    Args:
        without: paths of variables that are no part of the checkpoint.
        changed: by path, the dtype of what is written in place of a variable's numbers, and what gives it.

    Raises a ZooError that lists every variable without a rule, and every name that two variables claim.
    """
    faults = Faults()
    tensors: dict[str, Outgoing] = {}
    for variable in model.weights:
        path = variable_path(model, variable)
        if path in without:
            continue
        row = layout.rule(path)
        if row is None:
            faults.add(f"the layout has no rule for {path}")
            continue
        rule, numbers = row
        name = next(layout.names(rule, numbers))
        if name in tensors:
            faults.add(f"{path} would be a second '{name}'")
        shape = rule.op.shape(tuple(variable.shape))
        own = variable.dtype, lambda variable=variable: variable.value
        dtype, values = (changed or {}).get(path, own)
        tensors[name] = Outgoing(np.dtype(dtype), shape, _numbers(values, rule.op))
        for counter in itertools.islice(layout.counters(rule, numbers), 1):
            tensors[counter] = Outgoing(np.dtype(np.int64), (), lambda: np.zeros((), np.int64))
    faults.check("The model cannot be written.")
    return tensors


def _numbers(values: Callable[[], Any], op: Op) -> Callable[[], np.ndarray]:
    return lambda: op.save(np.asarray(values()))
