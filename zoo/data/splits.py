"""Rows held out of training, the same ones on every machine; and what splits are called where data has its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from zoo.errors import ZooError

SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""What the folders, the files and the splits of data sets are usually called."""


def split_indices(
    labels: Sequence[str] | None, count: int, fraction: float, seed: int
) -> tuple[list[int], list[int]]:
    """Hold out a fraction of the rows, the same share of every class as nearly as whole rows allow.

    Every class keeps at least one row in training. Which rows are held out depends on nothing but the
    arguments: on no library's random numbers.

    Args:
        labels: the label of each row; None does not stratify.
        count: how many rows there are.
        fraction: the share to hold out, 0 <= fraction < 1; 0 holds out none, more at least one row.
        seed: another seed holds out other rows.

    Returns:
        The indices kept and the indices held out, both in ascending order.

    Raises:
        ZooError: the fraction is out of range, or no row can be spared.
    """
    if not 0 <= fraction < 1:
        raise ZooError(f"Cannot hold out the fraction {fraction}.", fix="Give 0 or more, and less than 1.")
    classes = _classes(labels, count)
    wanted = max(1, int(fraction * count + 0.5)) if fraction else 0
    spare = count - len(classes)
    if wanted and not spare:
        raise ZooError(
            f"No row can be held out of {count}.",
            why="Every class has one row only, and training needs it.",
            fix="Add rows, or set data.validation to a file, or to 0 to train on all.",
        )
    return _parted(classes, count, min(wanted, spare), seed, leaving=1)


def draw_indices(labels: Sequence[str] | None, count: int, number: int, seed: int) -> list[int]:
    """Draw `number` of `count` rows, the same share of every class as nearly as whole rows allow.

    Where there are no more classes than that, each has a row at least. Arguments and order are those of
    `split_indices`; `number` is at most `count`.
    """
    classes = _classes(labels, count)
    if number < len(classes):
        return _parted(classes, count, number, seed, leaving=0)[1]
    return _parted(classes, count, count - number, seed, leaving=1)[0]


def _classes(labels: Sequence[str] | None, count: int) -> dict[str, list[int]]:
    """The rows of each class; one class of all where there are no labels."""
    classes: dict[str, list[int]] = {}
    for index, label in enumerate([""] * count if labels is None else labels):
        classes.setdefault(label, []).append(index)
    return classes


def _parted(
    classes: dict[str, list[int]], count: int, total: int, seed: int, leaving: int
) -> tuple[list[int], list[int]]:
    """The rows without `total` that are taken out of them, and these, both in ascending order."""
    shares = _shares({label: len(rows) for label, rows in classes.items()}, total, leaving)
    taken = {
        index
        for label, rows in classes.items()
        for index in sorted(rows, key=lambda index: _rank(seed, index))[: shares[label]]
    }
    return [index for index in range(count) if index not in taken], sorted(taken)


def _shares(sizes: dict[str, int], total: int, leaving: int) -> dict[str, int]:
    """`total` divided in proportion to the sizes by largest remainder, leaving so many of each."""
    count = max(1, sum(sizes.values()))
    shares = {label: min(size * total // count, size - leaving) for label, size in sizes.items()}
    remainder = sorted(sizes, key=lambda label: (-(sizes[label] * total % count), -sizes[label], label))
    left = total - sum(shares.values())
    while left:
        for label in remainder:
            if left and shares[label] < sizes[label] - leaving:
                shares[label] += 1
                left -= 1
    return shares


def _rank(seed: int, index: int) -> bytes:
    return hashlib.sha256(f"{seed}:{index}".encode()).digest()
