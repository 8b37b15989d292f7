"""Packing never changes the maths: logits and gradients of packed rows are those of the padded batch."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import zoo

LENGTHS = (5, 12, 1, 7, 3)
ROWS = (((1, 12),), ((4, 3), (0, 5), (2, 1)), ((3, 7),))  # (example, its length), as they lie in the rows
WIDTH = 13


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(11)
    return [
        (rng.integers(0, 100, size, dtype=np.int32), rng.integers(0, 2, size, dtype=np.int32)) for size in LENGTHS
    ]


@pytest.fixture(scope="module")
def padded(examples):
    arrays = {name: np.zeros((5, 12), np.int32) for name in ("input_ids", "token_type_ids", "attention_mask")}
    for row, (ids, types) in enumerate(examples):
        arrays["input_ids"][row, : len(ids)] = ids
        arrays["token_type_ids"][row, : len(ids)] = types
        arrays["attention_mask"][row, : len(ids)] = 1
    return arrays


@pytest.fixture(scope="module")
def packed(examples):
    names = ("input_ids", "token_type_ids", "segment_ids", "position_ids")
    arrays = {name: np.zeros((len(ROWS), WIDTH), np.int32) for name in names}
    index = np.zeros((len(LENGTHS), 2), np.int32)
    for row, content in enumerate(ROWS):
        start = 0
        for segment, (example, size) in enumerate(content, start=1):
            place = slice(start, start + size)
            arrays["input_ids"][row, place], arrays["token_type_ids"][row, place] = examples[example]
            arrays["segment_ids"][row, place] = segment
            arrays["position_ids"][row, place] = np.arange(size)
            index[example] = row, start
            start += size
    return arrays | {"example_index": index}


def by_example(outputs, index):
    """The outputs of each example's tokens, whether they lie in rows of their own or in packed ones."""
    return [outputs[row, start : start + size] for (row, start), size in zip(index, LENGTHS, strict=True)]


OWN_ROWS = tuple((row, 0) for row in range(len(LENGTHS)))


def test_pooled_logits_and_gradients(tiny, padded, packed):
    model = zoo.load(tiny("BertForSequenceClassification", num_labels=3))
    fixed = [v.value for v in model.non_trainable_variables]
    classes = np.array([0, 2, 1, 1, 0])

    @jax.jit
    def loss(weights, arrays):
        logits, _ = model.stateless_call(weights, fixed, arrays, training=True)
        return -jax.nn.log_softmax(logits)[np.arange(5), classes].mean(), logits

    weights = [v.value for v in model.trainable_variables]
    gradients, logits = zip(
        *(jax.grad(loss, has_aux=True)(weights, arrays) for arrays in (padded, packed)), strict=True
    )

    np.testing.assert_allclose(logits[1], logits[0], atol=1e-5)
    assert max(float(abs(g).max()) for g in gradients[0]) > 1e-2
    for variable, ours, theirs in zip(model.trainable_variables, gradients[1], gradients[0], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, err_msg=variable.path)


@pytest.mark.parametrize("kind", ["BertModel", "BertForTokenClassification", "BertForMaskedLM"])
def test_outputs_and_gradients_of_every_token(kind, tiny, padded, packed):
    model = zoo.load(tiny(kind))
    fixed = [v.value for v in model.non_trainable_variables]
    packed = dict(packed)
    index = packed.pop("example_index")

    def loss(weights, arrays, places):
        outputs, _ = model.stateless_call(weights, fixed, arrays, training=True)
        tokens = by_example(outputs, places)
        return sum(jax.numpy.sin(x).sum() for x in tokens) / 28, tokens

    weights = [v.value for v in model.trainable_variables]
    gradient = jax.jit(jax.grad(loss, has_aux=True), static_argnums=2)
    theirs, apart = gradient(weights, padded, OWN_ROWS)
    ours, together = gradient(weights, packed, tuple(map(tuple, index.tolist())))

    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for variable, one, other in zip(model.trainable_variables, ours, theirs, strict=True):
        scale = max(1.0, float(abs(other).max()))
        np.testing.assert_allclose(one, other, atol=1e-5 * scale, err_msg=variable.path)


def test_rows_of_padding_alone_stay_finite(tiny, packed):
    model = zoo.load(tiny("BertForSequenceClassification"))
    empty = {name: np.concatenate([array, np.zeros_like(array[:1])]) for name, array in packed.items()}
    empty["example_index"] = packed["example_index"]

    np.testing.assert_allclose(model(empty), model(packed), atol=1e-6)
