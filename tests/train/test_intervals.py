"""zoo.train.intervals: how sure a score is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.train.intervals import bootstrap, interval, wilson
from zoo.train.scores import ClassificationScores, RegressionScores


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [  # from Wilson's formula by hand and from published tables
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 0, 0.0, 1.0),
    ],
)
def test_the_interval_is_wilsons(correct, total, low, high):
    assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**6).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_holds_the_share(counts):
    correct, total = counts
    low, high = wilson(correct, total)
    assert 0 <= low <= correct / total + 1e-12
    assert correct / total - 1e-12 <= high <= 1


def test_an_accuracy_has_wilsons_interval():
    outputs = np.array([[0.9, 0.1]] * 20)
    assert interval(ClassificationScores(outputs, np.array([0] * 17 + [1] * 3))) == wilson(17, 20)


def test_resampling_finds_the_interval_of_a_mean_square():
    """Of n squared standard normal errors, the mean's deviation is sqrt(2 / n)."""
    errors = np.random.default_rng(0).standard_normal((4000, 1)).astype(np.float32)
    found = RegressionScores(errors, np.zeros_like(errors))
    low, high = bootstrap(found, "loss")
    assert low < found.metrics["loss"] < high
    assert (high - low) / 2 == pytest.approx(1.96 * (2 / 4000) ** 0.5, rel=0.15)
    assert bootstrap(found, "loss") == (low, high)
