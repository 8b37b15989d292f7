"""The batches of a training run. Batch k depends on the examples, the seed and k alone.

Packed, the examples of a batch are laid in rows of one length, each example a segment that sees only itself,
so that hardly any of the arithmetic is spent on padding; batches are of about as many tokens. Padded, each has a
row of its own, and those of a batch are of like length. A batch has the same loss and gradient either way.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from zoo.data.encoded import Encoded, blank, lengths_of, pad
from zoo.tasks.labelled import NO_LABEL
from zoo.train.order import Order

Batch = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]

_STEP = 32  # row lengths are multiples of this
_ROW_COUNTS, _ROW_LENGTHS = 2, 6  # as many shapes are compiled at most, packed and padded


@dataclass(frozen=True)
class Batches:
    """Every batch of a run, by its number.

    Args:
        encoded: the tokenised examples; where one is of several texts, these stand side by side.
        targets: what they are trained on: `(examples, ...)`, or for each a list of its tokens' classes `(length,)`,
            `NO_LABEL` where there is none.
        size: examples per batch.
        epochs: how often every example is seen.
        seed: decides the order.
        packed: several examples in a row, or one.
        pad_id: the padding token.
        positions: the most tokens the model can take in a row without segments.
        texts: the texts of an example, such as the two of a pair.
        least: the fewest examples of a batch, such as two of those that are told from each other.
        skipped: the examples that turned out to be damaged; of texts there are none.
        cut: what is told of the texts that are too long, of those that are held out, too, as names and values.
    """

    encoded: Sequence[Encoded]
    targets: np.ndarray | list[np.ndarray]
    size: int
    epochs: int
    seed: int
    packed: bool
    pad_id: int
    positions: int
    texts: int = 1
    least: int = 1
    skipped: set[int] = field(default_factory=set)
    cut: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def order(self) -> Order:
        texts = self.lengths.reshape(-1, self.texts)
        lengths = texts.sum(axis=1) if self.packed else texts.max(axis=1)
        return Order(len(texts), self.size, self.epochs, self.seed, self.least, lengths, even=self.packed)

    @property
    def per_epoch(self) -> int:
        return self.order.per_epoch

    def __len__(self) -> int:
        return len(self.order)

    def members(self, k: int) -> np.ndarray:
        """Which examples batch k holds; the last batch of an epoch may hold fewer than `size`."""
        return self.order.members(k)

    def texts_of(self, members: np.ndarray) -> np.ndarray:
        """The places of these examples' texts in `encoded`."""
        return (members[:, None] * self.texts + np.arange(self.texts)).ravel()

    def stream(self, start: int = 0) -> Generator[Batch]:
        """The batches in order, from number `start` to the end."""
        return (self.batch(k) for k in range(start, len(self)))

    @cached_property
    def lengths(self) -> np.ndarray:
        """The tokens of each text, `(texts,)`."""
        return lengths_of(self.encoded)

    @cached_property
    def tokens(self) -> int:
        """The tokens of one epoch, without padding."""
        return int(self.lengths.sum())

    @cached_property
    def row_length(self) -> int:
        """The length of packed rows: the longest example, rounded up."""
        return -(-int(self.lengths.max()) // _STEP) * _STEP

    @cached_property
    def needed(self) -> np.ndarray:
        """What each batch of the run cannot do without: rows, or rows of a length for its longest text."""
        return np.array([self._needed(self.texts_of(self.members(k))) for k in range(len(self))])

    def _needed(self, texts: np.ndarray) -> int:
        if self.packed:
            return len(self._rows(texts))
        return min(-(-int(self.lengths[texts].max()) // _STEP) * _STEP, self.positions)

    @cached_property
    def sizes(self) -> list[int]:
        """The few row counts, or lengths of padded rows, that batches are rounded up to."""
        return few(self.needed, _ROW_COUNTS if self.packed else _ROW_LENGTHS)

    def _rows(self, texts: np.ndarray) -> list[list[int]]:
        """Texts to rows: the longest first, each in the first row with room."""
        rows: list[list[int]] = []
        room: list[int] = []
        for less, n in sorted(zip((-self.lengths[texts]).tolist(), texts.tolist(), strict=True)):
            length = -less
            fit = next((row for row, left in enumerate(room) if left >= length), None)
            if fit is None:
                rows.append([n])
                room.append(self.row_length - length)
            else:
                rows[fit].append(n)
                room[fit] -= length
        return rows

    def _shape(self, needed: int) -> tuple[int, int]:
        """The rows and the length of a batch that cannot do without so much."""
        size = next(size for size in self.sizes if size >= needed)
        return (size, self.row_length) if self.packed else (self.size * self.texts, size)

    @cached_property
    def cells(self) -> list[int]:
        """The places of each of the first epoch's batches, padding included."""
        return [math.prod(self._shape(needed)) for needed in self.needed[: self.per_epoch].tolist()]

    def repacked(self, packed: bool) -> Batches:
        """The same examples, packed or not."""
        return replace(self, packed=packed)

    @property
    def largest(self) -> int:
        """The number of a batch of the run that no other is larger than."""
        return int(np.argmax(self.needed))

    @property
    def work(self) -> float:
        """The steps of an epoch, each counted as the share of the largest that it computes."""
        return sum(self.cells) / math.prod(self._shape(int(self.needed.max())))

    def batch(self, k: int) -> Batch:
        """Batch k: input arrays, targets `(size, ...)` and weights `(size,)`, which are 0 where an example lacks.

        Where tokens have targets of their own, both are `(rows, length)`.
        """
        members = self.members(k)
        texts = self.texts_of(members)
        arrays = self._packed(texts) if self.packed else self._padded(texts)
        if isinstance(self.targets, list):
            return arrays, *self._token_targets(members, arrays)
        missing = self.size - len(members)
        targets = np.pad(self.targets[members], [(0, missing)] + [(0, 0)] * (self.targets.ndim - 1))
        return arrays, targets, np.pad(np.ones(len(members), np.float32), (0, missing))

    def _token_targets(self, members: np.ndarray, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        shape = arrays["input_ids"].shape
        targets, weights = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
        starts = arrays.get("example_index", np.stack([np.arange(self.size), np.zeros(self.size, int)], axis=1))
        for (row, column), n in zip(starts, members, strict=False):
            own = self.targets[n]
            span = slice(column, column + len(own))
            targets[row, span] = np.maximum(own, 0)
            weights[row, span] = own != NO_LABEL
        return targets, weights

    def _packed(self, texts: np.ndarray) -> dict[str, np.ndarray]:
        rows = self._rows(texts)
        shape = self._shape(len(rows))
        places = {name: np.zeros(shape, np.int32) for name in ("position_ids", "segment_ids")}
        arrays = {**blank(self.encoded, shape, self.pad_id), **places}
        place = {int(n): slot for slot, n in enumerate(texts)}
        index = np.zeros((self.size * self.texts, 2), np.int32)
        for row, examples in enumerate(rows):
            column = 0
            for segment, n in enumerate(examples, start=1):
                item = self.encoded[n]
                span = (row, slice(column, column + len(item)))
                for name, values in item.columns.items():
                    arrays[name][span] = values
                arrays["position_ids"][span] = np.arange(len(item))
                arrays["segment_ids"][span] = segment
                index[place[n]] = row, column
                column += len(item)
        return {**arrays, "example_index": index}

    def _padded(self, texts: np.ndarray) -> dict[str, np.ndarray]:
        return pad([self.encoded[n] for n in texts], self._shape(self._needed(texts)), self.pad_id)


def few(needed: np.ndarray, most: int) -> list[int]:
    """At most so many of the sizes that batches need, for each to be rounded up to one of them with little waste.

    They begin with the largest; each of the others is the best beside those before it.
    """
    sizes, counts = np.unique(needed, return_counts=True)
    found = {int(sizes[-1])}

    def cost(size: int) -> int:
        chosen = np.array(sorted({*found, size}))
        return int((chosen[np.searchsorted(chosen, sizes)] * counts).sum())

    while len(found) < min(most, len(sizes)):
        found.add(min((size for size in sizes.tolist() if size not in found), key=cost))
    return sorted(found)
