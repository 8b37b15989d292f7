"""The recipe script of dates: its data, and that a short run of it learns."""

from __future__ import annotations

import datetime
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zoo_recipes.dates import DAYS, MONTHS, recipe, ways, write_data

import zoo


@given(st.dates(datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)))
def test_every_way_of_writing_a_date_tells_day_month_and_year(date):
    written = ways(date)

    assert len(set(written)) >= 14
    for text in written:
        assert str(date.year) in text
        assert re.search(rf"\b0?{date.day}(st|nd|rd|th)?\b", text)
        assert MONTHS[date.month - 1][:3].casefold() in text.casefold() or re.search(rf"\b0?{date.month}\b", text)
        assert not any(day in text for day in DAYS if day != DAYS[date.weekday()])


def test_no_date_is_both_trained_on_and_asked_of(tmp_path):
    files = write_data(tmp_path, train=3000, test=200)
    answers = [
        [json.loads(line)["messages"][1]["content"] for line in file.read_text().splitlines()] for file in files
    ]

    assert [len(part) for part in answers] == [3000, 200]
    assert not set(answers[0]) & set(answers[1])


@pytest.mark.optimized  # it learns for longer than it compiles
def test_a_short_run_answers_with_numbers_and_dashes(tmp_path):
    train, test = write_data(tmp_path, train=800, test=20)
    run = zoo.finetune(recipe(train, test, tmp_path / "run", epochs=2, batch_size=32))

    answer = run.model().chat(
        [{"role": "user", "content": "March 3, 2021 in ISO form, please."}], max_new_tokens=16
    )
    assert re.fullmatch(r"\d{3,4}-\d\d-\d\d", answer)
    assert run.metrics["perplexity"] < 5  # of 320 tokens
    assert "exact_match" in run.metrics
