"""Reading words and their tags for a run: from columns that hold lists."""

from __future__ import annotations

import dataclasses
from typing import Any

from zoo.data.columns import choose_token_columns
from zoo.data.duplicates import text_keys
from zoo.data.examples import Examples
from zoo.data.row_faults import RowFaults
from zoo.data.token_examples import read_token_examples
from zoo.train.readers import TextReader, named_columns, read_rows, whole
from zoo.train.recipe import DataKeys


class TokenReader(TextReader):
    """Lists of words and lists of their tags, from a table's columns."""

    def __init__(self, data: DataKeys) -> None:
        super().__init__(data)
        self.lists = None

    def read(self, name: str, split: str) -> Examples:
        table = read_rows(name, split)
        given = named_columns(self.data, name, "tokens", "label")
        self.lists = choose_token_columns(table, **(dataclasses.asdict(self.lists) if self.lists else given))
        faults = RowFaults(table.source)
        return whole(read_token_examples(table, self.lists, faults), faults, self.data, self.notes)

    def keys(self, examples: Examples) -> list[bytes]:
        return text_keys(" ".join(words) for words in examples.inputs)

    @property
    def settled(self) -> dict[str, Any]:
        return dataclasses.asdict(self.lists) if self.lists else {}
