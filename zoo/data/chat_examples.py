"""Rows of messages, or of prompts and completions, for models that learn to answer."""

from __future__ import annotations

from typing import Any

from zoo.data.columns import ChatColumns
from zoo.data.conversations import Completion, Conversation, Message, TrainOn, read_messages
from zoo.data.examples import Examples
from zoo.data.problems import LANGUAGE
from zoo.data.table import Table
from zoo.errors import Faults, some


class RowNotes:
    """What is wrong with the rows of a table, each fault with all the rows that have it."""

    def __init__(self) -> None:
        self.row = 0
        """The row that is looked at, counted from 1."""
        self._found: dict[str, list[int]] = {}

    def add(self, fault: str) -> None:
        rows = self._found.setdefault(fault, [])
        rows.extend([] if self.row in rows[-1:] else [self.row])

    def check(self, source: str) -> None:
        """Raise a ZooError that lists every fault with its rows, if there are any."""
        whole = Faults()
        for fault, rows in self._found.items():
            whole.add(f"{fault}: {'row' if len(rows) == 1 else 'rows'} {some(rows)}.")
        whole.check(f"'{source}' has rows that are not whole.", fix="Complete these rows, or leave them out.")


def read_chat_examples(
    table: Table, columns: ChatColumns, *, train_on: TrainOn, chat: bool | None = None
) -> Examples:
    """The examples of a table: a `Conversation` or a `Completion` for each row.

    Args:
        train_on: what of them the loss is on.
        chat: whether the chat template writes prompts and completions; as the checkpoint has one by default.

    Raises a ZooError that names the rows without messages, with an unknown role, with content that is no text, or
    without a prompt or an answer.
    """
    notes = RowNotes()
    inputs: list[Any] = []
    if columns.messages is not None:
        for notes.row, value in enumerate(table.column(columns.messages), 1):
            found = list(read_messages(value or ()))
            if not found:
                notes.add(f"Without messages (column '{columns.messages}')")
            for item in found:
                if isinstance(item, str):
                    notes.add(item[0].upper() + item[1:])
            inputs.append(conversation := Conversation(tuple(m for m in found if isinstance(m, Message)), train_on))
            for fault in conversation.faults() if len(found) == len(conversation.messages) > 0 else ():
                notes.add(fault)
    else:
        assert columns.prompt is not None
        assert columns.completion is not None
        pairs = zip(table.column(columns.prompt), table.column(columns.completion), strict=True)
        for notes.row, (prompt, completion) in enumerate(pairs, 1):
            for text, column in ((prompt, columns.prompt), (completion, columns.completion)):
                if not (text or "").strip():
                    what = "an answer" if column == columns.completion else "a prompt"
                    notes.add(f"Without {what} (column '{column}')")
            inputs.append(Completion(prompt or "", completion or "", train_on, chat))
    notes.check(table.source)
    return Examples(inputs, None, list(range(1, len(table) + 1)), table.source, LANGUAGE)
