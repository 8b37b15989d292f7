"""zoo.train.loop: the records of a run, the best epoch, and a loss that is no number."""

from __future__ import annotations

import gc
import json
import threading

import jax
import keras
import numpy as np
import pytest
from keras import ops

import zoo
from zoo.data.encoded import Encoded
from zoo.errors import RunError
from zoo.tasks.losses import cross_entropy
from zoo.train.batches import Batches
from zoo.train.callbacks import Callbacks
from zoo.train.checkpoints import SAVING, Checkpoints, saved_steps, seal
from zoo.train.journal import Journal
from zoo.train.loop import Loop
from zoo.train.optimizer import make_optimizer, make_schedule
from zoo.train.order import Plan
from zoo.train.recipe import TrainKeys
from zoo.train.scores import ClassificationScores
from zoo.train.standing import Best
from zoo.train.step import make_trainer


class Rehearsal:
    """A small run: 10 examples in batches of 4, and validation scores that were fixed beforehand."""

    def __init__(
        self, checkpoint, folder, *, epochs: int = 3, learning_rate: float = 1e-3, loss=None, callbacks=(), **how
    ) -> None:
        self.how, self.callbacks = how, callbacks
        keys = TrainKeys(learning_rate=learning_rate, schedule="constant", warmup=0)
        self.model = zoo.load(checkpoint, task="text-classification", labels=["bad", "good"])
        items = [Encoded(np.array([2, 5 + n, 3], np.int32), np.zeros(3, np.int32)) for n in range(10)]
        self.batches = Batches(items, np.arange(10, dtype=np.int32) % 2, 4, epochs, 0, True, 0, 48)
        self.plan = Plan(self.batches.per_epoch, epochs=epochs)
        self.schedule = make_schedule(keys, len(self.plan))
        optimizer = make_optimizer(keys, self.schedule, self.model.trainable_variables)
        self.trainer = make_trainer(self.model, optimizer, loss or self.model.objective())
        self.journal = Journal(folder / "metrics.jsonl")
        self.steps: list[tuple[int, float, float]] = []
        self.weights: list[np.ndarray] = []

    def run(self, accuracies: list[float] | None = None) -> Best:
        coming = iter(accuracies or ())

        def evaluate() -> ClassificationScores:
            self.weights.append(np.array(self.model.head.classifier.kernel.value))
            hits = round(next(coming) * 10)
            return ClassificationScores(
                np.tile(np.array([[0.9, 0.1]]), (10, 1)), np.array([0] * hits + [1] * (10 - hits))
            )

        callbacks = Callbacks(self.callbacks, self.model, self.trainer.optimizer, self.plan)
        self.loop = Loop(
            self.trainer,
            self.batches,
            self.plan,
            evaluate if accuracies else None,
            self.journal,
            self.schedule,
            lambda *told: self.steps.append(told),
            callbacks=callbacks,
            **self.how,
        )
        if self.loop.checkpoints:
            self.loop.resume()
        return self.loop.run().best


@pytest.fixture
def rehearse(tiny_bert, tmp_path):
    return lambda **changes: Rehearsal(tiny_bert, tmp_path, **changes)


@pytest.mark.parametrize(
    ("accuracies", "best"),
    [([0.5, 0.9, 0.7], 1), ([0.9, 0.9, 0.9], 0), ([0.1, 0.2, 0.3], 2), ([0.0, 0.0, 0.0], 0)],
)
def test_the_best_epoch_is_restored_the_earliest_on_ties(rehearse, accuracies, best):
    made = rehearse()
    found = made.run(accuracies)
    assert found.step == (best + 1) * made.batches.per_epoch
    assert found.score == accuracies[best]
    np.testing.assert_array_equal(made.model.head.classifier.kernel, made.weights[best])
    assert not np.array_equal(made.weights[0], made.weights[2])


