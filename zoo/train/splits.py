"""From a recipe's `[data]` to the examples that are trained on, chosen by and tested on."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from zoo.data.columns import Columns, choose_columns
from zoo.data.examples import Examples, check_classes, read_examples
from zoo.data.labels import check_known
from zoo.data.readers import read_table
from zoo.data.splits import split_indices
from zoo.data.table import Table
from zoo.registry.code import dataset_names, find_dataset, load_dataset
from zoo.train.recipe import DataKeys, Recipe

_SHARE = 0.1


@dataclass(frozen=True)
class Splits:
    """The examples of a run.

    Args:
        train: what the model learns from.
        validation: what the best epoch is chosen by, or None.
        test: what is looked at once, at the end, or None.
        columns: the columns they were read from.
    """

    train: Examples
    validation: Examples | None
    test: Examples | None
    columns: Columns


def read_splits(recipe: Recipe) -> Splits:
    """Read and split the data of a recipe. Raises a ZooError that names the faulty rows or columns."""
    data = recipe.data
    table = read_rows(data.train)
    columns = _columns(data, table)
    train = read_examples(table, columns)
    check_classes(train)
    known = sorted(set(train.labels or ()))

    def other(name: str, split: str) -> Examples:
        rows = read_rows(name, split)
        examples = read_examples(
            rows, choose_columns(rows, text=columns.text, text_pair=columns.text_pair, label=columns.label)
        )
        check_known(examples, known, f"the training data '{data.train}'")
        return examples

    registered = data.train in dataset_names()
    test = other(data.test or data.train, "test") if data.test or registered else None
    if isinstance(data.validation, str):
        return Splits(train, other(data.validation, "validation"), test, columns)
    if data.validation is None and registered:
        return Splits(train, other(data.train, "validation"), test, columns)
    share = _SHARE if data.validation is None else float(data.validation)
    kept, held_out = split_indices(train.labels, len(train), share, recipe.train.seed)
    validation = train.select(held_out) if held_out else None
    return Splits(train.select(kept), validation, test, columns)


def read_rows(name: str, split: str = "train") -> Table:
    """The rows of a file, or of one split of a registered data set."""
    if name not in dataset_names():
        return read_table(name)
    return Table(source=f"{name} ({split})", data=_built(name)[split])


@functools.cache
def _built(name: str):
    return load_dataset(name)


def _columns(data: DataKeys, table: Table) -> Columns:
    named = find_dataset(data.train).columns if data.train in dataset_names() else {}
    return choose_columns(
        table,
        text=data.text or named.get("text"),
        text_pair=data.text_pair or named.get("text_pair"),
        label=data.label or named.get("label"),
    )
