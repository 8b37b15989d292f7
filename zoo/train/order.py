"""Which examples each step of a run sees: a function of the seed and the step's number alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Order:
    """The examples of every step.

    Args:
        count: how many examples there are.
        size: examples per step.
        epochs: how often every example is seen.
        seed: decides the order.
    """

    count: int
    size: int
    epochs: int
    seed: int

    @property
    def per_epoch(self) -> int:
        return -(-self.count // self.size)

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
