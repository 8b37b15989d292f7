"""Processes that read pictures for a run: what they leave when it needs them no more."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.data.pictures import picture
from zoo.data.augment import Augmentation
from zoo.data.preprocessing import ImagePreprocessor, ImageSettings
from zoo.train.image_batches import ImageBatches
from zoo.train.order import Order

SHARED = Path("/dev/shm")


def write(folder):
    folder.mkdir()
    paths = [str(folder / f"{n}.png") for n in range(16)]
    for n, path in enumerate(paths):
        picture(96, 96, n).save(path)
    return paths


def batches(paths, epochs=50):
    return ImageBatches(
        order=Order(len(paths), 4, epochs, seed=0),
        images=paths,
        targets=np.zeros(len(paths), np.int32),
        preprocess=ImagePreprocessor(ImageSettings((64, 64), (64, 64))),
        augment=Augmentation(1.0),
        workers=2,
    )


def shared():
    return {path.name for path in SHARED.iterdir()} if SHARED.is_dir() else set()


def test_a_stream_that_is_closed_leaves_no_process_and_no_shared_memory(tmp_path):
    before, stream = shared(), batches(write(tmp_path / "photos")).stream()
    assert next(stream)[0]["pixels"].shape == (4, 64, 64, 3)
    assert multiprocessing.active_children()
    assert {name for name in shared() - before if name.startswith("psm_")} == set()
    stream.close()
    assert not multiprocessing.active_children()


RUN = """
import multiprocessing, sys
from pathlib import Path
from tests.train.test_image_workers import batches

if __name__ == "__main__":
    stream = batches(sorted(map(str, Path(sys.argv[1]).iterdir()))).stream()
    next(stream)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    sys.stdin.read()
"""


def test_processes_end_when_their_run_is_killed(tmp_path):
    write(tmp_path / "photos")
    (tmp_path / "run.py").write_text(RUN)
    command = [sys.executable, tmp_path / "run.py", tmp_path / "photos"]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": root}
    ) as run:
        assert run.stdout is not None
        children = [int(pid) for pid in run.stdout.readline().split()]
        run.kill()
    assert len(children) == 2
    until = time.monotonic() + 20
    while any(map(is_alive, children)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(is_alive, children))


def is_alive(pid):
    """Whether a process runs; one that has ended may wait for long until somebody asks how."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.is_file() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
