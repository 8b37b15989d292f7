"""The figures of a result: medians, ratios, targets, agreement."""

import math

import numpy as np
import pytest

from benchmarks.compare import Comparison, agreement, compare, summary

SAMPLES = {
    "zoo": {"wall_s": [3.0, 1.0, 2.0], "accuracy": [0.8, 0.9]},
    "peer": {"wall_s": [4.0, 4.0, 40.0], "accuracy": [0.86, 0.86]},
}


def test_times_are_medians_and_accuracies_means():
    assert summary("wall_s", [1.0, 2.0, 90.0]) == 2.0
    assert summary("accuracy", [0.5, 0.5, 0.8]) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("metric", "at_most", "of", "met"),
    [
        ("wall_s", 0.5, "ratio", True),
        ("wall_s", 0.49, "ratio", False),
        ("wall_s", 2.0, "value", True),
        ("wall_s", 1.9, "value", False),
        ("accuracy", 0.011, "shortfall", True),
        ("accuracy", 0.009, "shortfall", False),
        ("wall_s", -2.0, "excess", True),
        ("wall_s", -2.1, "excess", False),
        ("wall_s", None, "ratio", None),
    ],
)
def test_a_target_is_met_or_missed(metric, at_most, of, met):
    (line,) = compare(SAMPLES, [Comparison("job", metric, "zoo", "peer", at_most, of)])
    assert line.met is met


def test_a_line_carries_both_values_and_their_ratio():
    (line,) = compare(SAMPLES, [Comparison("job", "wall_s", "zoo", "peer", 0.4)])
    assert (line.our_value, line.their_value, line.ratio, line.what) == (2.0, 4.0, 0.5, "job")


def test_what_was_not_measured_has_no_line():
    wanted = [Comparison("job", "wall_s", "zoo", "absent"), Comparison("job", "peak_mib", "zoo", "peer")]
    assert compare(SAMPLES, wanted) == []


def test_agreement_is_judged_by_each_contenders_own_tolerance():
    outputs = {"reference": np.zeros((2, 3)), "near": np.full((2, 3), 1e-3), "far": np.full((2, 3), -0.5)}
    found = agreement(outputs, "reference", {"near": 1e-2, "far": 1e-2})
    assert found["near"].agrees
    assert not found["far"].agrees
    assert found["far"].difference == 0.5
    assert "5.0e-01" in str(found["far"])


@pytest.mark.parametrize("output", [None, np.zeros((3, 3)), np.full((2, 3), math.nan)])
def test_no_output_another_shape_and_nan_never_agree(output):
    found = agreement({"reference": np.zeros((2, 3)), "odd": output}, "reference", {"odd": 1.0})
    assert not found["odd"].agrees


def test_nobody_is_judged_without_a_reference():
    assert agreement({"reference": None, "zoo": np.zeros(3)}, "reference", {"zoo": 1.0}) == {}
