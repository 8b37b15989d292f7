"""zoo.nn.key_value_cache: every column lies in its slot, which is a window's ring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import numpy as jnp

from tests.suite.properties import examples
from zoo.nn.key_value_cache import extended, filled, visible_slots


def keys(first: int, count: int):
    """A row's keys, each of which is its column, and values that are minus that."""
    columns = jnp.arange(first, first + count, dtype="float32")[None, None, :, None]
    return columns, -columns


@pytest.mark.parametrize("window", [None, 3, 5])
@settings(max_examples=examples(12))
@given(prompt=st.integers(1, 9), more=st.integers(0, 6))
def test_a_token_sees_the_columns_of_its_window_and_none_else(window, prompt, more):
    columns = 16
    cache = filled([keys(0, prompt)], [window], np.zeros(1, np.int32), columns)
    for column in range(prompt, prompt + more):
        cache = extended(cache, [keys(column, 1)])

    key, value = cache["layers"][0]
    seen = np.asarray(visible_slots(cache, key.shape[2], window))[0, 0, 0]

    # The token at the next column sees itself, and of those before as many as are left of its window.
    last = prompt + more
    first = 0 if window is None else max(0, last - window + 1)
    assert sorted(np.asarray(key)[0, 0, seen, 0].tolist()) == list(range(first, last))
    assert np.array_equal(np.asarray(value)[0, 0, seen], -np.asarray(key)[0, 0, seen])
    assert key.shape[2] == (columns if window is None else window)


def test_padding_before_a_prompt_is_never_seen():
    cache = filled([keys(0, 6)], [None], np.array([2], np.int32), 8)

    seen = np.asarray(visible_slots(cache, 8, None))[0, 0, 0]

    assert np.flatnonzero(seen).tolist() == [2, 3, 4, 5]
