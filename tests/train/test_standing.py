"""zoo.train.standing: where a run stands, and its best weights."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from zoo.train.standing import Best


def test_the_best_weights_are_in_memory_of_their_own():
    """Else the device could not be given its own back, and would hold two sets of weights."""
    trained, seed = jnp.arange(6.0), jnp.arange(2, dtype="uint32")
    best = Best()
    assert best.offer(0.5, 3, ([trained], [seed]))
    for kept, value in zip((*best.weights[0], *best.weights[1]), (trained, seed), strict=True):
        np.testing.assert_array_equal(kept, value)
        assert kept.dtype == value.dtype
        assert not np.shares_memory(kept, np.asarray(value))
    assert not best.offer(0.5, 6, ([seed], [seed]))
    assert (best.score, best.step) == (0.5, 3)
