"""Runs that are followed: what the real packages have on disk afterwards, and what happens when one fails."""

from __future__ import annotations

import dataclasses
import itertools
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo.errors import RunError, ZooError
from zoo.registry.code import find_tracker
from zoo.train.finetune import finetune
from zoo.train.listener import Silent
from zoo.train.recipe import Recipe, TrainKeys
from zoo.train.trackers import Trackers, flat

QUICK = TrainKeys(epochs=2, batch_size=16, learning_rate=1e-3, checkpoint_steps=3)


class PowerCutError(Exception):
    pass


class Failing(Silent):
    """Ends the process, as it were, after seven of ten steps."""

    def step(self, step, loss, examples_per_second):
        if step == 7:
            raise PowerCutError


@pytest.fixture(scope="module", params=["at once", "resumed"])
def followed(request, recipe, tmp_path_factory):
    """A run that all three trackers follow, cut off and resumed or not, and the database of MLflow's."""
    folder = tmp_path_factory.mktemp("followed")
    database = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "false")
        patch.chdir(folder)
        track = {
            "tensorboard": True,
            "wandb": {"mode": "offline", "project": "tests"},
            "mlflow": {"tracking_uri": database, "experiment": "tests"},
        }
        job = {"recipe": dataclasses.replace(recipe, train=QUICK, track=track), "output": folder / "run"}
        if request.param == "resumed":
            with pytest.raises(PowerCutError):
                finetune(**job, listener=Failing())
            job = {"resume": folder / "run"}
        run = finetune(**job)
    return run, database


def curve(run, split: str, name: str) -> list[tuple[int, float]]:
    records = [r for r in run.history if r.get("split", "train") == split and not r.get("final")]
    return [(record["step"], pytest.approx(record[name], rel=1e-5)) for record in records if name in record]


def test_tensorboard_reads_the_curves(followed):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run, _ = followed
    events = EventAccumulator(str(run.path / "events"))
    events.Reload()
    for split, name in (("train", "loss"), ("validation", "accuracy")):
        seen = [(event.step, event.value) for event in events.Scalars(f"{split}/{name}")]
        assert seen == curve(run, split, name) != []
    assert events.Scalars("final/accuracy")[0].value == pytest.approx(run.metrics["accuracy"])
    (recipe,) = events.Tensors("recipe")
    assert '"train.epochs": 2' in recipe.tensor_proto.string_val[0].decode()


def test_mlflow_has_curves_parameters_and_the_report(followed):
    from mlflow import MlflowClient

    run, database = followed
    client = MlflowClient(tracking_uri=database)
    (kept,) = client.search_runs([client.get_experiment_by_name("tests").experiment_id])
    assert kept.info.status == "FINISHED"
    assert kept.data.params["train.epochs"] == "2"
    history = client.get_metric_history(kept.info.run_id, "validation/accuracy")
    assert [(one.step, one.value) for one in history] == curve(run, "validation", "accuracy")
    assert kept.data.metrics["final/accuracy"] == pytest.approx(run.metrics["accuracy"])
    assert [file.path for file in client.list_artifacts(kept.info.run_id)] == ["report.html"]


def wandb_records(file: Path) -> Iterator[bytes]:
    """The records of a W&B file: LevelDB's log format, behind 7 bytes of W&B's own."""
    content, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:  # what is left of a block is too short for a header
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + 7])
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield whole
            whole = b""


