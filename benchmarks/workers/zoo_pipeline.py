"""One epoch of zoo's batches of pictures. Job: `folder`, `batch`, `size`, `seed`."""

import time
from pathlib import Path

import numpy as np
from job import JOB, answer

from zoo.data.augment import Augmentation
from zoo.data.preprocessing import ImagePreprocessor, ImageSettings
from zoo.train.image_batches import ImageBatches
from zoo.train.order import Order

images = sorted(map(str, Path(JOB["folder"]).glob("*.jpg")))
size = (JOB["size"], JOB["size"])
batches = ImageBatches(
    order=Order(len(images), JOB["batch"], 2, JOB["seed"]),
    images=images,
    targets=np.zeros(len(images), np.int32),
    preprocess=ImagePreprocessor(ImageSettings(size, size, resample=2)),
    augment=Augmentation(crop=0.08, flip=0.5),
)
per_epoch, started = batches.per_epoch, 0.0
for k, _ in enumerate(batches.stream(), 1):
    if k == per_epoch:  # the first epoch warms up
        started = time.perf_counter()
answer(epoch_s=time.perf_counter() - started)
