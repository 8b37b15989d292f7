"""Rows of messages, or of prompts and completions, for models that learn to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.data.chat_columns import ChatColumns, note_unread
from zoo.data.conversations import ANSWER, Completion, Conversation, Message, TrainOn, read_messages, read_side
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

    A prompt and its completion are texts, or messages as TRL has them: then they are one conversation, of which
    the completion's answers are learned.

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


def _completion(
    prompt: str, completion: str, train_on: TrainOn, chat: bool | None
) -> Callable[..., Completion | Conversation | None]:
    """Makes the prompt of a row and its completion, for `Table.rows`; None where it is none, which is noted."""

    def made(question: Any, answer: Any, note: Callable[[str], None]) -> Completion | Conversation | None:
        asked, said = read_side(question, prompt, note), read_side(answer, completion, note)
        if asked is None or said is None:
            return None
        whole = True
        for side, what, column in ((asked, "a prompt", prompt), (said, "an answer", completion)):
            if not (side.strip() if isinstance(side, str) else side):
                note(f"Without {what} (column '{column}')")
                whole = False
        if isinstance(asked, str) and isinstance(said, str):
            return Completion(asked, said, train_on, chat)
        before = (Message("user", asked),) if isinstance(asked, str) else asked
        after = (Message(ANSWER, said),) if isinstance(said, str) else said
        if chat is False:
            note("With messages, which have no text but what a chat template writes (data.chat = false)")
        talk = Conversation((*before, *after), train_on, len(before))
        for fault in talk.faults() if whole else ():
            note(fault)
        return talk

    return made
