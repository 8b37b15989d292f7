"""Processes that read pictures for a run: what they leave when it needs them no more."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from tests.data.pictures import picture
from zoo.data.augment import Augmentation
from zoo.data.preprocessing import ImagePreprocessor, ImageSettings
from zoo.train.image_batches import ImageBatches
from zoo.train.order import Order

SHARED = Path("/dev/shm")


def shared():
    return {path.name for path in SHARED.iterdir()}


@pytest.mark.skipif(not SHARED.is_dir(), reason="where shared memory has files")
def test_a_stream_that_is_closed_leaves_no_process_and_no_shared_memory(tmp_path):
    paths = [str(tmp_path / f"{n}.png") for n in range(8)]
    for n, path in enumerate(paths):
        picture(96, 96, n).save(path)
    made = ImageBatches(
        order=Order(8, 4, 50, seed=0),
        images=paths,
        targets=np.zeros(8, np.int32),
        preprocess=ImagePreprocessor(ImageSettings((64, 64), (64, 64))),
        augment=Augmentation(1.0),
        workers=2,
    )
    before, stream = shared(), made.stream()
    assert next(stream)[0]["pixels"].shape == (4, 64, 64, 3)
    assert multiprocessing.active_children()
    stream.close()
    assert not multiprocessing.active_children()
    assert shared() <= before
