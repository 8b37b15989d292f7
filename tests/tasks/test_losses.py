"""zoo.tasks.losses: cross-entropy as torch computes it, as sums that add up."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo.tasks.losses import binary_cross_entropy, cross_entropy, squared_error

CHANCE = np.random.default_rng(0)
LOGITS = CHANCE.normal(size=(12, 5)).astype(np.float32)
TARGETS = CHANCE.integers(0, 5, 12).astype(np.int32)
SHARES = CHANCE.dirichlet(np.ones(5), 12).astype(np.float32)
BY_CLASS = (0.5, 1.0, 2.0, 4.0, 0.25)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("targets", [TARGETS, SHARES], ids=["numbers", "shares"])
def test_the_mean_is_torchs(targets, smoothing):
    total, weight = cross_entropy(smoothing)(LOGITS, targets, np.ones(12, np.float32))
    wanted = torch.from_numpy(targets)
    reference = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)
    expected = reference(torch.from_numpy(LOGITS), wanted.long() if targets.ndim == 1 else wanted)
    assert float(total / weight) == pytest.approx(expected.item(), rel=1e-6)


def test_classes_weigh_as_in_torch():
    total, weight = cross_entropy(class_weights=BY_CLASS)(LOGITS, TARGETS, np.ones(12, np.float32))
    reference = torch.nn.CrossEntropyLoss(torch.tensor(BY_CLASS))
    assert float(total / weight) == pytest.approx(
        reference(torch.from_numpy(LOGITS), torch.from_numpy(TARGETS).long()).item(), rel=1e-6
    )


def test_classes_weigh_the_same_as_numbers_and_as_shares():
    loss, ones = cross_entropy(class_weights=BY_CLASS), np.ones(12, np.float32)
    numbers = loss(LOGITS, TARGETS, ones)
    shares = loss(LOGITS, np.eye(5, dtype=np.float32)[TARGETS], ones)
    np.testing.assert_allclose(numbers, shares, rtol=1e-6)


@pytest.mark.parametrize("class_weights", [(), BY_CLASS])
def test_parts_of_a_batch_add_up_to_the_whole(class_weights):
    loss = cross_entropy(0.1, class_weights)
    weights = CHANCE.uniform(size=12).astype(np.float32)
    whole = loss(LOGITS, TARGETS, weights)
    parts = [loss(LOGITS[at], TARGETS[at], weights[at]) for at in (slice(0, 5), slice(5, 12))]
    np.testing.assert_allclose(np.sum(parts, axis=0), whole, rtol=1e-6)


def test_what_has_no_weight_counts_for_nothing():
    weights = (np.arange(12) < 7).astype(np.float32)
    changed = np.where(np.arange(12)[:, None] < 7, LOGITS, 99)
    loss = cross_entropy()
    np.testing.assert_array_equal(loss(LOGITS, TARGETS, weights), loss(changed, TARGETS, weights))


def test_several_labels_cost_as_in_torch():
    chosen = (CHANCE.random((12, 5)) < 0.4).astype(np.float32)
    total, weight = binary_cross_entropy()(LOGITS, chosen, np.ones(12, np.float32))
    expected = torch.nn.BCEWithLogitsLoss()(torch.from_numpy(LOGITS), torch.from_numpy(chosen))
    assert float(total / weight) == pytest.approx(expected.item(), rel=1e-6)


def test_numbers_cost_as_in_torch():
    wanted = CHANCE.normal(size=(12, 5)).astype(np.float32)
    total, weight = squared_error()(LOGITS, wanted, np.ones(12, np.float32))
    expected = torch.nn.MSELoss()(torch.from_numpy(LOGITS), torch.from_numpy(wanted))
    assert float(total / weight) == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("loss", [binary_cross_entropy(), squared_error()])
def test_an_example_of_weight_0_does_not_count(loss):
    wanted = (LOGITS > 0).astype(np.float32)
    weights = np.array([1.0] * 8 + [0.0] * 4, np.float32)
    np.testing.assert_allclose(loss(LOGITS, wanted, weights), loss(LOGITS[:8], wanted[:8], weights[:8]), rtol=1e-6)
