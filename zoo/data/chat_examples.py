"""Rows of messages, or of prompts and completions, for models that learn to answer."""

from __future__ import annotations

from typing import Any

from zoo.data.chat_columns import ChatColumns, note_unread
from zoo.data.conversations import Completion, Conversation, Message, TrainOn, read_messages
from zoo.data.examples import Examples
from zoo.data.problems import LANGUAGE
from zoo.data.row_faults import RowFaults
from zoo.data.table import Table


def read_chat_examples(
    table: Table,
    columns: ChatColumns,
    *,
    train_on: TrainOn,
    chat: bool | None = None,
    faults: RowFaults | None = None,
) -> Examples:
    """The examples of a table: a `Conversation` or a `Completion` for each row.

    Args:
        train_on: what of them the loss is on.
        chat: whether the chat template writes prompts and completions; as the checkpoint has one by default.
        faults: notes what is wrong with rows, in place of the error.

    Raises a ZooError that names the rows without messages, with an unknown role, with content that is no text,
    without a prompt or an answer, or with tools or anything else that is not read.
    """
    noted = RowFaults(table.source) if faults is None else faults
    inputs: list[Any] = []
    if columns.messages is not None:
        for n, value in enumerate(table.column(columns.messages)):
            found = list(read_messages(value or ()))
            if not found:
                noted.add(f"Without messages (column '{columns.messages}')", n)
            for item in found:
                if isinstance(item, str):
                    noted.add(item[0].upper() + item[1:], n)
            inputs.append(conversation := Conversation(tuple(m for m in found if isinstance(m, Message)), train_on))
            for fault in conversation.faults() if len(found) == len(conversation.messages) > 0 else ():
                noted.add(fault, n)
    else:
        assert columns.prompt is not None
        assert columns.completion is not None
        pairs = zip(table.column(columns.prompt), table.column(columns.completion), strict=True)
        for n, (prompt, completion) in enumerate(pairs):
            for text, column in ((prompt, columns.prompt), (completion, columns.completion)):
                if not (text or "").strip():
                    what = "an answer" if column == columns.completion else "a prompt"
                    noted.add(f"Without {what} (column '{column}')", n)
            inputs.append(Completion(prompt or "", completion or "", train_on, chat))
    note_unread(table, inputs, noted)
    if faults is None:
        noted.check_whole()
    return Examples(inputs, None, list(range(1, len(table) + 1)), table.source, LANGUAGE)
