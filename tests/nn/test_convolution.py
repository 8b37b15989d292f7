"""Convolution and pooling against torch's, for every size, stride and odd image."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.references.timm_models import Conv2dSame
from tests.references.torch_images import channels_first, channels_last
from zoo.errors import ZooError
from zoo.nn import Conv2D, convolution, max_pool

IMAGES = [(8, 8), (7, 5), (1, 1), (2, 9)]


def images(size, channels=3):
    return np.random.default_rng(0).normal(size=(2, *size, channels)).astype(np.float32)


def computed(layer, x):
    """What the layer makes of `x`, and the gradients of its squares' sum by the kernel and by `x`."""

    def loss(kernel, x):
        out, _ = layer.stateless_call([kernel], [], x)
        return (out**2).sum(), out

    gradients, out = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))(layer.kernel.value, x)
    return out, *gradients


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("groups", [1, 2, 6], ids=["plain", "grouped", "depthwise"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_values_and_gradients_are_torch_s(size, stride, groups, image):
    layer = Conv2D(12, size, stride, groups)
    layer.build((None, None, None, 6))
    x = images(image, 6)
    there = channels_first(x).requires_grad_()
    kernel = torch.from_numpy(np.asarray(layer.kernel).transpose(3, 2, 0, 1).copy()).requires_grad_()
    expected = functional.conv2d(there, kernel, stride=stride, padding=size // 2, groups=groups)
    out, of_kernel, of_image = computed(layer, x)
    np.testing.assert_allclose(out, channels_last(expected), atol=1e-5)

    (expected**2).sum().backward()
    np.testing.assert_allclose(of_image, channels_last(there.grad), atol=1e-4)
    np.testing.assert_allclose(of_kernel, kernel.grad.numpy().transpose(2, 3, 1, 0), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("image", IMAGES)
def test_pooling_never_takes_the_padding_for_a_value(image):
    x = images(image) - 10
    expected = functional.max_pool2d(channels_first(x), 3, 2, 1)
    np.testing.assert_array_equal(max_pool(x, 3, 2), channels_last(expected))


@pytest.fixture
def accelerator(monkeypatch):
    """What is computed where jax has an accelerator, computed here; what is for CPUs alone is not there."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    for name in ("depthwise", "max_windows"):
        monkeypatch.setattr(convolution, name, None)


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("padding", [None, "same"])
@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (5, 2)])
def test_an_accelerator_s_depthwise_values_and_gradients_are_torch_s(accelerator, size, stride, padding, image):
    keras.utils.set_random_seed(0)
    layer = Conv2D(6, size, stride, 6, padding)
    layer.build((None, None, None, 6))
    kind = Conv2dSame if padding else torch.nn.Conv2d
    there = kind(6, 6, size, stride, padding=size // 2, groups=6, bias=False)
    with torch.no_grad():
        there.weight.copy_(torch.from_numpy(np.asarray(layer.kernel).transpose(3, 2, 0, 1).copy()))
    x = images(image, 6)
    told = channels_first(x).requires_grad_()
    expected = there(told)
    out, of_kernel, of_image = computed(layer, x)
    np.testing.assert_allclose(out, channels_last(expected), atol=1e-5)

    (expected**2).sum().backward()
    np.testing.assert_allclose(of_image, channels_last(told.grad), atol=1e-4)
    wanted = there.weight.grad.numpy().transpose(2, 3, 1, 0)  # sums over all of the pictures, some above 100
    np.testing.assert_allclose(of_kernel, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("image", IMAGES)
def test_an_accelerator_s_pooling_and_its_gradient_are_torch_s(accelerator, image):
    x = images(image) - 10
    told = channels_first(x).requires_grad_()
    expected = functional.max_pool2d(told, 3, 2, 1)
    np.testing.assert_array_equal(max_pool(x, 3, 2), channels_last(expected))
    (expected**2).sum().backward()
    ours = jax.grad(lambda x: (max_pool(x, 3, 2) ** 2).sum())(x)
    np.testing.assert_allclose(ours, channels_last(told.grad), atol=1e-4)


def test_a_new_kernel_has_the_deviation_of_he_over_its_outputs():
    layer = Conv2D(64, 3)
    layer.build((None, None, None, 64))
    kernel = np.asarray(layer.kernel)
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ZooError, match="8 channels to 9 cannot be divided into 4 groups"):
        Conv2D(9, 3, groups=4).build((None, None, None, 8))
