"""Labelled inputs as Keras data sets: texts tokenised once and padded to few lengths, pictures read as needed."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import keras
import numpy as np

from zoo.data.encoded import NO_LABEL, Encoded
from zoo.data.preprocessing import ImagePreprocessor
from zoo.data.problems import MULTI, SINGLE, number
from zoo.data.text import TextPreprocessor
from zoo.errors import ZooError, did_you_mean

_STEP = 32  # lengths are rounded up to a multiple of this, so that few shapes compile


def label_numbers(given: Sequence[Any], labels: Sequence[str]) -> list[int]:
    """Label names as numbers of the output's last axis.

    An integer counts the labels, unless there are labels that are integers themselves: then it is a name, too.

    Raises a ZooError that names the unknown ones.
    """
    numbers = {label: n for n, label in enumerate(labels)}
    counts = not any(label.lstrip("-").isdecimal() for label in labels)
    names = [labels[int(x)] if counts and _in_range(x, labels) else str(x) for x in given]
    unknown = sorted({name for name in names if name not in numbers})
    if unknown:
        raise ZooError(
            f"The model has no label '{unknown[0]}'.{did_you_mean(unknown[0], labels)}",
            why=f"its labels are {', '.join(labels)}",
        )
    return [numbers[name] for name in names]


def targets_of(given: Sequence[Any], labels: Sequence[str], problem: str) -> np.ndarray:
    """Labels as what a classifier is trained on.

    Returns:
        class numbers `(inputs,)` int32; for several labels an input, `(inputs, labels)` float32 of zeros and ones;
        for numbers, `(inputs, 1)` float32.

    Raises a ZooError that names unknown labels, or what is no number.
    """
    if problem == SINGLE:
        return np.array(label_numbers(given, labels), np.int32)
    if problem == MULTI:
        found = np.zeros((len(given), len(labels)), np.float32)
        for row, several in enumerate(given):
            if isinstance(several, str):
                raise ZooError(f"Input {row + 1} needs a list of labels, and has '{several}'.")
            found[row, label_numbers(several, labels)] = 1
        return found
    numbers = [number(value) for value in given]
    if None in numbers:
        raise ZooError(f"Input {numbers.index(None) + 1} needs a number, and has {given[numbers.index(None)]!r}.")
    return np.array(numbers, np.float32)[:, None]


def _in_range(number: Any, labels: Sequence[str]) -> bool:
    return isinstance(number, Integral) and 0 <= int(number) < len(labels)


class Labelled(keras.utils.PyDataset):
    """Batches `(arrays, targets)`, in a new order each epoch that `seed` decides.

    Args:
        inputs: as many as there are targets.
        targets: `(inputs,)` class numbers, or a list of `(length,)` token classes.
    """

    def __init__(self, inputs: Sequence[Any], targets: Any, batch_size: int, seed: int) -> None:
        super().__init__()
        if len(inputs) != len(targets):
            raise ZooError(f"There are {len(inputs)} inputs and {len(targets)} labels.")
        if not len(inputs) or batch_size < 1:
            raise ZooError(f"{len(inputs)} inputs in batches of {batch_size} are nothing to train on.")
        self.inputs, self.targets = inputs, targets
        self.batch_size, self.seed, self.epoch = batch_size, seed, 0
        self._shuffle()

    def __len__(self) -> int:
        return -(-len(self.inputs) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        return self.batch(self.order[index * self.batch_size : (index + 1) * self.batch_size])

    def batch(self, chosen: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The inputs of these numbers and their targets."""
        raise NotImplementedError

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        self.order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.inputs))


class LabelledTexts(Labelled):
    """Tokenised texts; a batch is as long as its longest, rounded up."""

    def __init__(
        self, preprocess: TextPreprocessor, encoded: Sequence[Encoded], targets: Any, batch_size: int, seed: int
    ) -> None:
        self.preprocess = preprocess
        super().__init__(encoded, targets, batch_size, seed)

    def batch(self, chosen: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        rows = [self.inputs[n] for n in chosen]
        length = min(-(-max(len(row) for row in rows) // _STEP) * _STEP, self.preprocess.positions)
        arrays = self.preprocess.pad(rows, length=length)
        if isinstance(self.targets, np.ndarray):
            return arrays, self.targets[chosen]
        targets = np.full((len(rows), length), NO_LABEL, np.int32)
        for row, n in enumerate(chosen):
            targets[row, : len(self.targets[n])] = self.targets[n]
        return arrays, targets


class LabelledImages(Labelled):
    """Pictures, read when their batch is asked for."""

    def __init__(
        self, preprocess: ImagePreprocessor, images: Sequence[Any], targets: Any, batch_size: int, seed: int
    ) -> None:
        self.preprocess = preprocess
        super().__init__(images, targets, batch_size, seed)

    def batch(self, chosen: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        return self.preprocess([self.inputs[n] for n in chosen]), self.targets[chosen]
