"""Reading pairs of texts for a run."""

from __future__ import annotations

from typing import Any

from zoo.data.examples import Examples
from zoo.data.pairs import choose_pair_columns, read_pairs
from zoo.data.problems import RETRIEVAL
from zoo.data.row_faults import RowFaults
from zoo.train.readers import TextReader, named_columns, read_rows, whole
from zoo.train.recipe import DataKeys


class PairReader(TextReader):
    """Texts and their partners, from two columns of a table."""

    def __init__(self, data: DataKeys) -> None:
        super().__init__(data, RETRIEVAL)

    def read(self, name: str, split: str) -> Examples:
        table = read_rows(name, split)
        given = self.settled or named_columns(self.data, name, "text", "text_pair")
        self.columns = choose_pair_columns(table, **given)
        faults = RowFaults(table.source)
        return whole(read_pairs(table, self.columns, faults), faults, self.data, self.notes)

    @property
    def settled(self) -> dict[str, Any]:
        return {"text": self.columns.text, "text_pair": self.columns.text_pair} if self.columns else {}
