"""The recipe script of styles: its data, and that a short run of it comes to prefer one of them."""

from __future__ import annotations

import datetime
import json
import re

import pytest
from zoo_recipes.date_style import first_recipe, in_words, likelier, preference_recipe, write_data

import zoo


def rows(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_pair_says_one_date_in_two_styles_and_no_date_is_asked_that_was_trained_on(tmp_path):
    talks, pairs, test = map(rows, write_data(tmp_path, talks=900, pairs=200, test=100))

    assert [len(part) for part in (talks, pairs, test)] == [900, 200, 100]
    for row in [*pairs, *test]:
        assert in_words(datetime.date.fromisoformat(row["chosen"])) == row["rejected"]
        assert [message["role"] for message in row["prompt"]] == ["user"]
    answers = [row["messages"][1]["content"] for row in talks]
    iso = [answer for answer in answers if re.fullmatch(r"\d{4}-\d\d-\d\d", answer)]
    assert len(iso) == pytest.approx(300, abs=60)
    known = {row["chosen"] for row in pairs} | {*iso}
    held_out = {row["chosen"] for row in test}
    assert not held_out & known
    assert not {in_words(datetime.date.fromisoformat(day)) for day in held_out} & {*answers}


@pytest.mark.optimized  # they learn for longer than they compile
def test_short_runs_make_the_preferred_style_the_likelier_one(tmp_path):
    talks, pairs, test = write_data(tmp_path, talks=500, pairs=160, test=30)
    first = zoo.finetune(first_recipe(talks, tmp_path / "first", epochs=1, batch_size=32))
    run = zoo.finetune(preference_recipe(first.path, pairs, test, tmp_path / "run", learning_rate=1e-2))

    assert likelier(first.model(), test) < likelier(run.model(), test)
    assert likelier(run.model(), test) > 0.9
    assert run.metrics["accuracy"] > 0.9
    assert run.metrics["margin"] > 1
    assert "exact_match" in run.metrics
    steps = [record["margin"] for record in run.history if "learning_rate" in record]
    assert steps[-1] > 1 > 1e-4 > abs(steps[0])
