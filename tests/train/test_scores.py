"""zoo.train.scores: accuracy, macro F1 and loss from probabilities."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from zoo.data.examples import Examples
from zoo.errors import RunError
from zoo.train.scores import ClassificationScores, MultiLabelScores, RegressionScores
from zoo.train.scoring import score

PROBABILITIES = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0], [0.3, 0.7, 0.0]], np.float32)
TARGETS = np.array([0, 1, 1, 1], np.int32)


def test_figures_worked_out_by_hand():
    found = ClassificationScores(PROBABILITIES, TARGETS)
    assert found.predicted.tolist() == [0, 1, 0, 1]
    assert found.confusion.tolist() == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert found.losses == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.7]), rel=1e-6)
    # F1: 2 of 3 for the first class, 4 of 5 for the second; the third does not occur.
    assert found.metrics == pytest.approx(
        {"accuracy": 0.75, "macro_f1": (2 / 3 + 4 / 5) / 2, "loss": found.losses.mean()}
    )


def test_a_class_that_is_never_said_counts_in_the_mean():
    outputs = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]], np.float32)
    found = ClassificationScores(outputs, np.array([0, 0, 1], np.int32)).metrics
    assert found["macro_f1"] == pytest.approx((4 / 5 + 0) / 2)


def test_a_certain_mistake_has_a_finite_loss():
    assert np.isfinite(ClassificationScores(np.array([[1.0, 0.0]], np.float32), np.array([1])).metrics["loss"])


def test_a_model_is_scored_on_labelled_examples(run):
    model = run.model()
    texts = ["a superb film", "dull and grim", "lovely"]
    found = score(model, Examples(texts, ["good", "bad", "bad"], [1, 2, 3], "x.csv"))
    np.testing.assert_allclose(found.outputs, model.probabilities(texts))
    assert found.targets.tolist() == [1, 0, 0]
    assert found.metrics["accuracy"] == pytest.approx(2 / 3)


def test_weights_that_are_no_numbers(tiny_bert):
    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    model.head.classifier.bias.assign(np.array([np.nan, 0], np.float32))
    with pytest.raises(RunError, match=r"outputs on 'x\.csv' are not numbers"):
        score(model, Examples(["a film"], ["good"], [1], "x.csv"))


def test_correlations_are_scipys():
    from scipy import stats

    chance = np.random.default_rng(0)
    told, true = chance.normal(size=(2, 50, 1)).astype(np.float32).round(1)  # with ties
    found = RegressionScores(told, true).metrics
    assert found["pearson"] == pytest.approx(stats.pearsonr(told[:, 0], true[:, 0]).statistic)
    assert found["spearman"] == pytest.approx(stats.spearmanr(told[:, 0], true[:, 0]).statistic)
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((told - true) ** 2)))


def test_a_constant_has_no_correlation():
    found = RegressionScores(np.ones((4, 1), np.float32), np.arange(4, dtype=np.float32)[:, None]).metrics
    assert found["pearson"] == found["spearman"] == 0


def test_the_scores_of_several_labels_are_sklearns():
    from sklearn import metrics

    chance = np.random.default_rng(0)
    outputs, targets = chance.random((40, 4)), (chance.random((40, 4)) < 0.3).astype(np.float32)
    found = MultiLabelScores(outputs, targets).metrics
    called = outputs > 0.5
    assert found["micro_f1"] == pytest.approx(metrics.f1_score(targets, called, average="micro"))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(targets, called, average="macro"))
    assert found["exact_match"] == pytest.approx(metrics.accuracy_score(targets, called))
    assert found["loss"] == pytest.approx(
        np.mean([metrics.log_loss(targets[:, k], outputs[:, k]) for k in range(4)]), rel=1e-5
    )
