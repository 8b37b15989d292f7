"""From a recipe's `[data]` to the examples that are trained on, chosen by and tested on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zoo.data.examples import Examples, check_classes
from zoo.data.labels import check_known
from zoo.data.splits import split_indices
from zoo.train.readers import Reader, reader_for
from zoo.train.recipe import Recipe

_SHARE = 0.1


@dataclass(frozen=True)
class Splits:
    """The examples of a run.

    Args:
        train: what the model learns from.
        validation: what the best epoch is chosen by, or None.
        test: what is looked at once, at the end, or None.
        settled: the `[data]` keys that were left to be found, such as the columns, and what was found.
        notes: what people should know of the data.
    """

    train: Examples
    validation: Examples | None
    test: Examples | None
    settled: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_splits(recipe: Recipe) -> Splits:
    """Read and split the data of a recipe. Raises a ZooError that names the faulty rows or columns."""
    data = recipe.data
    reader = reader_for(recipe.model.task, data)
    train = reader.read(data.train, "train")
    check_classes(train)
    train, validation = _validation(recipe, reader, train)
    test = None
    if data.test or "test" in reader.splits(data.train):
        test = _other(reader, data.test or data.train, "test", train, data.train)
    for held_out in (validation, test):
        if held_out:
            train = reader.apart(train, held_out)
    return Splits(train, validation, test, reader.settled, reader.notes)


def _validation(recipe: Recipe, reader: Reader, train: Examples) -> tuple[Examples, Examples | None]:
    """What remains to train on, and what is held out: of its own, or a share of the training examples."""
    data = recipe.data
    if isinstance(data.validation, str):
        return train, _other(reader, data.validation, "validation", train, data.train)
    if data.validation is None and "validation" in reader.splits(data.train):
        return train, _other(reader, data.train, "validation", train, data.train)
    share = _SHARE if data.validation is None else float(data.validation)
    kept, held_out = split_indices(train.labels, len(train), share, recipe.train.seed)
    return train.select(kept), reader.held_out(train.select(held_out)) if held_out else None


def _other(reader: Reader, name: str, split: str, train: Examples, source: str) -> Examples:
    examples = reader.held_out(reader.read(name, split))
    check_known(examples, sorted(set(train.labels or ())), f"the training data '{source}'")
    return examples
