"""zoo.train.advice: the one change that would help."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from zoo.train.advice import fitting, quicker, time_parts
from zoo.train.recipe import Recipe


def test_small_parts_of_the_time_are_told_together():
    told = time_parts({"computing": 60.0, "training": 30.0, "feeding": 8.5, "a": 0.8, "b": 0.7, "total": 101})
    assert list(told) == ["computing", "between steps", "waiting for batches", "the rest"]
    assert told["the rest"] == pytest.approx(1.5)
    assert sum(told.values()) == pytest.approx(100)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ({"feeding": 30.0, "computing": 70.0}, "data.workers = 2: the device waited 30% of the time"),
        ({"evaluating": 60.0, "computing": 40.0}, "fewer held-out rows: looking at them took 60% of the time"),
        ({"compiling": 40.0, "computing": 60.0}, "another run: compiled programs are kept"),
        ({"computing": 100.0}, ""),
    ],
)
def test_what_would_have_saved_time(seconds, told):
    pictures = Recipe().replace("model", task="image-classification")
    assert quicker(pictures, None, seconds).startswith(told)
    assert bool(quicker(pictures, None, seconds)) == bool(told)


def test_workers_read_pictures_and_no_texts():
    texts = Recipe().replace("model", task="text-classification")
    assert quicker(texts, None, {"feeding": 30.0, "computing": 70.0}) == ""


def test_compilation_is_one_part_and_there_are_as_many_parts_as_colours():
    seconds = {"compiling": 5.0, "compiling the step": 2.0} | {f"part {n}": 10.0 + n for n in range(7)}
    told = time_parts(seconds)
    assert len(told) == 6
    assert list(told)[-1] == "the rest"
    assert sum(told.values()) == sum(seconds.values())
    assert time_parts({"compiling": 5.0, "compiling the step": 2.0}) == {"compiling": 7.0}


@pytest.mark.parametrize(
    ("memory", "keys", "told"),
    [
        (600, {"remat": "layers"}, "train.batch_size = 5 would fit."),
        (600, {}, 'train.batch_size = 5 would fit. train.remat = "layers" needs less for each example'),
        (600, {"remat": "nothing"}, 'train.batch_size = 5 would fit. train.remat = "elementwise" needs less'),
        (600, {"freeze": "backbone"}, "train.batch_size = 5 would fit."),
        (105, {}, 'No batch fits beside these weights. train.remat = "layers" needs less'),
        (105, {"remat": "layers"}, 'No batch fits beside these weights: train.freeze = "backbone"'),
        (105, {"freeze": "backbone"}, "No batch fits beside these weights: choose a smaller model."),
        (90, {}, 'No batch fits beside these weights: train.freeze = "backbone"'),
    ],
)
def test_what_would_make_a_step_fit(memory, keys, told):
    recipe = Recipe().replace("train", batch_size=8, **keys)
    step: Any = SimpleNamespace(held=100, working=800)  # 100 for each example, beside weights of 100
    found = fitting(recipe, step, memory)
    assert found.startswith(told)
    assert ("train.remat" in found) == ("train.remat" in told)
