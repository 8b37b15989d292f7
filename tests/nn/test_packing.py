"""Where packed rows' examples begin, and how their positions are counted."""

from __future__ import annotations

import numpy as np

from zoo.nn import first_tokens, last_tokens, positions


def test_positions_count_up_unless_they_are_given():
    given = np.array([[0, 1, 0, 1, 2]])

    np.testing.assert_array_equal(positions({}, 5), [[0, 1, 2, 3, 4]])
    assert positions({"position_ids": given}, 5) is given


FEATURES = np.arange(2 * 4 * 3, dtype=np.float32).reshape(2, 4, 3)
PACKED = {
    "segment_ids": np.array([[1, 1, 2, 0], [1, 2, 2, 2]], np.int32),
    "example_index": np.array([[1, 1], [0, 0], [1, 0], [0, 2]], np.int32),
}


def test_first_tokens_of_rows_and_of_packed_examples():
    np.testing.assert_array_equal(first_tokens(FEATURES, {}), FEATURES[:, 0])
    np.testing.assert_array_equal(first_tokens(FEATURES, PACKED), FEATURES[[1, 0, 1, 0], [1, 0, 0, 2]])


def test_last_tokens_of_rows_and_of_packed_examples():
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1]])
    left = np.array([[0, 0, 1, 1], [0, 0, 0, 1]])

    np.testing.assert_array_equal(last_tokens(FEATURES, {}), FEATURES[:, -1])
    np.testing.assert_array_equal(last_tokens(FEATURES, {"attention_mask": mask}), FEATURES[[0, 1], [1, 3]])
    np.testing.assert_array_equal(last_tokens(FEATURES, {"attention_mask": left}), FEATURES[[0, 1], [3, 3]])
    np.testing.assert_array_equal(last_tokens(FEATURES, PACKED), FEATURES[[1, 0, 1, 0], [3, 1, 0, 2]])