def test_without_validation_the_last_weights_stay(rehearse):
    made, scored = rehearse(epochs=2), rehearse(epochs=2)
    assert made.run(None).step == 0
    scored.run([0.1, 0.9])
    # Evaluating changes nothing: a run with it and a run without it end at the same weights.
    for one, other in zip(made.model.weights, scored.model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_step_is_shown_and_recorded(rehearse):
    made = rehearse()
    made.run([0.5, 0.6, 0.7])
    assert [step for step, _, _ in made.steps] == list(range(1, 10))
    records = [json.loads(line) for line in made.journal.path.read_text().splitlines()]
    assert records == made.journal.records
    training = [record for record in records if "learning_rate" in record]
    assert [record["step"] for record in training] == list(range(1, 10))
    assert training[0]["epoch"] == pytest.approx(1 / 3, abs=1e-4)
    assert all(record["learning_rate"] == pytest.approx(1e-3) for record in training)
    assert [record["loss"] for record in training] == pytest.approx([loss for _, loss, _ in made.steps], abs=1e-6)
    assert all(record["examples_per_second"] > 0 for record in training)
    scores = [record for record in records if record.get("split") == "validation"]
    assert [(record["step"], record["epoch"], record["accuracy"]) for record in scores] == [
        (3, 1.0, 0.5),
        (6, 2.0, 0.6),
        (9, 3.0, 0.7),
    ]


def test_a_long_run_keeps_few_records_of_mean_losses(rehearse):
    made = rehearse(epochs=100)
    made.run(None)
    assert len(made.steps) == 300
    assert len(made.journal.records) == 100
    means = np.array([loss for _, loss, _ in made.steps]).reshape(100, 3).mean(axis=1)
    assert [record["loss"] for record in made.journal.records] == pytest.approx(means, abs=1e-5)


def test_a_loss_that_is_no_number_ends_the_run(rehearse):
    made = rehearse()
    made.model.head.classifier.kernel.assign(np.full((2, 32), np.nan, np.float32))
    with pytest.raises(RunError, match="the loss of step 1 or its gradient is not a number") as caught:
        made.run(None)
    members = ", ".join(map(str, made.batches.members(0).tolist()))
    assert caught.value.why == [f"the step saw examples {members}"]
    assert "train.learning_rate" in caught.value.fix
    assert caught.value.exit_code == 1


@jax.custom_vjp
def spoiled(outputs, factor):
    """The outputs as they are; their gradient is multiplied."""
    return outputs


spoiled.defvjp(lambda outputs, factor: (outputs, factor), lambda factor, gradient: (gradient * factor, None))


def test_a_gradient_that_is_no_number_is_told_of_the_step_that_had_it(rehearse):
    plain = cross_entropy()

    def loss(outputs, targets, weights):
        factor = ops.where(ops.any(targets == 2), np.nan, 1.0)
        return plain(spoiled(outputs, factor), targets % 2, weights)

    made = rehearse(loss=loss)
    second = made.batches.members(1)
    made.batches.targets[second[0]] = 2
    with pytest.raises(RunError, match="the loss of step 2 or its gradient is not a number") as caught:
        made.run()
    assert caught.value.why == [f"the step saw examples {', '.join(map(str, second.tolist()))}"]


def test_a_checkpoint_knows_what_was_skipped(rehearse, tmp_path):
    made = rehearse(epochs=2, checkpoints=Checkpoints(tmp_path / "checkpoints", 2))
    made.batches.skipped.add(7)
    made.run(None)
    made.how["checkpoints"].wait()
    made.batches.skipped.clear()
    assert made.loop.resume()
    assert made.batches.skipped == {7}


def test_a_checkpoint_knows_nothing_of_what_came_while_it_was_saved(tmp_path):
    kept, state = Checkpoints(tmp_path / "checkpoints"), {"state": [jax.numpy.ones(3)]}
    facts = {"records": [{"step": 1}], "callbacks": {}}
    kept.save(1, state, facts)
    facts["records"].append({"step": 2})
    kept.wait()
    assert kept.restore(state).facts["records"] == [{"step": 1}]
    kept.close()


def test_it_stops_after_so_many_evaluations_that_were_no_better(rehearse):
    made = rehearse(epochs=9, patience=2)
    best = made.run([0.5, 0.7, 0.6, 0.8, 0.8, 0.1, 1.0])
    assert (best.score, best.step) == (0.8, 12)
    assert made.loop.standing.step == 18
    assert [step for step, _, _ in made.steps] == list(range(1, 19))
    np.testing.assert_array_equal(made.model.head.classifier.kernel, made.weights[3])


def test_it_evaluates_after_so_many_steps_too(rehearse):
    made = rehearse(epochs=2, every=2)
    best = made.run([0.1, 0.2, 0.9, 0.3])
    scored = [record for record in made.journal.records if "split" in record]
    assert [record["step"] for record in scored] == [2, 3, 4, 6]
    assert [record["epoch"] for record in scored] == [0.6667, 1.0, 1.3333, 2.0]
    assert best.step == 4


class Recorded(Checkpoints):
    """Notes of every save whether it was made."""

    def __init__(self, folder, steps: int = 0) -> None:
        super().__init__(folder, steps)
        self.made: dict[int, bool] = {}

    def save(self, step, arrays, facts):
        self.made[step] = super().save(step, arrays, facts)
        return self.made[step]


def test_evaluating_does_not_save(rehearse, tmp_path):
    kept = Recorded(tmp_path / "checkpoints")
    rehearse(epochs=2, every=1, checkpoints=kept).run([0.5] * 6)
    kept.close()
    assert kept.made == {3: True, 6: True}


def test_what_is_due_while_a_save_goes_on_is_saved_after_it(rehearse, tmp_path, monkeypatch):
    free = threading.Event()

    def held_up(folder) -> None:
        free.wait()
        seal(folder)

    class Waiting(list):
        def append(self, told):
            super().append(told)
            if told[0] == 7:
                free.set()
                for thread in threading.enumerate():
                    if thread.name == SAVING:
                        thread.join()

    monkeypatch.setattr("zoo.train.checkpoints.seal", held_up)
    kept = Recorded(tmp_path / "checkpoints")
    made = rehearse(epochs=4, checkpoints=kept)
    made.steps = Waiting()
    made.run()
    kept.close()
    assert kept.made[3]
    assert not kept.made[6]  # the end of the second epoch
    assert kept.made[8]  # the first step that found the save of the third at its end
    assert 4 not in kept.made
    assert 5 not in kept.made


class CutError(Exception):
    pass


class Stops(keras.callbacks.Callback):
    """Asks to stop when the loss of a step is known, and changes its mind after the next; or ends with an error."""

    def __init__(self, step: int, cut: int = 0) -> None:
        super().__init__()
        self.seen, self.step, self.cut = 0, step, cut

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        self.model.stop_training = self.seen == self.step
        if self.seen == self.cut:
            raise CutError

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]


