"""`zoo evaluate`: the scores of a run, as text and as JSON."""

from __future__ import annotations

import shutil

import pytest


def test_scores_as_json_and_as_text(zoo, run, reviews):
    done = zoo("evaluate", run, "--data", reviews, "--json")
    assert done.code == 0
    assert done.json == {"run": str(run), "data": str(reviews), "metrics": done.json["metrics"]}
    assert set(done.json["metrics"]) == {"accuracy", "macro_f1", "loss"}
    assert 0 <= done.json["metrics"]["accuracy"] <= 1
    shown = zoo("evaluate", run, "--data", reviews)
    assert shown.code == 0
    assert shown.out.splitlines()[0].split() == ["accuracy", f"{done.json['metrics']['accuracy']:.4f}"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("review,stars\nfine,good\nso so,middling\n", "'middling' in row 2"),
        ("review,stars\nfine,good\ndull,\n", "Without a label (column 'stars'): row 2."),
        ("text,stars\nfine,good\n", "there is no column 'review'"),
        ("", "is empty"),
    ],
)
def test_data_that_cannot_be_scored(zoo, run, tmp_path, content, why):
    (tmp_path / "test.csv").write_text(content)
    told = zoo("evaluate", run, "--data", "test.csv", "--json")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("error: ")
    assert why in told.err


def test_what_is_not_a_run(zoo, reviews, tmp_path):
    told = zoo("evaluate", "runs/gone", "--data", reviews)
    assert told.code == 2
    assert told.err.startswith("error: 'runs/gone' is not a run.\n  - there is no such directory")
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_weights_were_cut_off(zoo, run, reviews, tmp_path):
    shutil.copytree(run, tmp_path / "cut")
    weights = tmp_path / "cut/model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    told = zoo("evaluate", "cut", "--data", reviews, "--json")
    assert (told.code, told.out) == (2, "")
    assert "model.safetensors" in told.err


def test_a_run_that_has_not_finished(zoo, run, reviews, tmp_path):
    (tmp_path / "stopped").mkdir()
    shutil.copy(run / "recipe.toml", tmp_path / "stopped")
    told = zoo("evaluate", "stopped", "--data", reviews)
    assert told.code == 2
    assert "The run 'stopped' has not finished: it has no model yet." in told.err
