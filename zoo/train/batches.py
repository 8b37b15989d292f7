"""The batches of a training run. Batch k depends on the examples, the seed and k alone.

Packed, the examples of a batch are laid in rows of one length, each example a segment that sees only itself,
so that hardly any of the arithmetic is spent on padding. The examples of a step are the same either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from zoo.data.text import Encoded

_STEP = 32  # row lengths are multiples of this
_FEW = 2  # how many shapes may be compiled


@dataclass(frozen=True)
class Batches:
    """Every batch of a run, by its number.

    Args:
        encoded: the tokenised examples.
        targets: `(examples,)` int32, their classes.
        size: examples per batch.
        epochs: how often every example is seen.
        seed: decides the order.
        packed: several examples in a row, or one.
        pad_id: the padding token.
        positions: the most tokens the model can take in a row without segments.
    """

    encoded: Sequence[Encoded]
    targets: np.ndarray
    size: int
    epochs: int
    seed: int
    packed: bool
    pad_id: int
    positions: int

    @property
    def per_epoch(self) -> int:
        return -(-len(self.encoded) // self.size)

    def __len__(self) -> int:
        return self.per_epoch * self.epochs

    @cached_property
    def tokens(self) -> int:
        """The tokens of one epoch, without padding."""
        return sum(len(item) for item in self.encoded)

    def members(self, k: int) -> np.ndarray:
        """Which examples batch k holds; the last batch of an epoch may hold fewer than `size`."""
        epoch, place = divmod(k, self.per_epoch)
        return self._order(epoch)[place * self.size : (place + 1) * self.size]

    def _order(self, epoch: int) -> np.ndarray:
        if self._orders.get("epoch") != epoch:
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.encoded))
            self._orders.update(epoch=epoch, order=order)
        return self._orders["order"]

    @cached_property
    def _orders(self) -> dict[str, Any]:
        return {}

    @cached_property
    def row_length(self) -> int:
        """The length of packed rows: the longest example, rounded up."""
        longest = max(len(item) for item in self.encoded)
        return -(-longest // _STEP) * _STEP

    @cached_property
    def row_counts(self) -> list[int]:
        """The few row counts that batches are rounded up to, chosen so that they waste the fewest rows."""
        needed = np.array([len(self._rows(self.members(k))) for k in range(len(self))])
        largest = int(needed.max())

        def cost(split: int) -> int:
            return int(np.where(needed <= split, split, largest).sum())

        return sorted({min(map(int, np.unique(needed)), key=cost), largest})[:_FEW]

    def _rows(self, members: np.ndarray) -> list[list[int]]:
        """Examples to rows: the longest first, each in the first row with room."""
        rows: list[list[int]] = []
        room: list[int] = []
        for n in sorted(members.tolist(), key=lambda n: (-len(self.encoded[n]), n)):
            length = len(self.encoded[n])
            fit = next((row for row, left in enumerate(room) if left >= length), None)
            if fit is None:
                rows.append([n])
                room.append(self.row_length - length)
            else:
                rows[fit].append(n)
                room[fit] -= length
        return rows

    def batch(self, k: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Batch k: input arrays, targets `(size,)` and weights `(size,)`, which are 0 where an example lacks."""
        members = self.members(k)
        arrays = self._packed(members) if self.packed else self._padded(members)
        missing = self.size - len(members)
        targets = np.pad(self.targets[members], (0, missing))
        return arrays, targets, np.pad(np.ones(len(members), np.float32), (0, missing))

    def _packed(self, members: np.ndarray) -> dict[str, np.ndarray]:
        rows = self._rows(members)
        count = next(n for n in self.row_counts if n >= len(rows))
        arrays = self._blank(count, self.row_length, ("token_type_ids", "position_ids", "segment_ids"))
        place = {int(n): slot for slot, n in enumerate(members)}
        index = np.zeros((self.size, 2), np.int32)
        for row, examples in enumerate(rows):
            column = 0
            for segment, n in enumerate(examples, start=1):
                item = self.encoded[n]
                span = (row, slice(column, column + len(item)))
                arrays["input_ids"][span] = item.ids
                arrays["token_type_ids"][span] = item.types
                arrays["position_ids"][span] = np.arange(len(item))
                arrays["segment_ids"][span] = segment
                index[place[n]] = row, column
                column += len(item)
        return {**arrays, "example_index": index}

    def _padded(self, members: np.ndarray) -> dict[str, np.ndarray]:
        longest = max(len(self.encoded[n]) for n in members)
        length = min(-(-longest // _STEP) * _STEP, self.positions)
        arrays = self._blank(self.size, length, ("token_type_ids", "attention_mask"))
        for row, n in enumerate(members):
            item = self.encoded[n]
            arrays["input_ids"][row, : len(item)] = item.ids
            arrays["token_type_ids"][row, : len(item)] = item.types
            arrays["attention_mask"][row, : len(item)] = 1
        return arrays

    def _blank(self, rows: int, length: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        arrays = {name: np.zeros((rows, length), np.int32) for name in names}
        return {"input_ids": np.full((rows, length), self.pad_id, np.int32), **arrays}
