"""zoo.train.fitting: a batch size and a number of steps that fit the device and the time."""

from __future__ import annotations

import pytest

import zoo
from zoo.errors import ZooError
from zoo.train import footprint
from zoo.train.finetune import finetune, resolve
from zoo.train.fitting import budget_seconds, fitted, rehearse
from zoo.train.footprint import Footprint
from zoo.train.listener import Silent
from zoo.train.recipe_file import read_recipe
from zoo.train.splits import read_splits


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("20min", 1200), ("20 min", 1200), ("1.5h", 5400), ("1h 30min", 5400), ("1h30min5s", 5405)],
)
def test_budgets(text, seconds):
    assert budget_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "20", "soon", "-5min", "20min later", "0s"])
def test_what_is_no_budget(text):
    assert not budget_seconds(text)


@pytest.fixture
def resolved(recipe):
    return resolve(recipe)


def test_auto_keeps_the_examples_of_a_step_and_computes_them_in_parts_that_fit(resolved, monkeypatch):
    splits = read_splits(resolved)
    auto = resolved.replace("train", batch_size="auto", accumulate=2)
    roomy = fitted(auto, splits, Silent()).train
    assert (roomy.batch_size, roomy.accumulate) == (32, 2)
    eight = rehearse(resolved.replace("train", batch_size=8, accumulate=8), splits).step
    sixteen = rehearse(resolved.replace("train", batch_size=16, accumulate=4), splits).step
    assert eight.peak < sixteen.peak
    monkeypatch.setattr(footprint, "device_memory", lambda: (eight.peak + sixteen.peak) / 2 / 0.95)
    tight = fitted(auto, splits, Silent()).train
    assert (tight.batch_size, tight.accumulate) == (8, 8)
    monkeypatch.setattr(footprint, "device_memory", lambda: eight.held / 2)
    with pytest.raises(ZooError, match="Not even one example fits"):
        fitted(auto, splits, Silent())


def test_what_callbacks_look_at_is_counted(resolved):
    splits = read_splits(resolved)
    plain = rehearse(resolved, splits).step
    watched = rehearse(resolved.replace("train", callbacks=("keras.callbacks:History",)), splits).step
    (trainable, moving, slots, _), _ = plain.start
    copies = sum(x.size * x.dtype.itemsize for x in (*trainable, *moving, *slots))
    assert watched.copied == watched.peak - plain.peak == watched.held - plain.held == copies > 0


def test_a_budget_becomes_steps(resolved, monkeypatch):
    splits = read_splits(resolved)
    monkeypatch.setattr(Footprint, "seconds", lambda self, batch: 0.5)
    rehearsal = rehearse(resolved, splits)
    share = rehearsal.batches.work / rehearsal.batches.per_epoch
    per_epoch = 9 * 0.5 * share + 18 * 0.5 * rehearsal.forward  # nine steps, then 18 rows are evaluated
    keys = fitted(resolved.replace("train", budget="1min"), splits, Silent()).train
    assert keys.steps == int(60 / (per_epoch / 9))
    assert keys.budget == ""
    often = fitted(resolved.replace("train", budget="1min", evaluate_steps=2), splits, Silent()).train
    assert often.steps < keys.steps
    with pytest.raises(ZooError, match="less than one step takes"):
        fitted(resolved.replace("train", budget="0.01s"), splits, Silent())


def test_both_are_frozen_in_the_run(recipe, output, tmp_path):
    run = finetune(recipe, output=output.dir, overrides=["train.batch_size=auto", "train.budget=0.5s"])
    frozen = read_recipe(run.path / "recipe.toml").train
    assert (frozen.batch_size, frozen.accumulate, frozen.budget) == (32, 1, "")
    assert max(record["step"] for record in run.history) == frozen.steps >= 1
    assert zoo.reproduce(run, output=tmp_path / "again").matches


def test_faults_are_told_before_anything_is_read(recipe):
    with pytest.raises(ZooError) as caught:
        resolve(recipe, overrides=["train.budget=soon", "train.batch_size=many"])
    assert "train.budget = 'soon': a time such as 20min, 90s or 1h 30min is needed" in caught.value.why
    assert "train.batch_size = 'many': a whole number or auto is needed" in caught.value.why
    with pytest.raises(ZooError, match="not valid") as caught:
        resolve(recipe, overrides=["train.budget=1h", "train.steps=3"])
    assert caught.value.why == ["train.budget and train.steps are both given; a run ends by one of them"]
