"""Which examples each step of a run sees: a function of the seed and the step's number alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from zoo.train.recipe import TrainKeys

_POOL = 50  # the most steps that share their examples out by length
_EVEN = 0.02  # how far apart steps may be that count as even, as a share of the longest


@dataclass(frozen=True)
class Order:
    """The examples of every step.

    The steps of an epoch are dealt at random. By length, each pool of them then shares its examples out anew:

    - alike, the short ones and the long ones by themselves, so that little padding is laid behind them, and all
      steps are shuffled. A pool is at most a quarter of an epoch's steps, or else every epoch had the same;
    - even, two steps exchanging two examples at a time, until all have about as much in them and fill as many
      packed rows.

    Args:
        count: how many examples there are.
        size: examples per step.
        epochs: how often every example is seen.
        seed: decides the order.
        least: the fewest examples of a step; where fewer are left at the end of an epoch, it goes without them.
        lengths: `(count,)` the examples' lengths; without them, a step's are of any.
        even: steps are to be even rather than of examples that are alike.
    """

    count: int
    size: int
    epochs: int
    seed: int
    least: int = 1
    lengths: np.ndarray | None = field(default=None, compare=False)
    even: bool = False

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
        order = _order(self.seed, epoch, self.count) if self.lengths is None else self._by_length(epoch)
        return order[place * self.size : (place + 1) * self.size]

    @cached_property
    def _by_length(self) -> Callable[[int], np.ndarray]:
        return lru_cache(maxsize=1)(self._shared_out)  # every step of an epoch asks for it

    def _shared_out(self, epoch: int) -> np.ndarray:
        order, whole = _order(self.seed, epoch, self.count), self.count // self.size
        dealt, left = np.split(order, [whole * self.size])
        steps = dealt.reshape(whole, self.size)
        steps = self._evened(steps) if self.even else self._alike(steps, epoch)
        return np.concatenate([steps.ravel(), left])

    def _alike(self, steps: np.ndarray, epoch: int) -> np.ndarray:
        assert self.lengths is not None
        pool = min(_POOL, len(steps) // 4)
        if pool < 2:
            return steps
        dealt = steps.ravel()
        pools = np.arange(len(dealt)) // (pool * self.size)
        sorted_steps = dealt[np.lexsort((self.lengths[dealt], pools))].reshape(steps.shape)
        return np.random.default_rng((self.seed, epoch, 1)).permutation(sorted_steps)

    def _evened(self, steps: np.ndarray) -> np.ndarray:
        assert self.lengths is not None
        pools = [steps[first : first + _POOL] for first in range(0, len(steps), _POOL)]
        return np.concatenate([even(pool, self.lengths[pool]) for pool in pools]) if pools else steps


def even(steps: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Steps of about as much length each: the fullest and the emptiest exchange the two examples that make them
    most alike, until they are, or no exchange helps.

    Args:
        steps: `(steps, size)` the examples of each.
        lengths: `(steps, size)` their lengths.
    """
    steps, lengths = steps.copy(), lengths.copy()
    totals = lengths.sum(axis=1)
    while True:
        full, empty = totals.argmax(), totals.argmin()
        gap = totals[full] - totals[empty]
        moves = lengths[full][:, None] - lengths[empty]
        one, other = np.unravel_index(np.abs(2 * moves - gap).argmin(), moves.shape)
        moved = moves[one, other]
        if gap <= _EVEN * totals[full] or not 0 < moved < gap:
            return steps
        for array in (steps, lengths):
            array[full, one], array[empty, other] = array[empty, other], array[full, one]
        totals[full] -= moved
        totals[empty] += moved


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
