"""Tokenised inputs: one, many in one array, and rows of them with padding."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, overload

import numpy as np
import tokenizers

from zoo.data.spool import array_of

NO_LABEL = -100
"""The label of a token that is not trained, as in the reference."""

_BLOCK = 1024  # inputs that are tokenised at once


@dataclass(frozen=True)
class Encoded:
    """One tokenised input.

    Args:
        ids, types: token ids and type ids `(length,)` int32.
        truncated: its end was cut off.
        labels: the tokens that a language model is trained to say, `(length,)` int32; `NO_LABEL` for the others.
        lost: how many answers of a conversation were cut off, each of them whole.
    """

    ids: np.ndarray
    types: np.ndarray
    truncated: bool = False
    labels: np.ndarray | None = None
    lost: int = 0

    @classmethod
    def of(cls, encoding: tokenizers.Encoding) -> Encoded:
        ids, types = np.array(encoding.ids, np.int32), np.array(encoding.type_ids, np.int32)
        return cls(ids, types, bool(encoding.overflowing))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """What the input has of each token, under the names of a model's arrays."""
        own = {"input_ids": self.ids, "token_type_ids": self.types}
        return own if self.labels is None else {**own, "labels": self.labels}


class EncodedTexts(Sequence[Encoded]):
    """Many tokenised inputs in one array, which is not held in memory where it is large.

    Args:
        items: the inputs, of which either all have labels or none; they are taken one after the other.

    Attributes:
        lengths: the tokens of each, `(inputs,)` int64.
    """

    def __init__(self, items: Iterable[Encoded]) -> None:
        self._names = 2
        lengths, self._truncated, self._lost = array("q"), bytearray(), array("l")

        def tokens() -> Iterator[np.ndarray]:
            for _, block in blocks(items):
                self._names = len(block[0].columns)
                lengths.extend(map(len, block))
                self._truncated.extend(item.truncated for item in block)
                self._lost.extend(item.lost for item in block)
                yield np.concatenate([column for item in block for column in item.columns.values()])

        self._tokens = array_of(tokens())
        self.lengths = np.array(lengths, np.int64)
        self._ends = np.cumsum(self.lengths) * self._names

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, n: int) -> Encoded: ...
    @overload
    def __getitem__(self, n: slice) -> list[Encoded]: ...
    def __getitem__(self, n: int | slice) -> Any:
        if isinstance(n, slice):
            return [self[k] for k in range(*n.indices(len(self)))]
        length, end = int(self.lengths[n]), int(self._ends[n])
        ids, types, *labels = self._tokens[end - self._names * length : end].reshape(self._names, length)
        return Encoded(ids, types, bool(self._truncated[n]), labels[0] if labels else None, self._lost[n])


def blocks(inputs: Iterable[Any]) -> Iterator[tuple[int, list[Any]]]:
    """Inputs some at a time, each time with the place of the first."""
    start, items = 0, iter(inputs)
    while block := list(islice(items, _BLOCK)):
        yield start, block
        start += len(block)


def lengths_of(encoded: Sequence[Encoded]) -> np.ndarray:
    """The tokens of each input, `(inputs,)` int64."""
    return encoded.lengths if isinstance(encoded, EncodedTexts) else np.array([len(item) for item in encoded], int)


def blank(encoded: Sequence[Encoded], shape: tuple[int, int], pad_id: int) -> dict[str, np.ndarray]:
    """The arrays that hold the columns of these inputs, with padding in every place."""
    fills = {"input_ids": pad_id, "labels": NO_LABEL}
    names = encoded[0].columns if encoded else ("input_ids", "token_type_ids")
    return {name: np.full(shape, fills.get(name, 0), np.int32) for name in names}


def pad(encoded: Sequence[Encoded], shape: tuple[int, int], pad_id: int) -> dict[str, np.ndarray]:
    """Encoded inputs as the first rows of arrays `shape` (rows, length) int32; all else is padding."""
    arrays = {**blank(encoded, shape, pad_id), "attention_mask": np.zeros(shape, np.int32)}
    for row, item in enumerate(encoded):
        arrays["attention_mask"][row, : len(item)] = 1
        for name, column in item.columns.items():
            arrays[name][row, : len(item)] = column
    return arrays
