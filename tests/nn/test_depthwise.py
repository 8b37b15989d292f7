"""Depthwise convolution against XLA's own: values and gradients, for every size, stride and uneven padding."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from tests.suite.properties import examples
from zoo.nn.depthwise import depthwise


def reference(x, kernel, stride, pads):
    names = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), pads, dimension_numbers=names, feature_group_count=x.shape[-1]
    )


@settings(max_examples=examples(6), deadline=None)
@given(
    batch=st.integers(1, 3),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    channels=st.integers(1, 5),
    size=st.sampled_from([1, 3, 5, 7]),
    stride=st.integers(1, 3),
    data=st.data(),
)
def test_values_and_gradients_are_xla_s(batch, height, width, channels, size, stride, data):
    pads = tuple(
        data.draw(
            st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(lambda p, n=n: n + sum(p) >= size)
        )
        for n in (height, width)
    )
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, height, width, channels)).astype(np.float32)
    kernel = rng.normal(size=(size, size, 1, channels)).astype(np.float32)
    shape = jax.eval_shape(lambda: reference(x, kernel, stride, pads)).shape
    change = rng.normal(size=shape).astype(np.float32)

    @jax.jit
    def both(x, kernel, change):
        ours, back = jax.vjp(lambda *args: depthwise(*args, stride, pads), x, kernel)
        theirs, back_there = jax.vjp(lambda *args: reference(*args, stride, pads), x, kernel)
        return (ours, *back(change)), (theirs, *back_there(change))

    (ours, *mine), (theirs, *told) = both(x, kernel, change)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for one, other in zip(mine, told, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_in_bfloat16_the_kernel_s_gradient_is_summed_in_float32():
    rng = np.random.default_rng(0)
    x = jax.numpy.asarray(rng.normal(size=(4, 40, 40, 3)), "bfloat16")
    kernel = jax.numpy.asarray(rng.normal(size=(3, 3, 1, 3)), "bfloat16")
    ours, back = jax.vjp(lambda kernel: depthwise(x, kernel, 1, ((1, 1), (1, 1))), kernel)
    assert ours.dtype == "bfloat16"
    wide = jax.vjp(
        lambda kernel: reference(x.astype("float32"), kernel, 1, ((1, 1), (1, 1))), kernel.astype("float32")
    )[1]
    told = wide(np.ones(ours.shape, np.float32))[0]
    found = back(jax.numpy.ones(ours.shape, "bfloat16"))[0]
    assert found.dtype == "bfloat16"
    np.testing.assert_allclose(found.astype("float32"), told, rtol=0.01, atol=0.5)


@pytest.mark.parametrize("image", [(8, 8), (7, 5), (1, 1), (2, 9)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_a_layer_pads_as_tensorflow_does(size, stride, image):
    from zoo.nn import Conv2D

    x = np.random.default_rng(0).normal(size=(2, *image, 4)).astype(np.float32)
    layer = Conv2D(4, size, stride, groups=4, padding="same")
    layer.build(x.shape)
    np.testing.assert_allclose(layer(x), reference(x, layer.kernel.value, stride, "SAME"), atol=1e-5)
