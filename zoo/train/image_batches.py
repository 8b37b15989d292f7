"""The batches of a run on pictures: decoded and changed in parallel by grain, mixed and normalised on the device.

Batch k depends on the pictures, the seed and k alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import grain
import numpy as np
from absl import flags

from zoo.data.augment import Augmentation
from zoo.data.image_examples import first_of
from zoo.data.images import read_image
from zoo.data.preprocessing import ImagePreprocessor
from zoo.errors import RunError, ZooError, counted
from zoo.train.order import Order
from zoo.train.orphans import end_with_parent

# Shared memory is small in containers, and what a process that is killed has of it stays.
_BY_PIPE = grain.experimental.DatasetOptions(min_shm_size=sys.maxsize)

Batch = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]
_AHEAD = 4  # batches that are read before their turn
_FIX = 'Repair or remove what is damaged; data.faulty = "skip" leaves such pictures out, and counts them.'


class DamagedError(ZooError):
    """A picture turned out to be damaged when it was decoded."""


@dataclass(frozen=True)
class ImageBatches:
    """Every batch of a run, by its number.

    Args:
        order: which pictures each step sees.
        images: the pictures, as paths or bytes.
        targets: `(pictures,)` int32, their classes, or `(pictures, labels)` float32.
        preprocess: the checkpoint's preprocessing, which says the size.
        augment: how pictures are changed.
        mixup, cutmix: the alphas of both; 0 for none.
        faulty: whether a picture that turns out to be damaged stops the run or is skipped.
        workers: processes that read; 0 reads in threads.
        skipped: the pictures that turned out to be damaged so far.
    """

    order: Order
    images: Sequence[Any]
    targets: np.ndarray
    preprocess: ImagePreprocessor
    augment: Augmentation
    mixup: float = 0.0
    cutmix: float = 0.0
    faulty: str = "refuse"
    workers: int = 0
    skipped: set[int] = field(default_factory=set)

    @property
    def size(self) -> int:
        return self.order.size

    @property
    def per_epoch(self) -> int:
        return self.order.per_epoch

    def __len__(self) -> int:
        return len(self.order)

    @property
    def largest(self) -> int:
        """The number of a batch that no other is larger than: all are of one size."""
        return 0

    @property
    def work(self) -> float:
        """The steps of an epoch."""
        return self.per_epoch

    def members(self, k: int) -> np.ndarray:
        """Which pictures batch k holds."""
        return self.order.members(k)

    def stream(self, start: int = 0) -> Generator[Batch]:
        """The batches in order, from number `start` to the end, read ahead. Closing it ends who reads."""
        steps = grain.MapDataset.range(start * self.size, len(self) * self.size).map(self.picture).batch(self.size)
        reading = grain.ReadOptions(num_threads=2 * (os.cpu_count() or 1), prefetch_buffer_size=_AHEAD)
        batches = steps.to_iter_dataset(reading)
        if self.workers:
            if not flags.FLAGS.is_parsed():  # grain's workers read absl's flags, which only its own programs parse
                flags.FLAGS.mark_as_parsed()
            batches = grain.experimental.WithOptionsIterDataset(batches, _BY_PIPE)
            batches = batches.mp_prefetch(grain.MultiprocessingOptions(num_workers=self.workers), end_with_parent)
        rows = iter(batches)
        try:
            for k, row in enumerate(rows, start):
                yield self._batch(k, row)
        except DamagedError as error:
            found = self._damage(error)
            raise RunError(found.what, why=found.why, fix=found.fix) from error
        finally:
            rows.close()  # or its processes are left to the interpreter's end

    def batch(self, k: int) -> Batch:
        """Batch k: `pixels` `(size, height, width, channels)` uint8 and how they are mixed, their targets, and
        weights `(size,)`, which are 0 where a picture lacks.

        Raises a ZooError that names every damaged picture of the run, where one turns out to be and is refused.
        """
        try:
            rows = [self.picture(k * self.size + slot) for slot in range(self.size)]
        except DamagedError as error:
            raise self._damage(error) from error
        return self._batch(k, {key: np.stack([row[key] for row in rows]) for key in rows[0]})

    def picture(self, slot: int) -> dict[str, Any]:
        """What fills one place of the run: a picture, its number and whether it counts.

        Raises a DamagedError for a picture that cannot be decoded and is refused.
        """
        k, place = divmod(slot, self.size)
        members = self.order.members(k)
        if place >= len(members):
            return {"pixels": self._empty, "n": np.int32(0), "weight": np.float32(0)}
        n = int(members[place])
        rng = np.random.default_rng((self.order.seed, k // self.per_epoch, n))
        try:
            pixels = self.augment.apply(self.images[n], self.preprocess, rng, self.name(n))
        except ZooError as error:
            if self.faulty == "refuse":
                raise DamagedError(error.what, why=error.why, fix=_FIX) from error
            return {"pixels": self._empty, "n": np.int32(n), "weight": np.float32(0)}
        return {"pixels": pixels, "n": np.int32(n), "weight": np.float32(1)}

    def name(self, n: int) -> str:
        """What messages call a picture."""
        raw = self.images[n]
        return f"'{raw}'" if isinstance(raw, str) else f"The picture of training example {n + 1}"

    def _damage(self, first: DamagedError) -> ZooError:
        """The error that names all that are damaged, where one was found: every picture is decoded for it."""

        def look(n: int) -> str:
            try:
                read_image(self.images[n], name=self.name(n))
            except ZooError as error:
                return error.what
            return ""

        with ThreadPoolExecutor() as pool:
            faults = list(filter(None, pool.map(look, range(len(self.images)))))
        if len(faults) < 2:
            return first
        what = f"{counted(len(faults), 'training picture')} cannot be decoded."
        return ZooError(what, why=first_of(faults), fix=_FIX)

    @cached_property
    def _empty(self) -> np.ndarray:
        assert self.preprocess.settings.size is not None
        return np.zeros((*self.preprocess.settings.size, self.preprocess.channels), np.uint8)

    def _batch(self, k: int, row: dict[str, np.ndarray]) -> Batch:
        pixels, counts = row["pixels"], np.flatnonzero(row["weight"])
        members = slice(len(self.order.members(k)))
        self.skipped.update(row["n"][members][row["weight"][members] == 0].tolist())
        if len(counts) < self.size:
            # Statistics are taken over all places: what lacks is filled with pictures, never with black.
            lacking = np.flatnonzero(row["weight"] == 0)
            there = pixels[counts] if len(counts) else self._stand_in(k)
            pixels = pixels.copy()
            pixels[lacking] = there[np.arange(len(lacking)) % len(there)]
        arrays = {"pixels": pixels, **self._mixing(k, counts)}
        return arrays, self.targets[row["n"]], row["weight"]

    def _stand_in(self, k: int) -> np.ndarray:
        """A picture `(1, height, width, channels)` for a batch in which all are damaged: the nearest that is sound.

        Raises a RunError where none of the epoch is, as where their disk is gone.
        """
        first = k // self.per_epoch * self.per_epoch
        others = (n for n in range(first, first + self.per_epoch) if n != k)
        for near in sorted(others, key=lambda n: abs(n - k)):
            for slot in range(near * self.size, (near + 1) * self.size):
                if (found := self.picture(slot))["weight"]:
                    return found["pixels"][None]
        raise RunError(
            "None of the training pictures can be read.",
            why=f"{self.name(int(self.order.members(k)[0]))}, and all others",
            fix="See whether their folder is still there.",
        )

    def _mixing(self, k: int, counts: np.ndarray) -> dict[str, Any]:
        """Who is mixed with whom, how much is kept, and the box (top, bottom, left, right) that is pasted.

        Args:
            counts: the places of the pictures that count, which are mixed with each other alone.
        """
        if not (self.mixup or self.cutmix):
            return {}
        assert self.preprocess.settings.size is not None
        height, width = self.preprocess.settings.size
        rng = np.random.default_rng((self.order.seed, k, 1))
        cuts = self.cutmix > 0 and (not self.mixup or rng.random() < 0.5)
        alpha = self.cutmix if cuts else self.mixup
        kept = rng.beta(alpha, alpha)
        box = np.zeros(4, np.int32)
        if cuts:
            edge = np.sqrt(1 - kept)
            middle = rng.integers(height), rng.integers(width)
            box[:] = [
                bound
                for at, whole in zip(middle, (height, width), strict=True)
                for bound in np.clip([at - int(whole * edge) // 2, at + int(whole * edge) // 2], 0, whole)
            ]
            kept = 1 - (box[1] - box[0]) * (box[3] - box[2]) / (height * width)
        partner = np.arange(self.size, dtype=np.int32)
        partner[counts] = rng.permutation(counts)
        return {"partner": partner, "kept": np.float32(kept), "box": box}
