"""zoo.train.doubts: the hardest rows, and labels that are worth a look."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.train.doubts import suspects, worst
from zoo.train.scores import ClassificationScores, LanguageScores, MultiLabelScores, RegressionScores


def test_the_worst_losses_come_first_and_right_answers_not_at_all():
    outputs = np.array([[0.9, 0.1], [0.4, 0.6], [0.01, 0.99], [0.3, 0.7]])
    found = ClassificationScores(outputs, np.array([0, 0, 0, 1]))
    assert worst(found, 20) == [2, 1]
    assert worst(found, 1) == [2]


def test_of_numbers_all_are_more_or_less_wrong():
    found = RegressionScores(np.array([[1.0], [5.0], [2.0]]), np.array([[1.5], [1.0], [2.1]]))
    assert worst(found, 20) == [1, 0, 2]


def test_texts_that_are_to_be_foreseen_are_all_in_question():
    losses = np.array(
        [[1.0], [0.0], [3.0], [2.0]], np.float32
    )  # the second is foreseen in its one token, the whole
    found = LanguageScores(losses, np.array([9.0, 1.0, 4.0, 7.0]))
    assert worst(found, 3) == [2, 3, 0]
    assert worst(found, 20) == [2, 3, 0, 1]


def test_of_several_labels_one_wrong_is_enough():
    outputs = np.array([[0.9, 0.1], [0.9, 0.9], [0.2, 0.1]])
    assert worst(MultiLabelScores(outputs, np.array([[1.0, 0], [1, 0], [1, 1]])), 20) == [2, 1]


def told_apart(rows: int = 200, sure: float = 6.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three classes, and the classes, drawn by them: the model is as right as it is sure."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(size=(rows, 3)) + sure * np.eye(3)[chance.integers(0, 3, rows)]
    outputs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return outputs, np.array([chance.choice(3, p=row) for row in outputs])


def exchanged(truth: np.ndarray, count: int) -> tuple[np.ndarray, set[int]]:
    """The classes with as many of them wrong, and where."""
    given = truth.copy()
    wrong = np.random.default_rng(1).choice(len(truth), count, replace=False)
    given[wrong] = (given[wrong] + 1) % 3
    return given, set(wrong.tolist())


def test_labels_that_were_exchanged_are_suspected():
    """Of 200 rows of three classes that a model tells apart, ten are wrong: most are found, and few others."""
    outputs, truth = told_apart()
    given, wrong = exchanged(truth, 10)
    found = suspects(ClassificationScores(outputs, given))
    assert len(found & wrong) >= 7
    assert len(found - wrong) <= 2


@pytest.mark.parametrize("sure", [1.0, 2.0, 4.0, 6.0])
@pytest.mark.parametrize("seed", range(3))
def test_mistakes_as_many_as_the_model_foresees_are_no_suspects(sure, seed):
    """Right labels only: however many the model misses, hardly any is as unlikely as that."""
    outputs, truth = told_apart(500, sure, seed)
    assert len(suspects(ClassificationScores(outputs, truth))) <= 0.02 * 500


def test_a_model_that_is_too_sure_of_itself_is_not_believed():
    outputs, truth = told_apart(500, 2.0)
    sharp = outputs**8 / (outputs**8).sum(axis=1, keepdims=True)
    wrong = (sharp.argmax(axis=1) != truth).sum()
    assert wrong > 50
    assert 4 * len(suspects(ClassificationScores(sharp, truth))) < wrong


def test_classes_that_the_model_does_not_know_are_not_judged():
    """One that says the largest class of everything, however surely, and one with few rows of a class."""
    largest = np.tile([0.999, 0.001], (100, 1))
    assert suspects(ClassificationScores(largest, np.arange(100) % 4 // 3)) == set()
    assert suspects(ClassificationScores(np.tile([0.6, 0.4], (5, 1)), np.array([0, 0, 0, 1, 1]))) == set()
    outputs, truth = told_apart(30)
    given, _ = exchanged(truth, 3)
    kept = [*np.flatnonzero(given == 0)[:9], *np.flatnonzero(given == 1)[:9], *np.flatnonzero(given == 2)[:9]]
    assert suspects(ClassificationScores(outputs[kept], given[kept])) == set()
