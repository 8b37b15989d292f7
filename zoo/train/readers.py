"""How a recipe's data is read: from a name and a split to examples. Pictures have a file of their own."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, Protocol

from zoo.data.columns import choose_columns
from zoo.data.duplicates import text_keys
from zoo.data.examples import Examples, read_examples
from zoo.data.hub_data import find_data, is_hub_data, pinned_name, read_hub_data
from zoo.data.problems import LANGUAGE
from zoo.data.readers import read_table
from zoo.data.row_faults import RowFaults
from zoo.data.table import Table
from zoo.errors import counted, some
from zoo.registry.code import dataset_names, find_dataset, load_dataset
from zoo.train.recipe import DataKeys


class Reader(Protocol):
    """Reads every split of a run the way the first was read."""

    notes: list[str]
    """What people should know of the data: what was left out, and why."""
    digests: dict[Any, str]
    """The sha256 of what an input stands for, such as the picture behind a path."""

    def has(self, name: str, split: str) -> bool:
        """Whether the data has this split of its own, with labels where it is read for them."""
        ...

    def read(self, name: str, split: str) -> Examples:
        """The examples of one split, or of all the data where it has none. Raises a ZooError for faulty rows."""
        ...

    def held_out(self, examples: Examples) -> Examples:
        """Examples that are held out, read whole: they decide, so none of them may turn out to be damaged later."""
        ...

    def keys(self, examples: Examples) -> Sequence[Hashable]:
        """What tells whether two inputs are the same."""
        ...

    def overlap(self, train: Examples, held_out: Examples, pairs: list[tuple[int, int]]) -> str:
        """What it means that these places of both hold the same, in a sentence. Raises a ZooError where that is
        not to be had at all."""
        ...

    @property
    def settled(self) -> dict[str, Any]:
        """The recipe keys that were left to be found, and what was found."""
        ...


class TextReader:
    """Texts, or pairs of them, from a table's columns."""

    def __init__(self, data: DataKeys, problem: str = "") -> None:
        self.data, self.notes, self.digests = data, [], {}
        self.columns = None
        self.problem = problem or data.problem_type or ""

    def has(self, name: str, split: str) -> bool:
        return has_split(name, split, self.settled.get("label"), self.notes)

    def read(self, name: str, split: str) -> Examples:
        table = read_rows(name, split)
        labelled = self.problem != LANGUAGE
        given = named_columns(self.data, name, "text", *(("text_pair", "label") if labelled else ()))
        known = dataclasses.asdict(self.columns) if self.columns else given
        columns = choose_columns(table, **known, need_label=labelled)
        faults = RowFaults(table.source)
        examples = read_examples(table, columns, problem=self.problem, separator=self.data.separator, faults=faults)
        self.columns, self.problem = columns, examples.problem
        return whole(examples, faults, self.data, self.notes)

    def held_out(self, examples: Examples) -> Examples:
        return examples

    def keys(self, examples: Examples) -> list[bytes]:
        return text_keys(examples.inputs)

    def overlap(self, train: Examples, held_out: Examples, pairs: list[tuple[int, int]]) -> str:
        n, other = pairs[0]
        return (
            f"{counted(len(pairs), 'training row is', 'training rows are')} held out, too, "
            f"such as row {train.rows[n]}, which is row "
            f"{held_out.rows[other]} of '{held_out.source}': scores are too good; "
            "data.dedupe = true leaves them out of training"
        )

    @property
    def settled(self) -> dict[str, Any]:
        own = dataclasses.asdict(self.columns) if self.columns else {}
        return own | {"problem_type": self.problem} if own and self.problem != LANGUAGE else own


def reader_for(task: str, data: DataKeys) -> Reader:
    """The reader of a task's inputs."""
    if task == "token-classification":
        from zoo.train.token_reader import TokenReader

        return TokenReader(data)
    if task == "text-generation":
        from zoo.train.chat_reader import ChatReader

        return ChatReader(data)
    if task == "feature-extraction":
        from zoo.train.pair_reader import PairReader

        return PairReader(data)
    if not task.startswith("image-"):
        return TextReader(data)
    from zoo.train.image_reader import ImageReader

    return ImageReader(data)


def called(task: str, examples: Examples, places: Sequence[int]) -> str:
    """What messages call the examples at these places: the paths of pictures, or the rows of their source."""
    if task.startswith("image-") and all(isinstance(examples.inputs[n], str) for n in places):
        return some(f"'{examples.inputs[n]}'" for n in places)
    return f"rows {some(examples.rows[n] for n in places)} of '{examples.source}'"


def whole(examples: Examples, faults: RowFaults, data: DataKeys, notes: list[str]) -> Examples:
    """The examples of a table without those whose rows have faults, of which the notes are told.

    Raises a ZooError that names them where `data.faulty` is to refuse them.
    """
    faults.check_whole(data.faulty)
    return faults.without(examples, notes)


def is_folder(name: str) -> bool:
    """Whether the data is a directory, and no registered data set."""
    try:
        return name not in dataset_names() and Path(name).expanduser().is_dir()
    except (OSError, RuntimeError):  # a name too long, a home that nobody has
        return False


def has_split(name: str, split: str, label: str | None, notes: list[str]) -> bool:
    """Whether a registered data set, or one of the Hub, has a split of its own.

    Args:
        label: the column that it needs, if any. On the Hub, the labels of a test split may be kept back.
        notes: told of a split that is left out for that.
    """
    if not is_hub_data(name):
        return name in dataset_names()
    if split not in find_data(name).splits:
        return False
    if label is None:
        return True
    table = read_rows(name, split)
    lacks = label not in table.columns or table.data.column(label).null_count == len(table)
    if lacks:
        notes.append(f"'{table.source}' has no labels")
    return not lacks


def read_rows(name: str, split: str = "train") -> Table:
    """The rows of a file, or of one split of a registered data set or of one on the Hub."""
    if is_hub_data(name):
        return read_hub_data(name, split)
    if name not in dataset_names():
        return read_table(name)
    return Table(source=f"{name} ({split})", data=_built(name)[split])


def named_columns(data: DataKeys, name: str, *keys: str) -> dict[str, Any]:
    """The columns as the recipe says them, else as a registered data set does."""
    own = find_dataset(name).columns if name in dataset_names() else {}
    return {key: getattr(data, key) or own.get(key) for key in keys}


def pinned(data: DataKeys) -> dict[str, str]:
    """The keys that name data sets of the Hub, with the commits that they stand for now."""
    named = {key: getattr(data, key) for key in ("train", "validation", "test")}
    return {key: pinned_name(name) for key, name in named.items() if isinstance(name, str) and is_hub_data(name)}


@functools.cache
def _built(name: str) -> Any:
    return load_dataset(name)
