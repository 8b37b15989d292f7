"""zoo.train.reproduce: a run made again, what differs, and whether the result matches."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import zoo
from zoo.errors import ZooError
from zoo.train.run import Run
from zoo.train.run_lock import read_lock


@pytest.fixture
def copied(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished run, to be changed; the working directory is empty."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(run.path, tmp_path / "first"))


def test_a_run_is_reproduced_bit_for_bit(copied):
    found = zoo.reproduce(copied)
    assert found.matches
    assert found.identical
    assert found.changed == []
    assert found.metrics == {name: (value, value) for name, value in Run(copied).metrics.items()}
    assert found.run.path == Path("runs/first-again")
    assert found.run.recipe.train == Run(copied).recipe.train
    then, now = read_lock(copied), read_lock(found.run.path)
    assert then == now


def test_another_result_is_told(copied):
    file = copied / "model" / "model.safetensors"
    tensors = load_file(file)
    tensors["classifier.bias"] = np.nextafter(tensors["classifier.bias"], np.float32(9))
    save_file(tensors, file)
    lock = read_lock(copied)
    lock["versions"]["keras"] = "3.0.0"
    (copied / "run.lock").write_text(json.dumps(lock))
    found = zoo.reproduce(copied, output="again")
    assert not found.matches
    assert not found.identical
    assert len(found.changed) == 1
    assert found.changed[0].startswith('versions.keras: "3.0.0" -> ')
    assert json.loads(json.dumps(found.written()))["run"] == "again"


def test_what_it_was_made_from_must_be_there(copied, csv):
    before = csv.read_bytes()
    try:
        csv.write_bytes(before.replace(b"film", b"movie"))
        with pytest.raises(ZooError, match="cannot be reproduced: what it was made from has changed") as caught:
            zoo.reproduce(copied)
    finally:
        csv.write_bytes(before)
    assert any(line.startswith("data.train.sha256: ") for line in caught.value.why)
    assert not Path("runs").exists()


def test_a_run_that_has_not_finished(copied):
    file = copied / "metrics.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ZooError, match="has not finished"):
        zoo.reproduce(copied)
