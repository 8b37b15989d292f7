"""Reading what a language model learns from for a run: conversations, completions, preferences, or plain texts."""

from __future__ import annotations

import dataclasses
from typing import Any

from zoo.data.chat_columns import ChatColumns, choose_chat_columns
from zoo.data.chat_examples import read_chat_examples
from zoo.data.conversations import ANSWERS, TrainOn, texts_of
from zoo.data.duplicates import text_keys
from zoo.data.examples import Examples
from zoo.data.preference_examples import read_preferences
from zoo.data.problems import LANGUAGE
from zoo.data.row_faults import RowFaults
from zoo.errors import ZooError
from zoo.train.readers import TextReader, named_columns, read_rows, whole
from zoo.train.recipe import DataKeys


class ChatReader(TextReader):
    """Messages, prompts and completions, or preferences from a table's columns; plain texts where it has none."""

    def __init__(self, data: DataKeys) -> None:
        super().__init__(data, LANGUAGE)
        self.chat: ChatColumns | None = None

    def read(self, name: str, split: str) -> Examples:
        if self.columns or self.data.text:
            return super().read(name, split)
        table = read_rows(name, split)
        given = named_columns(self.data, name, *dataclasses.asdict(ChatColumns()))
        self.chat = choose_chat_columns(table, **(dataclasses.asdict(self.chat) if self.chat else given))
        if self.chat is None:
            return super().read(name, split)
        faults = RowFaults(table.source)
        if self.chat.chosen is not None:
            if self.train_on != ANSWERS:
                raise ZooError(
                    f"data.train_on = {self.data.train_on!r}: preferences compare their answers alone.",
                    fix="Leave it out.",
                )
            examples = read_preferences(table, self.chat, chat=self.data.chat, faults=faults)
        else:
            examples = read_chat_examples(
                table, self.chat, train_on=self.train_on, chat=self.data.chat, faults=faults
            )
        return whole(examples, faults, self.data, self.notes)

    @property
    def train_on(self) -> TrainOn:
        return self.data.train_on

    def keys(self, examples: Examples) -> list[bytes]:
        return text_keys(tuple(texts_of(item)) for item in examples.inputs)

    @property
    def settled(self) -> dict[str, Any]:
        return dataclasses.asdict(self.chat) if self.chat else super().settled
