"""zoo.train.summary: what the report of a run is told."""

from __future__ import annotations

import re
from html import unescape

import pytest


@pytest.fixture(scope="module")
def page(run) -> str:
    shown = re.sub(r"<style>.*?</style>|<[^>]+>", " ", run.report.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(shown).split())


def test_the_report_tells_of_the_data_and_the_training(run, page):
    for fact in (
        "reviews",
        f"{run.metrics['accuracy']:.1%}",
        "validation (18 rows)",
        "rows 72 train, 18 validation",
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


def test_the_report_tells_where_the_time_went(page):
    told = page[page.index("Where the time went") :]
    for part in ("computing", "compiling"):
        assert re.search(rf"{part} [\d.]+ (s|min) \d+%", told), part


def test_the_score_stands_beside_what_it_is_to_beat(page):
    assert "majority class, “good” 66.7%" in page
    assert re.search(r"95% interval \d+\.\d \N{EN DASH} \d+\.\d%", page)
