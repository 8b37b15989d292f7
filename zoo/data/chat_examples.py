"""Rows of messages, or of prompts and completions, for models that learn to answer."""

from __future__ import annotations

from typing import Any

from zoo.data.columns import ChatColumns
from zoo.data.conversations import Completion, Conversation, Message, TrainOn, read_messages
from zoo.data.examples import Examples
from zoo.data.problems import LANGUAGE
from zoo.data.table import Table
from zoo.errors import Faults, some


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
    faults: dict[str, list[int]] = {}

    def note(row: int, fault: str) -> None:
        rows = faults.setdefault(fault, [])
        rows.extend([] if row in rows[-1:] else [row])

    inputs: list[Any] = []
    if columns.messages is not None:
        for row, value in enumerate(table.column(columns.messages), 1):
            found = list(read_messages(value or ()))
            if not found:
                note(row, f"Without messages (column '{columns.messages}')")
            for item in found:
                if isinstance(item, str):
                    note(row, item[0].upper() + item[1:])
            inputs.append(conversation := Conversation(tuple(m for m in found if isinstance(m, Message)), train_on))
            for fault in conversation.faults() if len(found) == len(conversation.messages) > 0 else ():
                note(row, fault)
    else:
        assert columns.prompt is not None
        assert columns.completion is not None
        pairs = zip(table.column(columns.prompt), table.column(columns.completion), strict=True)
        for row, (prompt, completion) in enumerate(pairs, 1):
            for text, column in ((prompt, columns.prompt), (completion, columns.completion)):
                if not (text or "").strip():
                    what = "an answer" if column == columns.completion else "a prompt"
                    note(row, f"Without {what} (column '{column}')")
            inputs.append(Completion(prompt or "", completion or "", train_on, chat))
    whole = Faults()
    for fault, rows in faults.items():
        whole.add(f"{fault}: {'row' if len(rows) == 1 else 'rows'} {some(rows)}.")
    whole.check(f"'{table.source}' has rows that are not whole.", fix="Complete these rows, or leave them out.")
    return Examples(inputs, None, list(range(1, len(table) + 1)), table.source, LANGUAGE)
