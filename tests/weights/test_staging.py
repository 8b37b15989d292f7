"""zoo.weights.staging: a directory appears whole or not at all, whatever happens to who writes it"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.weights.reader import Checkpoint
from zoo.weights.staging import staged

_SAVE = """
import pathlib, sys
import numpy as np
from zoo.errors import ZooError
from zoo.weights.shards import Outgoing
from zoo.weights.writer import write_checkpoint

def numbers(i):
    return lambda: np.full(100_000, i, np.float32)

tensors = {str(i): Outgoing(np.dtype("float32"), (100_000,), numbers(i)) for i in range(20)}
print("ready", flush=True)
try:
    write_checkpoint(pathlib.Path(sys.argv[1]), {}, tensors, {"vocab.txt": b"a"}, max_shard_size="1MB")
except ZooError as error:
    print(error.what)
"""


def test_every_file_and_folder_is_on_the_disk_before_it_appears(tmp_path, monkeypatch):
    synced: list[int] = []
    sync, replace = os.fsync, os.replace

    def noted(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    def checked(source: Path, target: Path) -> None:
        missing.extend(path for path in (source, *source.rglob("*")) if path.stat().st_ino not in synced)
        replace(source, target)

    missing: list[Path] = []
    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "replace", checked)
    with staged(tmp_path / "model") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("x")

    assert (tmp_path / "model" / "inner" / "file").read_text() == "x"
    assert not missing
    assert synced[-1] == tmp_path.stat().st_ino  # the new name, last of all


def listed(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def is_whole(folder: Path) -> bool:
    files = sorted(folder.glob("*.safetensors"))
    found = Checkpoint(files, "the toy")
    numbers_are_right = all((found.read(str(i)) == i).all() for i in range(20))
    return len(listed(folder)) == 13 and len(files) == 10 and numbers_are_right


def save(folder: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", _SAVE, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def _kill_at_random_moments(home: Path, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    for number in range(kills):
        folder = home / str(number) / "model"
        with save(folder) as process:
            time.sleep(0.08 * rng.random())
            process.send_signal(signal.SIGKILL)
        assert not folder.exists() or is_whole(folder), f"seed {seed}, kill {number}"
        there = folder.exists()
        with save(folder) as process:
            assert process.stdout.read() == (f"{folder} is already there.\n" if there else "")
        assert is_whole(folder), f"seed {seed}, kill {number}"
        assert there or [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_killed_save_leaves_a_whole_model_or_none(tmp_path):
    _kill_at_random_moments(tmp_path, 4, seed=random.randrange(10**6))


@pytest.mark.slow
def test_fifty_killed_saves_leave_a_whole_model_or_none(tmp_path):
    _kill_at_random_moments(tmp_path, 50, seed=random.randrange(10**6))


def test_of_two_who_save_at_once_one_wins_and_the_other_is_told(tmp_path):
    folder = tmp_path / "model"
    with ThreadPoolExecutor(4) as pool:
        said = [done.result() for done in [pool.submit(lambda: save(folder).communicate()[0]) for _ in range(4)]]
    assert sorted(said) == ["", *[f"{folder} is already there.\n"] * 3]
    assert is_whole(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_a_dead_writer_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    (tmp_path / ".model-writing-dead").mkdir()
    (tmp_path / ".model-writing-dead" / "half").touch()
    (tmp_path / ".models-writing-other").mkdir()
    with staged(tmp_path / "model") as living:
        assert not (tmp_path / ".model-writing-dead").exists()
        (living / "a").touch()
        with pytest.raises(ZeroDivisionError), staged(tmp_path / "model") as other:
            (other / "b").write_text(str(1 / 0))
        assert listed(living) == ["a"]
    assert listed(tmp_path) == [".models-writing-other", "model", "model/a"]


def test_a_parent_without_the_right_to_write_is_an_error(tmp_path):
    with pytest.raises(ZooError, match="could not be written"), staged(Path("/proc/model")):
        pass


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    code = (
        "import resource, sys, signal, pathlib, numpy as np\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from zoo.errors import ZooError\n"
        "from zoo.weights.shards import Outgoing\n"
        "from zoo.weights.writer import write_checkpoint\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    tensor = Outgoing(np.dtype('float32'), (10_000,), lambda: np.ones(10_000, np.float32))\n"
        "    write_checkpoint(pathlib.Path(sys.argv[1]), {}, {'a': tensor}, {})\n"
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
