"""A frozen base of 8-bit numbers beneath an adapter, as QLoRA has one."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import zoo
from zoo.errors import ZooError


@pytest.fixture
def quantized(bert):
    model = zoo.load(bert)
    model.keep_as_int8()
    return model


def test_outputs_are_those_of_the_rounded_weights(bert, quantized, arrays, tmp_path):
    plain = np.asarray(zoo.load(bert)(arrays))
    found = np.asarray(quantized(arrays))
    assert 1e-5 < np.abs(found - plain).max() < 0.1
    quantized.save_pretrained(tmp_path / "model")
    np.testing.assert_allclose(zoo.load(tmp_path / "model")(arrays), found, atol=1e-5)
    kernels = [v for v in quantized.weights if v.path.endswith("kernel") and "backbone" in v.path]
    assert {v.value.dtype.name for v in kernels} == {"int8"}
    assert not any(v.trainable for v in kernels)


@pytest.mark.parametrize("dora", [False, True])
def test_an_adapter_learns_as_on_the_rounded_weights(dora, quantized, arrays, tmp_path):
    quantized.save_pretrained(tmp_path / "rounded")
    found = []
    for model in (quantized, zoo.load(tmp_path / "rounded")):
        model.adapters.add(rank=4, targets="all", dora=dora)
        noise = np.random.default_rng(0)
        for variable in model.trainable_variables:
            moved = np.asarray(variable.value) + noise.normal(scale=0.1, size=variable.shape)
            variable.assign(moved.astype(np.float32))
        trainable = [v.value for v in model.trainable_variables]
        fixed = [v.value for v in model.non_trainable_variables]

        def loss(trainable, model=model, fixed=fixed):
            logits = model.stateless_call(trainable, fixed, arrays, training=True)[0]
            return -jax.nn.log_softmax(logits)[np.arange(3), [0, 2, 1]].mean()

        found.append(jax.jit(jax.value_and_grad(loss))(trainable))
    (ours, gradients), (theirs, expected) = found
    assert abs(ours - theirs) < 1e-5 * theirs
    for gradient, other in zip(gradients, expected, strict=True):
        assert np.abs(gradient - other).max() < 1e-4 * np.abs(other).max()


def test_merging_gives_floats_that_compute_the_same(quantized, arrays):
    quantized.adapters.add(rank=4, targets="attention")
    for variable in quantized.trainable_variables:
        variable.assign(np.asarray(variable.value) + 0.05)
    expected = np.asarray(quantized(arrays))
    quantized.adapters.merge()
    np.testing.assert_allclose(quantized(arrays), expected, atol=1e-5)
    query, up = quantized.backbone.blocks[0].attention.query, quantized.backbone.blocks[0].up
    assert (query.kernel.dtype, query.scale) == ("float32", None)
    assert up.kernel.dtype == "int8"


def test_a_keras_file_holds_no_rounded_weights(quantized, tmp_path):
    with pytest.raises(ZooError, match="8-bit"):
        quantized.save(tmp_path / "model.keras")
