"""Rows of messages, or of prompts and completions, for models that learn to answer."""

from __future__ import annotations

from collections.abc import Callable
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
    if columns.messages is not None:
        make = _conversation(columns.messages, train_on)
        inputs = table.rows(make, columns.messages, faults=noted)
    else:
        assert columns.prompt is not None
        assert columns.completion is not None
        make = _completion(columns.prompt, columns.completion, train_on, chat)
        inputs = table.rows(make, columns.prompt, columns.completion, faults=noted)
    note_unread(table, inputs, noted)
    if faults is None:
        noted.check_whole()
    return Examples(inputs, None, table.numbers, table.source, LANGUAGE)


def _conversation(column: str, train_on: TrainOn) -> Callable[..., Conversation]:
    """Makes the conversation of a row, for `Table.rows`."""

    def conversation(value: Any, note: Callable[[str], None]) -> Conversation:
        found = list(read_messages(value or ()))
        if not found:
            note(f"Without messages (column '{column}')")
        for item in found:
            if isinstance(item, str):
                note(item[0].upper() + item[1:])
        made = Conversation(tuple(m for m in found if isinstance(m, Message)), train_on)
        for fault in made.faults() if len(found) == len(made.messages) > 0 else ():
            note(fault)
        return made

    return conversation


def _completion(prompt: str, completion: str, train_on: TrainOn, chat: bool | None) -> Callable[..., Completion]:
    """Makes the prompt of a row and its completion, for `Table.rows`."""

    def made(question: str | None, answer: str | None, note: Callable[[str], None]) -> Completion:
        for text, what, column in ((question, "a prompt", prompt), (answer, "an answer", completion)):
            if not (text or "").strip():
                note(f"Without {what} (column '{column}')")
        return Completion(question or "", answer or "", train_on, chat)

    return made
