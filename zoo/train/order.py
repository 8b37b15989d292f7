"""Which examples each step of a run sees: a function of the seed and the step's number alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from zoo.train.recipe import TrainKeys


@dataclass(frozen=True)
class Order:
    """The examples of every step.

    Args:
        count: how many examples there are.
        size: examples per step.
        epochs: how often every example is seen.
        seed: decides the order.
        least: the fewest examples of a step; where fewer are left at the end of an epoch, it goes without them.
    """

    count: int
    size: int
    epochs: int
    seed: int
    least: int = 1

    @property
    def per_epoch(self) -> int:
        whole, left = divmod(self.count, self.size)
        return whole + (left >= self.least)

    @property
    def left_out(self) -> int:
        """The examples that each epoch goes without; which ones, its order decides."""
        return self.count - min(self.count, self.per_epoch * self.size)

    def __len__(self) -> int:
        return self.per_epoch * self.epochs

    def members(self, k: int) -> np.ndarray:
        """Which examples step k sees; the last step of an epoch may see fewer than `size`."""
        epoch, place = divmod(k, self.per_epoch)
        order = _order(self.seed, epoch, self.count)
        return order[place * self.size : (place + 1) * self.size]


@lru_cache(maxsize=1)  # every step of an epoch asks for it
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(count)


@dataclass(frozen=True)
class Plan:
    """Which batches make up each optimiser step of a run.

    Args:
        batches: batches in an epoch.
        accumulate: batches in a step; the last step of an epoch may have fewer.
        epochs: how often every example is seen.
        steps: where the run ends, in place of epochs; 0 goes by epochs.
    """

    batches: int
    accumulate: int = 1
    epochs: int = 1
    steps: int = 0

    @property
    def per_epoch(self) -> int:
        """Steps in an epoch."""
        return -(-self.batches // self.accumulate)

    def __len__(self) -> int:
        return self.steps or self.per_epoch * self.epochs

    @property
    def whole_epochs(self) -> int:
        """The epochs that the run begins."""
        return -(-len(self) // self.per_epoch)

    def members(self, step: int) -> range:
        """The numbers of the batches that a step is made of."""
        epoch, place = divmod(step, self.per_epoch)
        first = epoch * self.batches + place * self.accumulate
        return range(first, min(first + self.accumulate, (epoch + 1) * self.batches))


def make_plan(keys: TrainKeys, batches: int) -> Plan:
    """The plan of a recipe whose epochs have so many batches."""
    return Plan(batches, keys.accumulate, keys.epochs, keys.steps)
