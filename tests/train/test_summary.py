"""zoo.train.summary: what the report of a run is told."""

from __future__ import annotations

import re
from html import unescape

import pytest

from zoo.data.examples import Examples
from zoo.train.summary import baseline


@pytest.fixture(scope="module")
def page(run) -> str:
    shown = re.sub(r"<style>.*?</style>|<[^>]+>", " ", run.report.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(shown).split())


def examples(labels: list[str]) -> Examples:
    return Examples(["text"] * len(labels), labels, list(range(1, len(labels) + 1)), "x.csv")


def test_the_baseline_is_the_largest_class_of_training_on_the_held_out_rows():
    assert baseline(examples(["b", "b", "a"]), examples(["a", "a", "b", "c"])) == ("b", 0.25)
    assert baseline(examples(["b", "a"]), examples(["a"])) == ("a", 1.0)
    assert baseline(examples(["b"]), examples(["a"])) == ("b", 0.0)


def test_the_report_tells_of_the_data_and_the_training(run, page):
    for fact in (
        "reviews",
        f"{run.metrics['accuracy']:.1%}",
        "validation (18 rows)",
        "train rows 72",
        "validation rows 18",
        "steps 54, 9 an epoch",
        "66.7%",  # the majority class
    ):
        assert fact in page
    assert re.search(r"tokens a row \d+ on average, \d+ at most", page)
    assert re.search(r"padding \d+% of what is computed", page)
    assert re.search(r"jax \d+\.\d+", page)
    assert re.search(r"device 1 x \w+", page)


def test_the_report_holds_the_recipe(page):
    assert 'label = "stars"' in page
    assert "learning_rate = 0.005" in page
