"""zoo.weights.export: a keras model's weights as a layout names them"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.weights.export import tensors_of
from zoo.weights.layout import Layout, Rule, transpose


def test_a_models_weights_get_the_names_and_shapes_of_the_layout():
    class Net(keras.Model):
        def build(self, shape=None):
            self.dense = keras.layers.Dense(2, name="dense")
            self.dense.build((None, 3))
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

    net = Net(name="model")
    net.build()
    rules = (
        Rule("net.dense.weight", "dense/kernel", transpose),
        Rule("net.dense.bias", "dense/bias", aliases=("net.dense.b",)),
        Rule("net.scale", "scale"),
    )
    tensors = tensors_of(net, Layout(rules, prefix="net."))
    assert {name: array.shape for name, array in tensors.items()} == {
        "net.dense.weight": (2, 3),
        "net.dense.bias": (2,),
        "net.scale": (),
    }
    np.testing.assert_array_equal(tensors["net.dense.weight"].numbers(), np.asarray(net.dense.kernel.value).T)
    with pytest.raises(ZooError) as caught:
        tensors_of(net, Layout((rules[0], Rule("net.dense.weight", "dense/bias"))))
    assert sorted(caught.value.why) == [
        "dense/bias would be a second 'net.dense.weight'",
        "the layout has no rule for scale",
    ]
