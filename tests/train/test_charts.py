"""The curves of a run: what is drawn, what is left out, and that the SVG carries nothing else."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.train.charts import Chart, curve, loss_chart, score_chart, smooth, thin, ticks

FLOATS = st.floats(width=32)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def training(losses):
    return [{"step": 10 * (n + 1), "epoch": 0.1 * n, "loss": loss} for n, loss in enumerate(losses)]


def evaluation(step, **metrics):
    return {"step": step, "epoch": 1.0, "split": "validation", **metrics}


def drawn(chart: Chart | None) -> ElementTree.Element:
    assert chart is not None
    return ElementTree.fromstring(chart.svg)


def axis(chart: Chart | None, which: str) -> list[str]:
    return [text.text or "" for text in drawn(chart).findall(f".//g[@class='{which}']//text")]


def test_the_loss_chart_shows_raw_smoothed_and_validation_loss():
    chart = loss_chart([*training([2 / n for n in range(1, 31)]), evaluation(150, loss=0.4)])
    assert [look for look, _ in chart.legend] == ["validation", "train", "raw"]
    svg = drawn(chart)
    looks = {group.get("class") for group in svg.iter("g")}
    assert {"series raw", "series train", "series validation"} <= looks
    assert [title.text for title in svg.iter("title")] == ["validation 0.4 at step 150"]
    assert axis(chart, "axis x") == ["0", "100", "200", "300"]
    assert axis(chart, "axis y always_show") == ["0", "0.5", "1", "1.5", "2"]
    assert {"loss", "training step"} <= {text.text for text in svg.iter("text")}


def test_a_chart_describes_itself():
    svg = drawn(loss_chart([*training([2.0, 1.0]), evaluation(20, loss=0.4)]))
    assert svg.get("role") == "img"
    told = svg.get("aria-label") or ""
    assert "training: from 2 at step 10 to 1 at step 20" in told
    assert "validation: 0.4 at step 20" in told


def test_a_chart_carries_no_script_style_id_comment_or_address():
    svg = loss_chart([*training([2.0, 1.0]), evaluation(20, loss=0.4)]).svg
    assert not re.search(r"<script|<style|<!--|http|\bid=|\bhref|xmlns", svg)


def test_few_records_are_not_smoothed():
    chart = loss_chart(training([2.0, 1.5, 1.0]))
    assert [look for look, _ in chart.legend] == ["train"]


def test_scores_share_a_chart_with_the_baseline():
    history = [evaluation(10, accuracy=0.5, macro_f1=0.4), evaluation(20, accuracy=0.8, macro_f1=0.7)]
    chart = score_chart(history, ["accuracy", "macro_f1"], ("majority class, “good”", 0.25))
    assert chart.legend == [("score", "accuracy"), ("second", "macro F1"), ("baseline", "majority class")]
    assert axis(chart, "axis y always_show") == ["0%", "20%", "40%", "60%", "80%"]


def test_a_score_that_is_no_share_has_neither_per_cent_nor_baseline():
    chart = score_chart([evaluation(10, perplexity=12.5)], ["perplexity"], ("majority class", 0.25))
    assert chart.legend == [("score", "perplexity")]
    assert "validation perplexity" in chart.svg
    assert "%" not in chart.svg


def test_the_final_evaluation_is_no_point_of_the_curve():
    final = {"step": 20, "epoch": 2.0, "accuracy": 0.9}
    history = [
        evaluation(10, accuracy=0.5),
        {**final, "split": "test"},
        {**final, "split": "validation", "final": True},
    ]
    assert len(list(drawn(score_chart(history, ["accuracy"])).iter("circle"))) == 1


@pytest.mark.parametrize("history", [[], training([math.nan, math.inf]), [{"step": 1, "loss": None}]])
def test_there_is_no_chart_without_a_number(history):
    assert loss_chart(history) is None
    assert score_chart(history, ["accuracy"], ("majority class", 0.5)) is None


def test_only_finite_values_are_drawn():
    points = curve([*training([1.0, math.nan, -math.inf, 2.0]), {"step": 50}], "loss")
    assert points == [(10, 1.0), (40, 2.0)]


@given(st.lists(FLOATS, max_size=30), st.lists(st.tuples(st.integers(0, 10**7), FLOATS, FLOATS), max_size=4))
def test_any_numbers_give_a_drawing_or_none(losses, evaluations):
    history = training(losses) + [evaluation(s, loss=loss, accuracy=score) for s, loss, score in evaluations]
    for chart in (loss_chart(history), score_chart(history, ["accuracy"], ("majority class", 0.5))):
        if chart:
            assert not re.search(r"\b(nan|inf)\b", re.sub(r'aria-label="[^"]*"', "", chart.svg))
            drawn(chart)


@given(FINITE, FINITE)
def test_ticks_enclose_the_values_evenly(one, other):
    low, high = sorted((one, other))
    found = ticks(low, high)
    slack = 1e-5 * max(abs(low), abs(high), 1e-9)
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    assert 1 <= len(found) <= 8
    gaps = [b - a for a, b in pairwise(found)]
    assert all(math.isclose(gap, gaps[0], rel_tol=1e-6) for gap in gaps)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 2.3, [0, 0.5, 1, 1.5, 2, 2.5]), (-3, 4, [-4, -2, 0, 2, 4])],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_smoothing_keeps_the_start_the_length_and_a_straight_line():
    line = [(float(x), 2.0 * x) for x in range(20)]
    assert smooth(line, 3)[:17] == line[:17]
    rough = [(float(x), float(x % 2)) for x in range(20)]
    smoothed = smooth(rough, 3)
    assert len(smoothed) == 20
    assert smoothed[0] == rough[0]
    assert all(0.3 < y < 0.7 for _, y in smoothed[3:])


def test_thinning_keeps_few_points_and_the_mean():
    points = [(float(x), float(x)) for x in range(1000)]
    thinned = thin(points, 400)
    assert len(thinned) == 334
    assert thinned[0] == (1.0, 1.0)
    assert thin(points[:400], 400) == points[:400]
    assert thin([], 400) == []
