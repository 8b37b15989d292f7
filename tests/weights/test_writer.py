"""zoo.weights.writer"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra import numpy as arrays
from safetensors import safe_open

from zoo.errors import ZooError
from zoo.weights.layout import Layout, Rule, transpose
from zoo.weights.reader import Checkpoint
from zoo.weights.writer import tensors_of, write_checkpoint

CONFIG = {"model_type": "toy", "id2label": {"0": "schlecht", "1": "gut ä"}}
TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(2.5, np.float32)}
EXTRAS = {"tokenizer.json": b"{}\r\n", "1_Pooling/config.json": b"{}"}


def write(folder, tensors=TENSORS, extras=EXTRAS):
    write_checkpoint(folder, CONFIG, tensors, extras)


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(array=arrays.arrays(np.float32, arrays.array_shapes(min_dims=0, max_dims=3, max_side=4)))
def test_every_number_is_read_back(tmp_path_factory, array):
    folder = tmp_path_factory.mktemp("round") / "model"
    write(folder, {"a": array})
    found = Checkpoint([folder / "model.safetensors"], "the toy").read("a")
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()


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


@pytest.mark.parametrize(
    ("extras", "tensors"),
    [
        ({"config.json/inside": b""}, TENSORS),
        ({"x" * 300: b""}, TENSORS),
        ({"model.safetensors/x": b""}, TENSORS),
    ],
)
def test_a_failure_leaves_nothing_behind(tmp_path, extras, tensors):
    with pytest.raises(ZooError, match="could not be written"):
        write(tmp_path / "model", tensors, extras)
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


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    code = (
        "import resource, sys, signal, pathlib, numpy as np\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from zoo.errors import ZooError\n"
        "from zoo.weights.writer import write_checkpoint\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    write_checkpoint(pathlib.Path(sys.argv[1]), {}, {'a': np.ones(10_000, np.float32)}, {})\n"
        "except ZooError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "could not be written" in done.stdout
    assert listed(tmp_path) == []


@pytest.mark.parametrize("moment", [0.0, 0.003, 0.01, 0.03])
def test_a_kill_at_any_moment_leaves_a_whole_model_or_none(tmp_path, moment):
    folder = tmp_path / "model"
    code = (
        "import sys, pathlib, numpy as np, safetensors.numpy\n"
        "from zoo.weights.writer import write_checkpoint\n"
        "tensors = {str(i): np.ones(250_000, np.float32) for i in range(20)}\n"
        "print('ready', flush=True)\n"
        "write_checkpoint(pathlib.Path(sys.argv[1]), {}, tensors, {'vocab.txt': b'a'})\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(moment)
        os.kill(process.pid, signal.SIGKILL)
    if folder.exists():
        assert listed(folder) == ["config.json", "model.safetensors", "vocab.txt"]
        assert len(Checkpoint([folder / "model.safetensors"], "the toy").tensors) == 20


def test_a_models_weights_get_the_names_and_shapes_of_the_layout():
    import keras

    class Net(keras.Model):
        def build(self, shape=None):
            self.dense = keras.layers.Dense(2, name="dense")
            self.dense.build((None, 3))
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

    net = Net(name="model")
    net.build()
    rules = (
        Rule("net.dense.weight", "dense/kernel", transpose),
        Rule("net.dense.bias", "dense/bias", aliases=("net.dense.b",)),
        Rule("net.scale", "scale"),
    )
    tensors = tensors_of(net, Layout(rules, prefix="net."))
    assert {name: array.shape for name, array in tensors.items()} == {
        "net.dense.weight": (2, 3),
        "net.dense.bias": (2,),
        "net.scale": (),
    }
    assert all(array.flags.c_contiguous for array in tensors.values())
    with pytest.raises(ZooError, match="no rule for scale"):
        tensors_of(net, Layout(rules[:2]))
