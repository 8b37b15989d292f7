"""zoo.train.step: one optimiser step on the values of a model's variables."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import zoo
from zoo.data.text import Encoded
from zoo.train.batches import Batches
from zoo.train.optimizer import make_optimizer, make_schedule
from zoo.train.recipe import TrainKeys
from zoo.train.step import make_trainer

KEYS = TrainKeys(learning_rate=1e-2, schedule="constant", warmup=0)


@pytest.fixture(scope="module")
def trainer(tiny_bert):
    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    return make_trainer(
        model, make_optimizer(KEYS, make_schedule(KEYS, 10), model.trainable_variables), model.objective()
    )


@pytest.fixture(scope="module")
def batch():
    items = [Encoded(np.array([2, 5 + n, 3], np.int32), np.zeros(3, np.int32)) for n in range(4)]
    return Batches(items, np.array([0, 1, 0, 1], np.int32), 4, 1, 0, True, 0, 48).batch(0)


def copied(state):
    return jax.tree.map(lambda x: x.copy(), state)


def test_the_state_is_what_the_variables_hold(trainer):
    trainable, fixed, slots, average = trainer.state()
    assert average == []
    assert len(trainable) == len(trainer.model.trainable_variables)
    assert len(fixed) == len(trainer.model.non_trainable_variables)
    assert len(slots) == len(trainer.optimizer.variables)


def test_steps_lower_the_loss_and_are_the_same_every_time(trainer, batch):
    def losses() -> list[float]:
        state, found = copied(trainer.state()), []
        for _ in range(5):
            state, loss = trainer.step(state, *batch)
            found.append(float(loss))
        return found

    first = losses()
    assert first[-1] < first[0]
    assert losses() == first


def test_examples_without_weight_change_nothing(trainer, batch):
    arrays, targets, _ = batch
    weights = np.array([1, 1, 0, 0], np.float32)
    changed = targets.copy()
    changed[2:] = 1 - changed[2:]
    _, one = trainer.step(copied(trainer.state()), arrays, targets, weights)
    _, other = trainer.step(copied(trainer.state()), arrays, changed, weights)
    assert float(one) == float(other)


def test_a_state_is_written_back_into_the_model(trainer, batch):
    before = np.array(trainer.model.head.classifier.kernel.value)
    state, _ = trainer.step(copied(trainer.state()), *batch)
    np.testing.assert_array_equal(trainer.model.head.classifier.kernel, before)
    trainer.write_back(trainer.weights(state))
    assert not np.array_equal(trainer.model.head.classifier.kernel, before)
    for variable, value in zip(trainer.model.trainable_variables, state[0], strict=True):
        np.testing.assert_array_equal(variable, value)
