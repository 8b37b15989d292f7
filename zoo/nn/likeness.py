"""What a layer computes by, as something that can be compared."""

from __future__ import annotations

import functools
import types
from collections.abc import Hashable
from typing import Any

import keras

_PLAIN = frozenset(vars(keras.layers.Layer()))
"""What every layer has, most of it Keras' own books."""


class _Itself:
    """Equal to itself alone; it keeps what it stands for, lest another thing be found in the same place."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other._thing is self._thing

    def __hash__(self) -> int:
        return id(self._thing)


def likeness(thing: Any) -> Hashable:
    """What a layer computes by, beside its variables' values: equal for layers that compute alike.

    That is everything it holds, down to the last number; of its layers and variables, which is which by the order
    in which they are met. What cannot be compared is like itself alone.
    """
    met: dict[int, int] = {}

    def of(x: Any) -> Hashable:
        if isinstance(x, keras.layers.Layer | keras.Variable | keras.random.SeedGenerator):
            if id(x) in met:
                return met[id(x)]
            met[id(x)] = len(met)
            if isinstance(x, keras.Variable):
                return tuple(x.shape), x.dtype, x.trainable, x._autocast
            if isinstance(x, keras.random.SeedGenerator):
                return type(x), of(x.state)
            own = tuple((name, of(value)) for name, value in vars(x).items() if name not in _PLAIN)
            dtypes = x.compute_dtype, x.variable_dtype, x.quantization_mode
            return type(x), x.trainable, x.autocast, dtypes, own
        if isinstance(x, list | tuple):
            return type(x), tuple(map(of, x))
        if isinstance(x, dict):
            return type(x), tuple((of(key), of(value)) for key, value in x.items())
        if isinstance(x, types.MethodType):
            return x.__func__, of(x.__self__)
        if isinstance(x, functools.partial):
            return of(x.func), of(x.args), of(x.keywords)
        try:
            hash(x)
        except TypeError:
            return _Itself(x)
        return type(x), x

    return of(thing)
