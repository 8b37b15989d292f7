"""Activation functions under the names that checkpoints' configs use.

Reference: transformers/activations.py, which fixes what each name means; `gelu` is the exact one, with erf.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from keras import ops

from zoo.errors import ZooError, did_you_mean
from zoo.nn.config import checked

Activation = Callable[[Any], Any]


def _gelu(x: Any) -> Any:
    return ops.gelu(x, approximate=False)


def _gelu_tanh(x: Any) -> Any:
    return ops.gelu(x, approximate=True)


def _laplace(x: Any) -> Any:
    # Mega (https://arxiv.org/abs/2209.10655), eq. 14: mu = sqrt(1/2), sigma = sqrt(1/(4 pi)), as rounded there.
    return 0.5 * (1.0 + ops.erf((x - 0.707107) / (0.282095 * math.sqrt(2.0))))


_ACTIVATIONS: dict[str, Activation] = {
    "gelu": _gelu,
    "gelu_10": lambda x: ops.clip(_gelu(x), -10.0, 10.0),
    "gelu_accurate": _gelu_tanh,
    "gelu_fast": _gelu_tanh,
    "gelu_new": _gelu_tanh,
    "gelu_python": _gelu,
    "gelu_python_tanh": _gelu_tanh,
    "gelu_pytorch_tanh": _gelu_tanh,
    "hardswish": ops.hard_silu,
    "laplace": _laplace,
    "leaky_relu": lambda x: ops.leaky_relu(x, negative_slope=0.01),
    "linear": lambda x: x,
    "mish": lambda x: x * ops.tanh(ops.softplus(x)),
    "quick_gelu": lambda x: x * ops.sigmoid(1.702 * x),
    "relu": ops.relu,
    "relu2": lambda x: ops.square(ops.relu(x)),
    "relu6": ops.relu6,
    "sigmoid": ops.sigmoid,
    "silu": ops.silu,
    "sqrtsoftplus": lambda x: ops.sqrt(ops.softplus(x)),
    "swish": ops.silu,
    "tanh": ops.tanh,
}


def activation(name: str) -> Activation:
    """The activation that a config calls `name`. Raises a ZooError where it is not known."""
    if fault := _fault(name):
        raise ZooError(fault)
    return _ACTIVATIONS[name]


def activation_name(default: str) -> Any:
    """A config's field that names an activation; one that is not known is told with the config's other faults."""
    return checked(default, _fault)


def _fault(name: str) -> str:
    if name in _ACTIVATIONS:
        return ""
    near = did_you_mean(name, _ACTIVATIONS) or f" zoo has {', '.join(sorted(_ACTIVATIONS))}."
    return f"There is no activation '{name}'.{near}"
