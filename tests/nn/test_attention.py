"""Self-attention against torch's, with padding and with packed rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo.nn import SelfAttention, attention_mask

HEADS, DIM, LENGTH = 4, 24, 10


@pytest.fixture(scope="module")
def layer():
    layer = SelfAttention(DIM, HEADS, dropout=0.0, stddev=0.5)
    layer.build((None, None, DIM))
    return layer


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(2, LENGTH, DIM)).astype(np.float32)


def torch_attention(layer, x, visible=None):
    def heads(projection):
        y = torch.from_numpy(np.array(projection(x)))
        return y.reshape(*x.shape[:2], HEADS, DIM // HEADS).transpose(1, 2)

    mixed = torch.nn.functional.scaled_dot_product_attention(
        heads(layer.query),
        heads(layer.key),
        heads(layer.value),
        attn_mask=None if visible is None else torch.from_numpy(np.array(visible)),
    )
    return mixed.transpose(1, 2).reshape(x.shape).numpy()


def test_all_see_all(layer, x):
    np.testing.assert_allclose(layer(x), torch_attention(layer, x), atol=1e-5)


def test_padding_is_hidden(layer, x):
    mask = np.array([[1] * 10, [1] * 4 + [0] * 6])
    visible = attention_mask({"attention_mask": mask})

    ours = layer(x, visible=visible)

    np.testing.assert_allclose(ours, torch_attention(layer, x, visible), atol=1e-5)
    np.testing.assert_allclose(ours[1, :4], layer(x[1:, :4])[0], atol=1e-5)


def test_segments_see_only_themselves(layer, x):
    segments = np.array([[1] * 3 + [2] * 7, [1] * 5 + [2] * 2 + [0] * 3])
    visible = attention_mask({"segment_ids": segments, "attention_mask": np.ones_like(segments)})

    ours = layer(x, visible=visible)

    assert visible.shape == (2, 1, LENGTH, LENGTH)
    np.testing.assert_allclose(ours, torch_attention(layer, x, visible), atol=1e-5)
    for row, first, last in ((0, 0, 3), (0, 3, 10), (1, 0, 5), (1, 5, 7)):
        alone = layer(x[row : row + 1, first:last])[0]
        np.testing.assert_allclose(ours[row, first:last], alone, atol=1e-5)


def test_a_row_of_padding_alone_is_finite(layer, x):
    visible = attention_mask({"attention_mask": np.zeros((2, LENGTH), np.int32)})

    assert np.isfinite(layer(x, visible=visible)).all()


def test_without_masks_there_is_none():
    assert attention_mask({"input_ids": np.zeros((1, 2), np.int32)}) is None


def test_dropout_acts_on_the_weights_in_training_only(x):
    layer = SelfAttention(DIM, HEADS, dropout=0.5, stddev=0.5)
    layer.build((None, None, DIM))

    still = layer(x)

    np.testing.assert_array_equal(still, layer(x, training=False))
    assert np.abs(np.asarray(layer(x, training=True)) - still).max() > 1e-2
