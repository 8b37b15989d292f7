"""zoo.weights.writer"""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open

from zoo.errors import ZooError
from zoo.weights.shards import Outgoing
from zoo.weights.writer import write_checkpoint

CONFIG = {"model_type": "toy", "id2label": {"0": "schlecht", "1": "gut ä"}}
TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(2.5, np.float32)}
EXTRAS = {"tokenizer.json": b"{}\r\n", "1_Pooling/config.json": b"{}"}


def outgoing(tensors: dict[str, np.ndarray]) -> dict[str, Outgoing]:
    return {name: Outgoing(array.dtype, array.shape, lambda array=array: array) for name, array in tensors.items()}


def write(folder, tensors=TENSORS, extras=EXTRAS):
    write_checkpoint(folder, CONFIG, outgoing(tensors), extras)


def listed(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("there", [False, True])
def test_a_whole_checkpoint_is_written_where_nothing_was(tmp_path, there):
    folder = tmp_path / "deep" / "model"
    if there:
        folder.mkdir(parents=True)
    write(folder)
    assert listed(tmp_path / "deep") == [
        "model",
        "model/1_Pooling",
        "model/1_Pooling/config.json",
        "model/config.json",
        "model/model.safetensors",
        "model/tokenizer.json",
    ]
    assert json.loads((folder / "config.json").read_text(encoding="utf-8")) == CONFIG
    assert (folder / "tokenizer.json").read_bytes() == EXTRAS["tokenizer.json"]
    assert folder.stat().st_mode & 0o777 == 0o755


def test_the_reference_knows_the_file_by_its_metadata(tmp_path):
    write(tmp_path / "model")
    with safe_open(tmp_path / "model" / "model.safetensors", framework="numpy") as file:
        assert file.metadata() == {"format": "pt"}


@pytest.mark.parametrize("there", ["file", "full"])
def test_what_is_there_is_never_overwritten(tmp_path, there):
    folder = tmp_path / "model"
    if there == "file":
        folder.write_text("mine")
    else:
        folder.mkdir()
        (folder / "mine").touch()
    before = listed(tmp_path)
    with pytest.raises(ZooError, match="is already there"):
        write(folder)
    assert listed(tmp_path) == before


def test_a_failure_leaves_nothing_behind(tmp_path):
    with pytest.raises(ZooError, match="could not be written"):
        write(tmp_path / "model", extras={"x" * 300: b""})
    assert listed(tmp_path) == []


def test_what_could_not_be_read_again_is_refused_all_at_once(tmp_path):
    tensors = {"": np.ones(1, np.float32), "../a": np.ones(1, np.float32), "ids": np.arange(3, dtype=np.int32)}
    with pytest.raises(ZooError, match="cannot be written") as caught:
        write(tmp_path / "model", tensors, {"../up": b"", "/root": b"", "config.json": b"", "ok.txt": b""})
    assert len(caught.value.why) == 6
    assert listed(tmp_path) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
def test_weights_that_diverged_are_not_written(tmp_path, value, dtype):
    with pytest.raises(ZooError, match="'b' holds NaN or infinity"):
        write(tmp_path / "model", {"a": np.ones(3, dtype), "b": np.array([1, value], dtype)})
    assert listed(tmp_path) == []


def test_an_interruption_leaves_nothing_behind(tmp_path):
    class Interrupting(dict):
        def items(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "model", extras=Interrupting())
    assert listed(tmp_path) == []


def test_a_parent_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "parent").write_text("mine")
    with pytest.raises(ZooError, match="could not be written"):
        write(tmp_path / "parent" / "model")
    assert (tmp_path / "parent").read_text() == "mine"