def test_wandb_has_the_run_on_disk(followed):
    from wandb.proto import wandb_internal_pb2

    run, _ = followed
    *before, file = sorted((run.path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert all(other.name == file.name for other in before)  # one run, in as many parts
    rows, config, summary = [], {}, {}
    for data in itertools.chain.from_iterable(map(wandb_records, [*before, file])):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.HasField("history"):
            rows.append(
                {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            )
        if record.HasField("run"):
            config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        if record.HasField("summary"):
            summary |= {item.key or item.nested_key[0]: item.value_json for item in record.summary.update}
    seen = {row["_step"]: row["validation/accuracy"] for row in rows if "validation/accuracy" in row}
    assert list(seen.items()) == curve(run, "validation", "accuracy")
    assert config["train.epochs"] == 2
    assert json.loads(summary["accuracy"]) == pytest.approx(run.metrics["accuracy"])
    assert list(file.parent.glob("files/report.html"))


def test_who_follows_a_run_does_not_decide_its_result(followed):
    run, _ = followed
    assert "track" not in json.loads((run.path / "run.lock").read_text())["recipe"]
    assert run.recipe.track["wandb"] == {"mode": "offline", "project": "tests"}


# Faults


class Session:
    """A session that fails when it is told to."""

    def __init__(self, fails: str = "") -> None:
        self.fails, self.heard = fails, []

    def log(self, step, values):
        self.heard.append((step, values))
        if self.fails == "log":
            raise ConnectionError("no network")

    def finish(self, summary, files, failed):
        self.heard.append((summary, failed))


@pytest.fixture
def trackers(monkeypatch, tmp_path):
    """`trackers(tensorboard=session)` follows a run with sessions of the test's own."""

    def make(**sessions) -> tuple[Trackers, list[str]]:
        def find(name):
            start = sessions[name] if callable(sessions[name]) else lambda run: sessions[name]
            return dataclasses.replace(find_tracker(name), start=start)

        monkeypatch.setattr("zoo.train.trackers.find_tracker", find)
        warnings: list[str] = []
        return Trackers(Recipe(track=dict.fromkeys(sessions, True)), tmp_path, warnings.append), warnings

    return make


def test_one_that_fails_is_left_behind(trackers):
    bad, good = Session(fails="log"), Session()
    made, warnings = trackers(tensorboard=bad, mlflow=good)
    for step in (1, 2):
        made.record({"step": step, "epoch": 0.1, "loss": 0.5})
    made.record({"step": 2, "split": "test", "final": True, "accuracy": 1.0})
    made.finish({"accuracy": 1.0})
    assert len(bad.heard) == 1
    assert good.heard == [(1, {"train/loss": 0.5}), (2, {"train/loss": 0.5}), ({"accuracy": 1.0}, False)]
    assert warnings == ["the tracker 'tensorboard' failed, and the run goes on without it: no network"]


def test_a_run_that_fails_is_told_as_failed(trackers):
    session = Session()
    made, _ = trackers(mlflow=session)
    with pytest.raises(KeyboardInterrupt), made:
        raise KeyboardInterrupt
    assert session.heard == [({}, True)]


def test_one_that_does_not_start_stops_the_run_and_ends_the_others(trackers):
    def broken(run):
        raise PermissionError("not logged in")

    session = Session()
    with pytest.raises(RunError, match="'wandb' could not be started") as caught:
        trackers(mlflow=session, wandb=broken)
    assert "not logged in" in str(caught.value)
    assert "--set track.wandb=false" in caught.value.fix
    assert session.heard == [({}, True)]


def test_what_is_wrong_with_a_table_of_trackers_is_told_at_once(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.train.trackers.find_spec", lambda name: None if name == "mlflow" else object())
    track = {
        "tensorbord": True,
        "wandb": {"projekt": "x", "mode": 3},
        "mlflow": True,
        "tensorboard": "yes",
    }
    with pytest.raises(ZooError) as caught:
        finetune(dataclasses.replace(recipe, track=track), output=tmp_path / "run")
    assert caught.value.why == [
        "track.tensorbord: there is no tracker 'tensorbord'. Did you mean 'tensorboard'?",
        "track.wandb.projekt is not an option of it. Did you mean 'project'?",
        "track.wandb.mode = 3: a string is needed",
        "track.mlflow: the package 'mlflow' is not installed: pip install mlflow",
        "track.tensorboard = 'yes': true, false, or a table of options is needed",
    ]
    assert not (tmp_path / "run").exists()


def test_no_tracker_imports_its_package_before_a_run():
    import subprocess
    import sys

    code = (
        "import sys; from zoo.registry.code import find_tracker, tracker_names; "
        "[find_tracker(n) for n in tracker_names()]; "
        "print([m for m in ('wandb', 'mlflow', 'tensorboard', 'jax', 'keras') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_recipe_by_dotted_names():
    recipe = Recipe.of(model={"preset": "minilm_l6"}, data={"train": "x.csv"}, track={"wandb": True})
    named = flat(recipe)
    assert named["data.augment.flip"] == 0.5
    assert named["model.preset"] == "minilm_l6"
    assert not [name for name in named if name.startswith("track")]


def test_a_path_of_events(tmp_path):
    from zoo.registry.records import Tracked

    start = find_tracker("tensorboard").start
    session = start(Tracked("run", tmp_path, {}, {"dir": str(tmp_path / "elsewhere")}))
    session.finish({}, [], False)
    assert list(Path(tmp_path, "elsewhere").iterdir())
