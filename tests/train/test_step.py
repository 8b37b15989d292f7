"""zoo.train.step: one optimiser step on the values of a model's variables."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import zoo
from zoo.data.encoded import NO_LABEL, Encoded
from zoo.testing import tiny_decoder
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
    trainable, moving, slots, average = trainer.state()
    assert average == []
    assert len(trainable) == len(trainer.model.trainable_variables)
    assert len(moving) + len(trainer.frozen) == len(trainer.model.non_trainable_variables)
    assert len(slots) == len(trainer.optimizer.variables)


def test_steps_lower_the_loss_and_are_the_same_every_time(trainer, batch):
    def losses() -> list[float]:
        state, found = copied(trainer.state()), []
        for _ in range(5):
            state, loss = trainer.advance(state, [batch])
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
    _, one = trainer.advance(copied(trainer.state()), [(arrays, targets, weights)])
    _, other = trainer.advance(copied(trainer.state()), [(arrays, changed, weights)])
    assert float(one) == float(other)


def test_a_state_is_written_back_into_the_model(trainer, batch):
    before = np.array(trainer.model.head.classifier.kernel.value)
    state, _ = trainer.advance(copied(trainer.state()), [batch])
    np.testing.assert_array_equal(trainer.model.head.classifier.kernel, before)
    trainer.write_back(trainer.weights(state))
    assert not np.array_equal(trainer.model.head.classifier.kernel, before)
    for variable, value in zip(trainer.model.trainable_variables, state[0], strict=True):
        np.testing.assert_array_equal(variable, value)


# Accumulation


def parts(batch, count: int) -> list:
    """A batch of padded rows, cut into `count` batches."""
    arrays, targets, weights = batch
    size = len(targets) // count
    return [
        ({k: v[n : n + size] for k, v in arrays.items()}, targets[n : n + size], weights[n : n + size])
        for n in range(0, len(targets), size)
    ]


@pytest.mark.parametrize("class_weights", [(), (0.2, 3.0)])
def test_four_batches_of_8_are_one_of_32(tiny_bert, padded, class_weights):
    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    sgd = TrainKeys(optimizer="sgd", momentum=0.0, learning_rate=1.0, schedule="constant", warmup=0, weight_decay=0)
    optimizer = make_optimizer(sgd, make_schedule(sgd, 10), model.trainable_variables)
    made = make_trainer(model, optimizer, model.objective(class_weights=class_weights), ema=0.5)
    whole, loss = made.advance(copied(made.state()), [padded])
    added, mean = made.advance(copied(made.state()), parts(padded, 4))
    assert float(mean) == pytest.approx(float(loss), rel=1e-6)
    for before, one, other in zip(made.state()[0], whole[0], added[0], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)  # a step of size 1 along the gradient
        assert not np.array_equal(before, one) or not np.any(one)
    for one, other in zip(whole[3], added[3], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("packed", [True, False])
def test_four_batches_of_a_language_model_are_one_however_many_of_their_tokens_are_trained(packed, tmp_path):
    model = zoo.load(tiny_decoder(tmp_path / "model", ["Who are you?"] * 4))
    chance, items = np.random.default_rng(0), []
    for trained in (1, 30, 2, 9, 1, 17, 4, 1):
        ids = chance.integers(5, 300, trained + 4).astype(np.int32)
        labels = np.where(np.arange(len(ids)) < 4, np.int32(NO_LABEL), ids)
        items.append(Encoded(ids, np.zeros_like(ids), labels=labels))

    def batches(size: int) -> list:
        made = Batches(items, np.zeros(8), size, 1, 0, packed, 0, 128)
        return [made.batch(k) for k in range(len(made))]

    sgd = TrainKeys(optimizer="sgd", momentum=0.0, learning_rate=1.0, schedule="constant", warmup=0, weight_decay=0)
    optimizer = make_optimizer(sgd, make_schedule(sgd, 10), model.trainable_variables)
    made = make_trainer(model, optimizer, model.objective())
    whole, loss = made.advance(copied(made.state()), batches(8))
    added, mean = made.advance(copied(made.state()), batches(2))
    assert float(mean) == pytest.approx(float(loss), rel=1e-6)
    for one, other in zip(whole[0], added[0], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)  # a step of size 1 along the gradient
    each = [float(made.advance(copied(made.state()), [batch])[1]) for batch in batches(2)]
    assert abs(np.mean(each) - float(loss)) > 1e-4  # the mean of their means is another


# The average


@pytest.mark.parametrize("most", [0.999, 0.15])
def test_the_average_forgets_where_it_began_in_few_steps(tiny_bert, padded, most):
    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    optimizer = make_optimizer(KEYS, make_schedule(KEYS, 10), model.trainable_variables)
    made = make_trainer(model, optimizer, model.objective(), ema=most)
    state = copied(made.state())
    first = expected = [np.array(x) for x in state[0]]
    for t in range(4):
        state, _ = made.advance(state, [padded] if t % 2 else parts(padded, 2))
        decay = min(most, (1 + t) / (10 + t))
        expected = [decay * old + (1 - decay) * np.array(new) for old, new in zip(expected, state[0], strict=True)]
    for start, one, other in zip(first, made.weights(state)[0], expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
        assert not np.any(other - start) or not np.array_equal(one, start)


def test_what_is_frozen_is_in_no_average_and_stays_as_it_is(tiny_bert, padded):
    from zoo.train.freezing import freeze

    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    freeze(model, "backbone")
    optimizer = make_optimizer(KEYS, make_schedule(KEYS, 10), model.trainable_variables)
    made = make_trainer(model, optimizer, model.objective(), ema=0.9)
    state, before = copied(made.state()), [np.array(v) for v in model.non_trainable_variables]
    assert len(before) > 30
    for _ in range(3):
        state, _ = made.advance(state, [padded])
    assert len(state[3]) == len(state[0])
    made.write_back(made.weights(state))
    for one, other in zip(model.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_frozen_is_not_given_away_and_what_a_step_changes_is(tiny_bert, padded, count):
    from zoo.train.freezing import freeze

    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    freeze(model, "backbone")
    optimizer = make_optimizer(KEYS, make_schedule(KEYS, 10), model.trainable_variables)
    made = make_trainer(model, optimizer, model.objective())
    values = {v.path: v.value for v in model.weights}
    state, _ = made.advance(made.state(), parts(padded, count))
    gone = {path for path, value in values.items() if value.is_deleted()}
    assert gone == {v.path for v in model.trainable_variables}
    made.write_back((*made.weights(state), state[2]), copied=True)
    made.advance(state, [padded])
    assert not any(v.value.is_deleted() for v in (*model.weights, *optimizer.variables))
    for v in model.non_trainable_variables:
        assert v.value is values[v.path]


def test_what_is_frozen_is_told_from_what_moves(tiny_bert, with_dropout):
    from zoo.train.freezing import freeze

    def moving(folder, what: str) -> tuple[int, int]:
        model = zoo.load(folder, task="text-classification", labels=["bad", "good"])
        freeze(model, what)
        made = make_trainer(model, make_optimizer(KEYS, make_schedule(KEYS, 10), model.trainable_variables), None)
        return len(made.state()[1]), len(made.frozen)

    assert moving(tiny_bert, "nothing") == (0, 0)
    none, frozen = moving(tiny_bert, "backbone")
    assert (none, frozen > 30) == (0, True)
    seeds, _ = moving(with_dropout, "nothing")
    assert seeds > 0
    assert moving(with_dropout, "backbone") == (seeds, frozen)
