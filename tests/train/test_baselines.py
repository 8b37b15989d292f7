"""zoo.train.baselines: what a trained model is to be better than."""

from __future__ import annotations

import pytest

from zoo.data.examples import Examples
from zoo.data.problems import MULTI, REGRESSION, SINGLE
from zoo.train.baselines import constant


def examples(labels: list, problem: str = SINGLE) -> Examples:
    return Examples(["text"] * len(labels), labels, list(range(1, len(labels) + 1)), "x.csv", problem)


def test_the_largest_class_of_training_on_the_held_out_rows():
    names = ["a", "b", "c"]
    assert constant(examples(["b", "b", "a"]), examples(["a", "a", "b", "c"]), names) == ("b", 0.25)
    assert constant(examples(["b", "a"]), examples(["a"]), names) == ("a", 1.0)
    assert constant(examples(["b"]), examples(["a"]), names) == ("b", 0.0)


def test_the_most_frequent_label():
    train = examples([("x", "y"), ("y",), ()], MULTI)
    guess, f1 = constant(train, examples([("y",), ("x",)], MULTI), ["x", "y"])
    assert (guess, f1) == ("y", 0.5)  # one of two truths, and one of two calls


def test_the_mean_of_training():
    guess, rmse = constant(examples([1.0, 2.0, 6.0], REGRESSION), examples([3.0, 5.0], REGRESSION), ["stars"])
    assert guess == "3"
    assert rmse == pytest.approx(2**0.5)
