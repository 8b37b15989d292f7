"""Dropout's statistics: the share it drops, and that its cheap random bits look random."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

from zoo.nn import Dropout, StochasticDepth
from zoo.nn.dropout import random_bits

COUNT = 1 << 21
SEEDS = [(0, 0), (0, 1), (1, 0), (2**32 - 1, 12345)]


@pytest.fixture(scope="module")
def streams():
    """Two million words for each of a few seeds and steps."""
    return [np.asarray(random_bits((COUNT,), np.array(seed, np.uint32))) for seed in SEEDS]


def test_every_bit_is_set_half_the_time(streams):
    for words in streams:
        shares = [(words >> np.uint32(bit) & np.uint32(1)).mean() for bit in range(32)]
        assert np.abs(np.array(shares) - 0.5).max() < 5 * 0.5 / np.sqrt(COUNT)


@pytest.mark.parametrize("shift", [0, 8, 16, 24])
def test_bytes_are_uniform(shift, streams):
    for words in streams:
        counts = np.bincount((words >> np.uint32(shift)) & np.uint32(255), minlength=256)
        chi_square = np.sum((counts - COUNT / 256) ** 2) / (COUNT / 256)
        assert abs(chi_square - 255) < 5 * np.sqrt(2 * 255)


@pytest.mark.parametrize("lag", [1, 2, 3, 12, 64, 128, 384, 1536])
def test_neighbours_are_independent(lag, streams):
    for words in streams:
        x = words / 2**32 - 0.5
        correlation = np.mean(x[lag:] * x[:-lag]) * 12
        assert abs(correlation) < 5 / np.sqrt(COUNT)


def test_pairs_are_uniform(streams):
    for words in streams:
        cells = np.bincount((words[0::2] >> np.uint32(28)) << np.uint32(4) | words[1::2] >> np.uint32(28))
        expected = COUNT / 2 / 256
        assert abs(np.sum((cells - expected) ** 2) / expected - 255) < 5 * np.sqrt(2 * 255)


def test_streams_and_steps_are_independent(streams):
    for n, one in enumerate(streams):
        for other in streams[:n]:
            assert abs(np.mean((one / 2**32 - 0.5) * (other / 2**32 - 0.5)) * 12) < 5 / np.sqrt(COUNT)


def test_steps_in_a_row_are_uniform_at_one_position():
    words = jax.vmap(lambda step: random_bits((4,), jax.numpy.array([7, step], "uint32")))(np.arange(4096))
    for column in np.asarray(words).T:
        counts = np.bincount(column >> np.uint32(28), minlength=16)
        assert np.sum((counts - 256) ** 2) / 256 < 15 + 5 * np.sqrt(30)


def test_the_shape_only_arranges_the_words():
    seed = np.array([3, 4], np.uint32)

    flat, square = random_bits((24,), seed), random_bits((2, 3, 4), seed)

    np.testing.assert_array_equal(flat, np.reshape(square, -1))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_and_the_mean(rate):
    x = np.ones((1000, 1000), np.float32)

    y = np.asarray(Dropout(rate)(x, training=True))

    noise = np.sqrt(rate * (1 - rate) / x.size)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / (1 - rate))}
    assert abs((y == 0).mean() - rate) < 5 * noise
    assert abs(y.mean() - 1) < 5 * noise / (1 - rate)


def test_no_dropout_at_inference_or_at_rate_zero():
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)

    np.testing.assert_array_equal(Dropout(0.5)(x), x)
    np.testing.assert_array_equal(Dropout(0.5)(x, training=False), x)
    np.testing.assert_array_equal(Dropout(0.0)(x, training=True), x)
    assert not Dropout(0.0).variables


def test_masks_differ_by_step_and_repeat_from_the_same_state():
    layer, x = Dropout(0.5), np.ones((64, 64), np.float32)
    state = np.asarray(layer.seeds.state.value)

    first, second = (np.asarray(layer(x, training=True)) for _ in range(2))
    layer.seeds.state.assign(state)
    again = np.asarray(layer(x, training=True))

    np.testing.assert_array_equal(first, again)
    assert 0.4 < (first == second).mean() < 0.6


def test_layers_of_their_own_have_masks_of_their_own():
    x = np.ones((64, 64), np.float32)

    one, other = (np.asarray(Dropout(0.5)(x, training=True)) for _ in range(2))

    assert 0.4 < (one == other).mean() < 0.6


def test_masks_differ_by_layer_in_a_model(minilm):
    import zoo

    model = zoo.load(minilm, seed=1)
    counters = [v for v in model.variables if "seed" in v.path]

    assert len(counters) == 1 + 3 * 6
    assert len({int(v.value[0]) for v in counters}) == len(counters)
    assert {int(v.value[1]) for v in counters} == {0}
    assert [int(v.value[0]) for v in counters] != [
        int(v.value[0]) for v in zoo.load(minilm, seed=2).variables if "seed" in v.path
    ]


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_the_dtype_stays(dtype):
    x = keras.ops.ones((8, 8), dtype)

    assert Dropout(0.5, dtype=dtype)(x, training=True).dtype == x.dtype


def test_stochastic_depth_drops_whole_examples_and_scales_the_others():
    layer = StochasticDepth(0.25)
    found = np.asarray(layer(np.ones((4096, 3, 2), np.float32), training=True))
    assert set(np.unique(found)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (found == found[:, :1, :1]).all()
    assert abs((found[:, 0, 0] == 0).mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / 4096)
