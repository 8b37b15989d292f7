"""What the labels of a classifier mean: one class for each input, several, or a number.

The names are those of transformers' `problem_type`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from zoo.data.row_faults import RowFaults
from zoo.errors import ZooError, some

SINGLE, MULTI, REGRESSION = "single_label_classification", "multi_label_classification", "regression"
PROBLEMS = (SINGLE, MULTI, REGRESSION)
LANGUAGE = "language_modeling"
"""What a text is to itself: each token follows from those before it. There are no labels."""
TOKENS = "token_classification"
"""One class for every word of an input: a task of its own, and no `problem_type`."""
RETRIEVAL = "retrieval"
"""Pairs of texts that belong together: each is to find its partner among those of the others. No labels."""
PREFERENCE = "preference"
"""Two answers to a prompt, of which one is preferred. No labels."""
UNLABELLED = (LANGUAGE, RETRIEVAL, PREFERENCE)
"""The problems whose inputs say themselves what is to be learned."""
BEGUN = (LANGUAGE, RETRIEVAL)
"""Those of them that no guess is a baseline for, but the model before it is trained."""

Label = str | tuple[str, ...] | float
_L = TypeVar("_L")

_FEW_NUMBERS = 12  # as many different numbers are classes still, such as stars with halves
_NEARLY_ALL = 0.9  # of a column's values: where they are numbers, the others are mistakes, and no classes


def guess_problem(values: Sequence[Any]) -> str:
    """What a column of labels means: lists are several classes, many numbers with fractions are numbers.

    A few values among them that are none, or not finite, do not make them classes: `read_labels` names their rows.
    """
    seen = unlike = 0
    fractions, numbers = False, set[float]()
    for value in values:
        if isinstance(value, list | tuple):
            return MULTI
        if value in (None, ""):
            continue
        seen += 1
        unlike += _float(value) is None
        if (x := number(value)) is not None:
            fractions = fractions or not x.is_integer()
            if len(numbers) <= _FEW_NUMBERS:
                numbers.add(x)
    if len(numbers) <= _FEW_NUMBERS or not fractions:
        return SINGLE
    return REGRESSION if unlike <= (1 - _NEARLY_ALL) * seen else SINGLE


def number(value: Any) -> float | None:
    """The value as a finite number; None where it is none."""
    found = _float(value)
    return found if found is not None and math.isfinite(found) else None


def _float(value: Any) -> float | None:
    """The value as a number, which may be NaN or infinite; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def read_labels(values: Sequence[Any], column: str, problem: str, separator: str, faults: RowFaults) -> list[Any]:
    """The labels of a column: a string, a tuple of strings or a float for each row; faulty rows are noted.

    Labels become strings as JSON writes them: `1`, `true`, and a whole number without its fraction.

    Args:
        separator: what parts the labels of a row where they stand in one string.
    """
    if problem == REGRESSION:
        numbers = [number(value) for value in values]
        _note([n for n, x in enumerate(numbers) if x is None], f"Without a number (column '{column}')", faults)
        return [x if x is not None else math.nan for x in numbers]
    if problem == MULTI:
        labels = _shared(_several(value, separator) for value in values)
        blank = [n for n, found in enumerate(labels) if any(not label.strip() for label in found)]
        _note(blank, f"With an empty label in the list (column '{column}')", faults)
        return labels
    lists = [n for n, value in enumerate(values) if isinstance(value, list | dict)]
    _note(lists, f"With a list where one label is needed (column '{column}')", faults)
    labels = _shared(map(spelled, values))
    _note(
        [n for n, label in enumerate(labels) if not label.strip()], f"Without a label (column '{column}')", faults
    )
    return labels


def _shared(labels: Iterable[_L]) -> list[_L]:
    """The labels, equal ones as one object."""
    known: dict[_L, _L] = {}
    return [known.setdefault(label, label) for label in labels]


def spelled(value: Any) -> str:
    """A label as a string; empty where it is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def classes_of(labels: Iterable[Label]) -> Counter[str]:
    """How often each class occurs. Numbers are no classes."""
    counts: Counter[str] = Counter()
    for label in labels:
        counts.update([label] if isinstance(label, str) else label if isinstance(label, tuple) else ())
    return counts


def check_learnable(labels: Sequence[Label], problem: str, source: str) -> None:
    """Raise a ZooError if nothing can be learned from the labels: all of them the same, or none of them twice."""
    # One sequence of tags tells its words apart all the same.
    different: set[Label] = set() if problem == TOKENS else set(labels)
    if len(different) == 1:
        only = next(iter(different))
        raise ZooError(
            f"'{source}' has one class only: '{only}'."
            if problem == SINGLE
            else f"'{source}' says the same of every row: {only!r}.",
            why=f"All its {len(labels)} rows have that label; there is nothing to tell apart.",
            fix="Add rows with another, or name another column with data.label.",
        )
    if problem == SINGLE and len(different) == len(labels) > 2:
        raise ZooError(
            f"'{source}' has a class for every row, so that there is nothing to learn.",
            why=f"None of its {len(labels)} labels occurs twice: {some(map(repr, labels), 4)}.",
            fix="Name the column of the classes with data.label; this one looks like a name of the row.",
        )
    if problem in (MULTI, TOKENS) and len(classes := classes_of(labels)) < 2:
        raise ZooError(
            f"'{source}' has one label only: {some(map(repr, classes))}.",
            why="two at least are needed, or there is nothing to tell apart",
            fix="Add rows with another, or name another column with data.label.",
        )


def _several(value: Any, separator: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        value = [part.strip() for part in value.split(separator)]
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(dict.fromkeys(spelled(item) for item in items))


def _note(places: list[int], what: str, faults: RowFaults) -> None:
    for n in places:
        faults.add(what, n)
