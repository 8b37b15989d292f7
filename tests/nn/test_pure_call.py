"""zoo.nn.pure_call: a call as a function of its variables' values."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest
from jax import numpy as jnp

from zoo.nn import BatchNorm, linear
from zoo.nn.pure_call import PureCall


def variable(value: float) -> keras.Variable:
    return keras.Variable(np.float32(value))


def test_what_is_set_is_handed_out_and_no_variable_holds_it_before():
    fixed, moved = variable(2), variable(3)

    def add(x, *, twice):
        moved.assign(moved + x * (2 if twice else 1))
        return {"sum": moved + fixed, "nothing": None}

    call = PureCall(add, [fixed, moved], (jnp.float32(1),), {"twice": True})
    program = call.written_down()
    outputs, changes = found = program(*call.inputs)
    assert (float(outputs["sum"]), outputs["nothing"]) == (7, None)
    assert {n: float(value) for n, value in changes.items()} == {1: 5}
    assert float(moved.value) == 3
    assert not call.strange
    assert call.returned(found) is outputs
    assert float(moved.value) == 5
    # The same program, with other numbers.
    assert float(program([jnp.float32(10), jnp.float32(20)], [jnp.float32(4)])[0]["sum"]) == 38


def test_the_shape_tells_calls_apart_but_for_their_numbers():
    def shape(x, dtype: str = "float32", **kwargs):
        return PureCall(lambda *_, **__: None, [keras.Variable(1, dtype=dtype)], (x,), kwargs).shape

    one = shape(jnp.ones(3), training=True)
    assert one == shape(jnp.zeros(3), training=True)
    others = [
        shape(jnp.ones(3), training=False),
        shape(jnp.ones(3)),
        shape(jnp.ones(4), training=True),
        shape(jnp.ones(3, "int32"), training=True),
        shape([jnp.ones(3)], training=True),
        shape(jnp.ones(3), "bfloat16", training=True),
    ]
    assert all(one != other for other in others)


@pytest.mark.parametrize("sets", [False, True])
def test_other_variables_are_noticed_and_have_the_values_of_the_scope_around(sets):
    own, other = variable(2), variable(3)

    def run(x):
        if sets:
            other.assign(x)
        return own * x if sets else own * other * x

    with keras.StatelessScope([(own, jnp.float32(5)), (other, jnp.float32(7))]):
        call = PureCall(run, [own], (jnp.float32(1),), {})
        program = call.written_down()
        assert float(program(*call.inputs)[0]) == (5 if sets else 35)
    assert call.strange


def test_weights_are_handed_in_as_they_are_kept_whatever_they_are_cast_to():
    layer = linear(3, "linear")
    layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
    layer.build((None, 3))
    seen = {}

    class Around(keras.layers.Layer):
        def call(self, x):
            call = PureCall(layer, layer.variables, (x,), {})
            seen.update(
                values=[v.dtype.name for v in call.inputs[0]], given=[v.value.dtype.name for v in layer.variables]
            )
            return call.returned(call.written_down()(*call.inputs))

    outputs = Around(dtype="mixed_bfloat16")(jnp.ones((2, 3)))
    assert seen == {"values": ["float32", "float32"], "given": ["bfloat16", "bfloat16"]}
    assert outputs.dtype == "bfloat16"
    np.testing.assert_array_equal(outputs, layer(jnp.ones((2, 3))))


def test_a_layer_is_told_whether_it_trains_by_those_around_it():
    norm = BatchNorm()
    norm.build((None, 2))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(8, 2)), "float32")

    class Around(keras.layers.Layer):
        def call(self, x, training=False):
            call = PureCall(norm, norm.variables, (x,), {})
            return call.returned(call.written_down()(*call.inputs))

    around = Around()
    np.testing.assert_allclose(around(x, training=False), x, rtol=1e-4)
    np.testing.assert_array_equal(norm.moving_mean, np.zeros(2))
    np.testing.assert_allclose(around(x, training=True).mean(axis=0), [0, 0], atol=1e-6)
    np.testing.assert_allclose(norm.moving_mean, 0.1 * x.mean(axis=0), rtol=1e-5)


def test_the_program_can_be_differentiated_when_the_call_is_long_over():
    layer = linear(3, "linear")
    layer.build((None, 2))
    x = jnp.ones((4, 2))
    call = PureCall(layer, layer.variables, (x,), {})
    program = call.written_down()
    gradients = jax.grad(lambda values: program(values, [x])[0].sum())(call.inputs[0])
    assert [float(g.ravel()[0]) for g in gradients] == [4, 4]
