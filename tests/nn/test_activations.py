"""Activations against the reference's functions of the same names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers.activations import ACT2FN

from zoo.errors import ZooError
from zoo.nn import activation, activations


@pytest.mark.parametrize("name", sorted(activations._ACTIVATIONS))
def test_it_is_the_references(name):
    x = np.concatenate([np.linspace(-12, 12, 2001), [-1e4, -1e-6, 0.0, 1e-6, 1e4]]).astype(np.float32)

    theirs = ACT2FN[name](torch.from_numpy(x)).numpy()

    np.testing.assert_allclose(activation(name)(x), theirs, rtol=1e-5, atol=2e-6)


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(ZooError, match="Did you mean 'gelu_new'"):
        activation("gelu_nwe")
