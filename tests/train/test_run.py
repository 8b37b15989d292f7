"""zoo.train.run: what a run directory holds, and how it is opened."""

from __future__ import annotations

import json

import numpy as np
import pytest

import zoo
from zoo.errors import ZooError
from zoo.train.run import Run, next_free


def test_a_run_holds_all_its_files(run):
    names = {path.name for path in run.path.iterdir()}
    assert names == {"recipe.toml", "run.lock", "metrics.jsonl", "checkpoints", "model", "report.html"}
    assert {path.name for path in (run.path / "model").iterdir()} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert run.report.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_recipe_is_resolved(run, recipe):
    assert run.recipe == (
        recipe.replace("output", dir=str(run.path))
        .replace("data", max_length=48, problem_type="single_label_classification")
        .replace("model", task="text-classification")
    )
    assert Run(str(run.path)).recipe.name == "reviews"


def test_metrics_are_the_final_scores(run):
    assert set(run.metrics) == {"accuracy", "macro_f1", "loss"}
    assert run.history[-1]["final"]
    assert run.metrics["accuracy"] == run.history[-1]["accuracy"]


def test_the_model_and_zoo_load_are_the_same(run):
    texts = ["a superb film", "a dull story"]
    arrays = run.model().preprocess(texts)
    first, second = run.model(), zoo.load(run.path)
    assert first.labels == second.labels == ("bad", "good")
    np.testing.assert_array_equal(first(arrays), second(arrays))


def test_a_run_that_has_not_finished_has_no_metrics(tmp_path):
    (tmp_path / "recipe.toml").write_text("")
    assert Run(tmp_path).metrics == {}
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 1, "loss": 0.5}) + "\n")
    assert Run(tmp_path).metrics == {}
    assert repr(Run(tmp_path)) == f"zoo.Run({str(tmp_path)!r})"


@pytest.mark.parametrize(("name", "why"), [("nowhere", "no such directory"), ("", "no recipe.toml")])
def test_what_is_not_a_run_is_refused(tmp_path, name, why):
    with pytest.raises(ZooError, match=why):
        Run(tmp_path / name)


def test_the_next_free_directory(tmp_path):
    folder = tmp_path / "reviews"
    taken = []
    for _ in range(3):
        taken.append(next_free(folder).name)
        next_free(folder).mkdir()
    assert taken == ["reviews", "reviews-2", "reviews-3"]
