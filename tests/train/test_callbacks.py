"""zoo.train.callbacks: Keras callbacks and one's own, in order, in zoo's loop."""

from __future__ import annotations

import csv as csv_module
import hashlib
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

import zoo
from zoo.errors import ZooError
from zoo.train.checkpoints import SAVING
from zoo.train.finetune import finetune
from zoo.train.listener import Silent
from zoo.train.recipe import Recipe
from zoo.train.run_lock import read_lock


class Recorder(keras.callbacks.Callback):
    """Writes down every hook that is called, with its number and the names in its logs."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple] = []


def _hook(name: str):
    def hook(self, *args):
        logs = args[-1] if args and isinstance(args[-1], dict) else {}
        self.heard.append((name, *(arg for arg in args if isinstance(arg, int)), sorted(logs)))

    return hook


for _name in (
    *("on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end"),
    *("on_train_batch_begin", "on_train_batch_end", "on_test_begin", "on_test_end"),
):
    setattr(Recorder, _name, _hook(_name))


@pytest.fixture
def short(recipe: Recipe, output) -> Recipe:
    """Two epochs of three steps."""
    return recipe.replace("output", dir=output.dir).replace("train", epochs=2, batch_size=24, learning_rate=1e-3)


def test_hooks_come_in_the_order_of_keras(short):
    recorder = Recorder()
    finetune(short, callbacks=[recorder])
    scores = ["val_accuracy", "val_loss", "val_macro_f1"]
    expected = [("on_train_begin", [])]
    for epoch in range(2):
        expected.append(("on_epoch_begin", epoch, []))
        for place in range(3):
            expected += [("on_train_batch_begin", place, []), ("on_train_batch_end", place, ["loss"])]
        expected += [("on_test_begin", []), ("on_test_end", [name[4:] for name in scores])]
        expected.append(("on_epoch_end", epoch, ["loss", *scores]))
    assert recorder.heard == [*expected, ("on_train_end", [])]


def test_keras_own_callbacks_work(short, tmp_path):
    kept, log = tmp_path / "best.weights.h5", tmp_path / "log.csv"
    callbacks = [
        keras.callbacks.ModelCheckpoint(
            kept, "val_accuracy", mode="max", save_best_only=True, save_weights_only=True
        ),
        keras.callbacks.CSVLogger(log),
        keras.callbacks.TerminateOnNaN(),
        history := keras.callbacks.History(),
    ]
    run = finetune(short.replace("train", epochs=4), callbacks=callbacks)
    assert kept.is_file()
    with log.open() as file:
        rows = list(csv_module.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]
    recorded = [r["accuracy"] for r in run.history if r.get("split") == "validation" and "final" not in r]
    assert [float(row["val_accuracy"]) for row in rows] == pytest.approx(recorded)
    assert history.history["val_accuracy"] == pytest.approx(recorded)
    model = run.model()
    model.load_weights(kept)  # the weights of the best epoch, which the run kept, too
    np.testing.assert_array_equal(model.head.classifier.kernel, run.model().head.classifier.kernel)


def test_early_stopping_of_keras_stops(short):
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=1, min_delta=100.0)
    run = finetune(short.replace("train", epochs=5), callbacks=[stop])
    assert [r["step"] for r in run.history if r.get("split") == "validation"][:-1] == [3, 6]


def test_who_stopped_a_run_early_is_told(short):
    class Stops(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    class Hearing(Silent):
        def fact(self, name, value):
            told.append((name, value))

    told: list[tuple[str, str]] = []
    finetune(short.replace("train", early_stopping=5), callbacks=[Stops()], listener=Hearing())
    assert ("stopped", "early, at step 3: a callback asked for it") in told


def test_callbacks_change_nothing_and_may_read_the_weights_at_any_time(short):
    class Reader(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[np.ndarray] = []

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append(np.array(self.model.head.classifier.kernel))

    class Waiting(Reader):
        reads_weights = True

    plain = finetune(short)
    runs = [plain]
    for kind, different in ((Reader, 2), (Waiting, 6)):
        reader = kind()
        runs.append(
            finetune(short.replace("output", dir=f"{short.output.dir}-{kind.__name__}"), callbacks=[reader])
        )
        assert len(reader.seen) == 6
        assert len({seen.tobytes() for seen in reader.seen}) == different
    weights = [load_file(run.path / "model" / "model.safetensors") for run in runs]
    for other in weights[1:]:
        for name, value in weights[0].items():
            np.testing.assert_array_equal(value, other[name], err_msg=name)


class Counter(keras.callbacks.Callback):
    """Counts steps; it resumes with the run."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]


