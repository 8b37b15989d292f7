"""How a recipe's data is read: from a name and a split to examples. Pictures have a file of their own."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, Protocol

from zoo.data.columns import choose_columns
from zoo.data.duplicates import text_keys
from zoo.data.examples import Examples, read_examples
from zoo.data.problems import LANGUAGE
from zoo.data.readers import read_table
from zoo.data.row_faults import RowFaults
from zoo.data.table import Table
from zoo.registry.code import dataset_names, find_dataset, load_dataset
from zoo.train.recipe import DataKeys

ALL = ("train", "validation", "test")


class Reader(Protocol):
    """Reads every split of a run the way the first was read."""

    notes: list[str]
    """What people should know of the data: what was left out, and why."""
    digests: dict[Any, str]
    """The sha256 of what an input stands for, such as the picture behind a path."""

    def splits(self, name: str) -> tuple[str, ...]:
        """The splits that the data has of its own."""
        ...

    def read(self, name: str, split: str) -> Examples:
        """The examples of one split, or of all the data where it has none. Raises a ZooError for faulty rows."""
        ...

    def held_out(self, examples: Examples) -> Examples:
        """Examples that are held out, read whole: they decide, so none of them may turn out to be damaged later."""
        ...

    def keys(self, examples: Examples) -> list[str]:
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

    def splits(self, name: str) -> tuple[str, ...]:
        return ALL if name in dataset_names() else ("train",)

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

    def keys(self, examples: Examples) -> list[str]:
        return text_keys(examples.inputs)

    def overlap(self, train: Examples, held_out: Examples, pairs: list[tuple[int, int]]) -> str:
        n, other = pairs[0]
        return (
            f"{len(pairs):,} training rows are held out, too, such as row {train.rows[n]}, which is row "
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


def read_rows(name: str, split: str = "train") -> Table:
    """The rows of a file, or of one split of a registered data set."""
    if name not in dataset_names():
        return read_table(name)
    return Table(source=f"{name} ({split})", data=_built(name)[split])


def named_columns(data: DataKeys, name: str, *keys: str) -> dict[str, Any]:
    """The columns as the recipe says them, else as a registered data set does."""
    own = find_dataset(name).columns if name in dataset_names() else {}
    return {key: getattr(data, key) or own.get(key) for key in keys}


@functools.cache
def _built(name: str) -> Any:
    return load_dataset(name)
