"""zoo.train.doubts: the hardest rows, and labels that are likely wrong."""

from __future__ import annotations

import numpy as np

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


def test_labels_that_were_exchanged_are_suspected():
    """Of 200 rows of three classes that a model tells apart, ten labels are wrong: those are found."""
    chance = np.random.default_rng(0)
    truth = chance.integers(0, 3, 200)
    logits = chance.normal(size=(200, 3)) + 4 * np.eye(3)[truth]
    outputs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = truth.copy()
    wrong = chance.choice(200, 10, replace=False)
    given[wrong] = (given[wrong] + 1) % 3
    found = suspects(ClassificationScores(outputs, given))
    assert len(found & set(wrong.tolist())) >= 7
    assert len(found - set(wrong.tolist())) <= 2


def test_unsure_mistakes_are_no_suspects():
    outputs = np.array([[0.99, 0.01], [0.98, 0.02], [0.55, 0.45], [0.05, 0.95]])
    assert suspects(ClassificationScores(outputs, np.array([0, 0, 1, 1]))) == set()
