"""Reading pictures for a run: from folders by class, or from a table's columns."""

from __future__ import annotations

import dataclasses
from typing import Any

from zoo.data.columns import choose_image_columns
from zoo.data.examples import Examples
from zoo.data.image_examples import inspect, read_image_examples, refuse_same, without_faulty
from zoo.data.image_folder import folder_splits, read_image_folder, split_folder
from zoo.data.row_faults import RowFaults
from zoo.errors import ZooError
from zoo.train.readers import has_split, is_folder, named_columns, read_rows, whole
from zoo.train.recipe import DataKeys


class ImageReader:
    """Pictures, from folders by class or from a table's columns."""

    def __init__(self, data: DataKeys) -> None:
        self.data, self.notes = data, []
        self.columns = None
        self.problem = data.problem_type or ""
        self.digests: dict[Any, str] = {}

    def has(self, name: str, split: str) -> bool:
        if is_folder(name):
            return split in folder_splits(name)
        return has_split(name, split, self.settled.get("label"), self.notes)

    def read(self, name: str, split: str) -> Examples:
        if is_folder(name):
            examples = self._of_folder(name, split)
        else:
            table = read_rows(name, split)
            given = named_columns(self.data, name, "image", "label")
            columns = choose_image_columns(table, **(dataclasses.asdict(self.columns) if self.columns else given))
            faults = RowFaults(table.source)
            examples = read_image_examples(
                table, columns, problem=self.problem, separator=self.data.separator, faults=faults
            )
            self.columns = self.columns or columns
            examples = whole(examples, faults, self.data, self.notes)
        self.problem = examples.problem
        return self._sound(examples, decode=False)

    def _of_folder(self, name: str, split: str) -> Examples:
        """The pictures of a folder. Raises a ZooError where their labels are to be more than one class each."""
        examples = read_image_folder(split_folder(name, split), self.notes)
        if self.problem not in ("", examples.problem):
            raise ZooError(
                f"'{name}' is a folder by class, and its pictures have one class each.",
                why=f"data.problem_type is '{self.problem}'",
                fix="Several labels, or a number, are for a table: a column of paths and one of labels.",
            )
        return examples

    def held_out(self, examples: Examples) -> Examples:
        return self._sound(examples, decode=True)

    def _sound(self, examples: Examples, *, decode: bool) -> Examples:
        inspection = inspect(examples, decode=decode)
        self.digests |= dict(zip(examples.inputs, inspection.digests, strict=True))
        return without_faulty(examples, inspection.faults, self.data.faulty, self.notes)

    def keys(self, examples: Examples) -> list[str]:
        return [self.digests[raw] for raw in examples.inputs]

    def overlap(self, train: Examples, held_out: Examples, pairs: list[tuple[int, int]]) -> str:
        refuse_same(train, held_out, pairs)

    @property
    def settled(self) -> dict[str, Any]:
        return dataclasses.asdict(self.columns) | {"problem_type": self.problem} if self.columns else {}
