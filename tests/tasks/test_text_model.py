"""Texts in inference: batches of like length, and every result at its text's place."""

from __future__ import annotations

import random

import numpy as np
import pytest

import zoo
from zoo.data.examples import Examples
from zoo.train.scoring import score

LABELS = ("bad", "good")


def mixed(count: int) -> list[str]:
    """Texts in no order: of 4 to 14 words, and two that are longer than the model can take."""
    chance = random.Random(3)
    words = ["good", "bad", "film", "very"]
    texts = [" ".join(chance.choices(words, k=chance.randint(4, 14))) for _ in range(count)]
    texts[count // 3] = texts[count // 2] = "bad film " * 30
    return texts


@pytest.fixture
def computed(monkeypatch):
    """`(rows, length)` of every batch that is computed, in order, by any model."""
    from zoo.data.text import TextPreprocessor

    shapes: list[tuple[int, int]] = []
    pad = TextPreprocessor.pad

    def watched(self, encoded, *, rows=None, length=None):
        shapes.append((rows, length))
        return pad(self, encoded, rows=rows, length=length)

    monkeypatch.setattr(TextPreprocessor, "pad", watched)
    return shapes


def test_predictions_are_in_the_order_of_the_texts_and_hardly_padded(checkpoint, computed):
    model = zoo.load(checkpoint("BertForSequenceClassification", LABELS))
    texts = mixed(600)
    found = model.probabilities(texts)
    shapes = [*computed]
    apart = [model.probabilities([text])[0] for text in texts[::37]]
    np.testing.assert_allclose(found[::37], apart, atol=1e-6)

    lengths = [len(item) for item in model.encode_examples(texts)]
    cells = sum(rows * length for rows, length in shapes)
    assert len({*shapes}) <= 4
    assert cells < 2 * sum(lengths)
    assert cells < 0.5 * len(texts) * max(lengths)  # what padding all to the longest would take


def test_an_evaluation_computes_the_same_batches(checkpoint, computed):
    model = zoo.load(checkpoint("BertForSequenceClassification", LABELS))
    texts = mixed(300)
    model.probabilities(texts)
    predicting = [*computed]
    computed.clear()
    labels = [said["label"] for said in model.classify(texts)]
    computed.clear()
    scores = score(model, Examples(texts, labels, [*range(1, 301)], "texts"))
    assert computed == predicting
    assert scores.metrics["accuracy"] == 1.0  # every output is beside its own label
