"""zoo.weights.build: a small keras model made with a checkpoint's numbers"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import ml_dtypes
import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.weights.build import build, variable_path
from zoo.weights.layout import Layout, Rule, transpose

LAYOUT = Layout(
    rules=(
        Rule("dense.weight", "backbone/kernel", transpose),
        Rule("dense.bias", "backbone/bias"),
        Rule("scale", "head/scale"),
        Rule("out.weight", "head/kernel", transpose),
    ),
    fresh=("head/*",),
)
BACKBONE = {"dense.weight": np.arange(12, dtype=np.float32).reshape(4, 3), "dense.bias": np.ones(4, np.float32)}
HEAD = {"scale": np.float32(2.5), "out.weight": np.full((2, 4), 0.5, np.float32)}
LOADED = ["backbone/kernel", "backbone/bias"]
FRESH = ["head/kernel", "head/scale"]


@keras.saving.register_keras_serializable("zoo_tests")
class Head(keras.layers.Layer):
    """A matrix and a scalar."""

    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        self.kernel = self.add_weight(name="kernel", shape=(4, 2))

    def call(self, x):
        return keras.ops.matmul(x, self.kernel) * self.scale


class Net(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(name="model", **kwargs)
        self.backbone = keras.layers.Dense(4, kernel_initializer="random_normal", name="backbone")
        self.dropout = keras.layers.Dropout(0.5, name="dropout")
        self.head = Head(name="head")

    def build(self, shape=None):
        self.backbone.build((None, 3))
        self.head.build((None, 4))
        self.built = True

    def call(self, x, training=False):
        return self.head(self.dropout(self.backbone(x), training=training))


def make() -> Net:
    net = Net()
    net.build()
    return net


def values(model) -> dict[str, np.ndarray]:
    return {variable_path(model, v): np.asarray(v.value) for v in model.variables}


def equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray], names) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in names)


def test_loaded_variables_hold_the_numbers_of_the_file(checkpoint):
    model, audit = build(make, LAYOUT, checkpoint(BACKBONE | HEAD), seed=0)
    found = values(model)
    np.testing.assert_array_equal(found["backbone/kernel"], BACKBONE["dense.weight"].T)
    np.testing.assert_array_equal(found["backbone/bias"], BACKBONE["dense.bias"])
    np.testing.assert_array_equal(found["head/kernel"], HEAD["out.weight"].T)
    assert found["head/scale"].shape == ()
    assert found["head/scale"] == 2.5
    assert not audit.fresh
    x = np.ones((1, 3), np.float32)
    expected = (x @ BACKBONE["dense.weight"].T + 1) @ HEAD["out.weight"].T * 2.5
    np.testing.assert_allclose(np.asarray(model(x)), expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, ml_dtypes.bfloat16])
def test_floating_tensors_of_any_width_become_the_models(checkpoint, dtype):
    model, _ = build(make, LAYOUT, checkpoint({name: v.astype(dtype) for name, v in (BACKBONE | HEAD).items()}), 0)
    assert {str(v.dtype) for v in model.weights} == {"float32"}
    np.testing.assert_array_equal(values(model)["backbone/kernel"], BACKBONE["dense.weight"].T)


def test_a_model_of_another_width_takes_the_numbers_too(checkpoint):
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    try:
        model, _ = build(make, LAYOUT, checkpoint(BACKBONE | HEAD), 0)
    finally:
        keras.config.set_dtype_policy(previous)
    assert {str(v.dtype) for v in model.weights} == {"bfloat16"}
    np.testing.assert_array_equal(values(model)["backbone/kernel"].astype(np.float32), BACKBONE["dense.weight"].T)


def test_a_seed_decides_everything_that_is_random_and_nothing_that_is_loaded(checkpoint):
    file = checkpoint(BACKBONE)
    one, again, other = (build(make, LAYOUT, file, seed)[0] for seed in (1, 1, 2))
    assert equal(values(one), values(again), LOADED + FRESH)
    assert equal(values(one), values(other), LOADED)
    assert not np.array_equal(values(one)["head/kernel"], values(other)["head/kernel"])
    x = np.ones((8, 3), np.float32)
    masked = [np.asarray(model.dropout(x, training=True)) for model in (one, again, other)]
    np.testing.assert_array_equal(masked[0], masked[1])
    assert not np.array_equal(masked[0], masked[2])


def test_a_fresh_head_is_the_same_whatever_else_is_loaded(checkpoint):
    loaded, audit = build(make, LAYOUT, checkpoint(BACKBONE), seed=3)
    bare, nothing = build(make, LAYOUT, None, seed=3)
    assert set(audit.fresh) == set(FRESH)
    assert set(nothing.fresh) == {*LOADED, *FRESH}
    assert equal(values(loaded), values(bare), FRESH)
    assert not equal(values(loaded), values(bare), ["backbone/kernel"])


def test_fresh_variables_differ_from_each_other():
    found = values(build(make, LAYOUT, None, seed=0)[0])
    assert not np.array_equal(found["backbone/kernel"].ravel()[:8], found["head/kernel"].ravel())
    assert found["backbone/kernel"].std() > 0


def test_a_checkpoint_that_does_not_fit_leaves_no_model(checkpoint):
    with pytest.raises(ZooError, match="do not fit the model"):
        build(make, LAYOUT, checkpoint(HEAD), seed=0)
    assert values(build(make, LAYOUT, None, seed=0)[0])


def test_weights_that_cannot_be_read_leave_nothing_for_the_next_model(checkpoint):
    broken = BACKBONE | {"dense.bias": np.full(4, np.nan, np.float32)}  # told when it is read, after others
    with pytest.raises(ZooError, match="holds NaN or infinity"):
        build(make, LAYOUT, checkpoint(broken | HEAD), seed=0)
    model, _ = build(make, LAYOUT, checkpoint(BACKBONE | HEAD), seed=0)
    np.testing.assert_array_equal(values(model)["backbone/bias"], BACKBONE["dense.bias"])


def test_a_failure_inside_draws_no_random_numbers_and_is_told_itself(checkpoint):
    drawn = []

    def made():
        net = make()
        net.backbone.kernel._initializer = lambda shape, dtype: drawn.append(shape)
        return net

    with pytest.raises(ZooError, match="do not fit the model"):
        build(made, LAYOUT, checkpoint(HEAD), seed=0)
    assert not drawn


def test_a_loaded_model_is_an_ordinary_one_that_can_be_fitted(checkpoint):
    model, _ = build(make, LAYOUT, checkpoint(BACKBONE | HEAD), seed=0)
    model.compile("sgd", "mse")
    before = values(model)
    model.fit(np.ones((4, 3), np.float32), np.zeros((4, 2), np.float32), verbose=0)
    assert not equal(before, values(model), ["backbone/kernel"])
