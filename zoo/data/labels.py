"""The classes of a data set: their order, their shares, and labels that a model has never seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from zoo.data.examples import Examples
from zoo.data.problems import REGRESSION, classes_of
from zoo.errors import Faults, some


def label_order(seen: Iterable[str], checkpoint: Sequence[str] | None = None) -> list[str]:
    """The classes in the order of a model's outputs.

    The checkpoint's order if it has exactly the labels seen, so that a head already trained still fits;
    else sorted, numerically where all of them are integers.
    """
    labels = set(seen)
    if checkpoint is not None and labels == set(checkpoint):
        return list(checkpoint)
    if all(re.fullmatch(r"[+-]?[0-9]{1,18}", label) for label in labels):
        return sorted(labels, key=lambda label: (int(label), label))
    return sorted(labels)


def output_names(examples: Examples, checkpoint: Sequence[str] = (), *, column: str = "") -> list[str]:
    """What a model's outputs are called: the classes in order, or what the number is of.

    Args:
        checkpoint: what the checkpoint's outputs are called; a number keeps the name that it has there.
        column: the column of the labels.
    """
    if examples.problem != REGRESSION:
        return label_order(classes_of(examples.labels or ()), checkpoint)
    return list(checkpoint) if len(checkpoint) == 1 else [column or "score"]


def check_known(examples: Examples, labels: Sequence[str], source: str) -> None:
    """Raise a ZooError if examples have labels that the model does not know.

    Args:
        examples: what is to be evaluated.
        labels: the labels the model knows.
        source: what knows them, for the message: "the run 'runs/x'".
    """
    known = set(labels)
    places: dict[str, list[int]] = {}
    for n, label in enumerate(examples.labels or ()):
        for unknown in classes_of([label]).keys() - known:
            places.setdefault(unknown, []).append(n)
    faults = Faults()
    for label in label_order(places):
        faults.add(f"'{label}' in {examples.where(places[label])}")
    if faults:
        faults.add(f"Known are {some(map(repr, labels))}.")
    faults.check(
        f"'{examples.source}' has labels that {source} does not have.",
        fix="Correct the labels or leave these rows out; or train again with rows of these classes.",
    )


def majority(labels: Sequence[str]) -> tuple[str, float]:
    """The most frequent label, the first in order on ties, and its share of all: the score to beat."""
    counts = Counter(labels)
    label = max(label_order(counts), key=lambda label: counts[label])
    return label, counts[label] / len(labels)