class CutError(Exception):
    pass


class Cutting(Silent):
    def stage(self, what):
        if what == "evaluating":
            raise CutError


def test_a_callback_with_a_state_resumes(short):
    with pytest.raises(CutError):
        finetune(short, callbacks=[Counter()], listener=Cutting())
    with pytest.raises(ZooError, match="begun with callbacks that are not there: 0: Counter"):
        zoo.finetune(resume=short.output.dir)
    counter = Counter()
    zoo.finetune(resume=short.output.dir, callbacks=[counter])
    assert counter.steps == 6


def test_what_is_no_callback_and_a_state_that_cannot_be_saved(short):
    class Odd(Counter):
        def state_dict(self):
            return {"steps": object()}

    rates = keras.callbacks.ReduceLROnPlateau(), keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    with pytest.raises(ZooError, match="These callbacks cannot be called") as caught:
        finetune(short, callbacks=["early", *rates])
    assert caught.value.why == [
        "'early' is no keras.callbacks.Callback",
        "ReduceLROnPlateau sets the learning rate, which follows train.schedule",
        "LearningRateScheduler sets the learning rate, which follows train.schedule",
    ]
    assert not Path(short.output.dir).exists()
    with pytest.raises(ZooError, match="The state of callback Odd cannot be saved"):
        finetune(short, callbacks=[Odd()])


OWN = """
import keras

class Stops(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch == 1

class Asks(keras.callbacks.Callback):
    def __init__(self, much):
        super().__init__()
"""


def test_a_callback_whose_file_changed_stops_a_resumption(short, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(OWN)
    with pytest.raises(CutError):
        finetune(short.replace("train", callbacks=(f"{file}:Stops",)), listener=Cutting())
    for thread in threading.enumerate():
        if thread.name == SAVING:
            thread.join()
    then = read_lock(Path(short.output.dir))["callbacks"]
    assert then == {f"{file}:Stops": hashlib.sha256(file.read_bytes()).hexdigest()}
    file.write_text(OWN + "# another\n")
    with pytest.raises(ZooError, match="cannot be resumed: what it was made from has changed") as caught:
        zoo.finetune(resume=short.output.dir)
    assert [line.split(": ")[0] for line in caught.value.why] == [f"callbacks.{file}:Stops"]
    file.write_text(OWN)
    run = zoo.finetune(resume=short.output.dir)
    with file.open("a") as more:
        more.write("# another\n")
    with pytest.raises(ZooError, match="cannot be reproduced"):
        zoo.reproduce(run, output=tmp_path / "again")


def test_a_recipe_names_callbacks(short, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(OWN)
    run = finetune(short.replace("train", callbacks=(f"{file}:Stops",), evaluate_steps=1))
    assert run.history[-1]["step"] <= 2
    assert run.recipe.train.callbacks == (f"{file}:Stops",)
    again = short.replace("output", dir=f"{short.output.dir}-2")
    with pytest.raises(ZooError, match=r"train.callbacks: '.*own.py:Stop': .* has no 'Stop'. Did you mean 'Stops'"):
        finetune(again.replace("train", callbacks=(f"{file}:Stop",)))
    with pytest.raises(ZooError, match="Asks' cannot be made"):
        finetune(again.replace("train", callbacks=(f"{file}:Asks",)))
    assert not (tmp_path / "runs" / "fresh-2").exists()
