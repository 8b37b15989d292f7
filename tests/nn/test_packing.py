"""Where packed rows' examples begin, and how their positions are counted."""

from __future__ import annotations

import numpy as np

from zoo.nn import first_tokens, positions


def test_positions_count_up_unless_they_are_given():
    given = np.array([[0, 1, 0, 1, 2]])

    np.testing.assert_array_equal(positions({}, 5), [[0, 1, 2, 3, 4]])
    assert positions({"position_ids": given}, 5) is given


def test_first_tokens_of_rows_and_of_packed_examples():
    features = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)

    np.testing.assert_array_equal(first_tokens(features), features[:, 0])
    index = np.array([[1, 2], [0, 0], [0, 1]], np.int32)
    np.testing.assert_array_equal(first_tokens(features, index), features[[1, 0, 0], [2, 0, 1]])