# An epoch has three steps.
@pytest.mark.parametrize(
    ("asked", "last", "how"),
    [
        (1, 2, {}),  # its loss is read at once
        (4, 5, {}),
        (3, 3, {}),
        (4, 4, {"every": 4}),
    ],
)
def test_a_stop_takes_effect_after_the_next_step_or_where_it_is_evaluated(rehearse, asked, last, how):
    made = rehearse(callbacks=[Stops(asked)], **how)
    made.run([0.5] * 9)
    assert made.loop.standing.step == last


class Patient(Checkpoints):
    """Waits for the save before, so that none is passed over."""

    def save(self, step, arrays, facts):
        self.wait()
        return super().save(step, arrays, facts)


@pytest.mark.parametrize("saved", [3, 4])  # the step that asks is the first after a resumption, or is saved itself
def test_a_stop_takes_effect_where_it_would_have_in_a_run_that_is_resumed(rehearse, tmp_path, saved):
    whole, folder = rehearse(callbacks=[Stops(4)]), tmp_path / "checkpoints"
    whole.run()
    steps = saved if saved == 4 else 0
    before = Patient(folder, steps)
    with pytest.raises(CutError):
        rehearse(callbacks=[Stops(4, cut=saved + 1)], checkpoints=before).run()
    before.close()
    assert saved_steps(folder)[0] == saved
    resumed = rehearse(callbacks=[Stops(4)], checkpoints=Patient(folder, steps))
    resumed.run()
    assert resumed.loop.standing.step == whole.loop.standing.step == 5
    for one, other in zip(whole.model.weights, resumed.model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


class Held(list):
    """What the device holds when a step's loss is known."""

    def append(self, told):
        super().append(sum(x.nbytes for x in jax.live_arrays()))


@pytest.mark.parametrize("callbacks", [(), (keras.callbacks.Callback(),)])
def test_evaluations_leave_no_copy_of_the_weights_behind(rehearse, callbacks):
    made = rehearse(callbacks=callbacks)
    weights = sum(v.value.nbytes for v in made.model.weights)
    gc.collect()
    made.steps = Held()
    made.run([0.5, 0.9, 0.1])  # the second is the best, whose weights are kept on the host
    before, after = made.steps[1:3], made.steps[4:]
    assert max(after) - max(before) < weights / 2


def test_nothing_is_being_saved_once_a_run_is_over(tmp_path):
    state = {"state": [jax.numpy.ones((512, 512)) for _ in range(8)]}
    with Checkpoints(tmp_path / "checkpoints") as kept:
        kept.save(1, state, {})
    assert not kept.busy
    assert saved_steps(tmp_path / "checkpoints") == [1]
