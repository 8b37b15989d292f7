"""Rows of a prompt and two answers to it, of which one is preferred: texts, or messages as TRL has them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from zoo.data.chat_columns import ChatColumns, note_unread
from zoo.data.conversations import ANSWER, Conversation, Message, Preference, Side, read_side
from zoo.data.examples import Examples
from zoo.data.problems import PREFERENCE
from zoo.data.row_faults import RowFaults
from zoo.data.table import Table

Note = Callable[[str], None]
"""Hears what is wrong with a row."""
_OPENING = ("system", "developer")  # roles that stand above a conversation


def read_preferences(
    table: Table, columns: ChatColumns, *, chat: bool | None = None, faults: RowFaults | None = None
) -> Examples:
    """The examples of a table: a `Preference` for each row.

    An answer is a text, or a list of messages that ends with it; what comes before is then the prompt, or its end.
    Both lists begin with the same messages.

    Args:
        chat, faults: as in `read_chat_examples`.

    Raises a ZooError that names the rows without a prompt or an answer, with answers that are the same or belong to
    different prompts, or with messages that are none.
    """
    noted = RowFaults(table.source) if faults is None else faults
    names = [name for name in (columns.prompt, columns.chosen, columns.rejected) if name is not None]
    inputs = table.rows(functools.partial(_row, columns=columns, chat=chat), *names, faults=noted)
    note_unread(table, inputs, noted)
    if faults is None:
        noted.check_whole()
    return Examples(inputs, None, table.numbers, table.source, PREFERENCE)


def _row(*cells: Any, columns: ChatColumns, chat: bool | None, note: Note) -> Preference | None:
    """A row, for `Table.rows`; None where it is none, which is noted."""
    given = iter(cells)
    names = (columns.prompt, columns.chosen, columns.rejected)
    prompt, chosen, rejected = (read_side(next(given) if name else None, name, note) for name in names)
    if prompt is None or chosen is None or rejected is None:
        return None
    return _preference(prompt, chosen, rejected, columns, chat, note)


def _preference(
    prompt: Side, chosen: Side, rejected: Side, columns: ChatColumns, chat: bool | None, note: Note
) -> Preference | None:
    """A row; None where it is none, which is noted."""
    question = prompt if isinstance(prompt, str) else Conversation(prompt)
    if not (isinstance(chosen, str) and isinstance(rejected, str)):
        chosen, rejected = _as_messages(chosen, rejected), _as_messages(rejected, chosen)
        before, chosen, rejected = _parted(chosen, rejected)
        question = Conversation((*_begun(prompt, before, note), *before))
        if len(chosen) > 1 or len(rejected) > 1:
            note("With answers to different prompts, or of more than one message")
            return None
    answers = [_answer(side, note) for side in (chosen, rejected)]
    for answer, name in zip(answers, (columns.chosen, columns.rejected), strict=True):
        if not answer.strip():
            note(f"Without an answer (column '{name}')")
    if answers[0] == answers[1] and answers[0].strip():
        note("With the same answer chosen and rejected")
    if not (question.strip() if isinstance(question, str) else question.messages):
        note("Without a prompt" + (f" (column '{columns.prompt}')" if columns.prompt else ""))
    return Preference(question, answers[0], answers[1], chat)


def _as_messages(side: Side, other: Side) -> tuple[Message, ...]:
    """An answer as messages; a text stands where the other one's does."""
    if isinstance(side, tuple):
        return side
    return (*(other[:-1] if isinstance(other, tuple) else ()), Message(ANSWER, side))


def _parted(chosen: tuple[Message, ...], rejected: tuple[Message, ...]) -> tuple[tuple[Message, ...], ...]:
    """The messages that both begin with, but for the last of either, and what follows them in each."""
    most = max(0, min(len(chosen), len(rejected)) - 1)
    shared = next((n for n in range(most) if chosen[n] != rejected[n]), most)
    return chosen[:shared], chosen[shared:], rejected[shared:]


def _answer(side: Side, note: Note) -> str:
    if isinstance(side, str):
        return side
    if side and side[0].role != ANSWER:
        note(f"With an answer of the role '{side[0].role}'")
    return side[-1].content if side else ""


def _begun(prompt: Side, before: tuple[Message, ...], note: Note) -> tuple[Message, ...]:
    """What of the prompt the answers' own messages do not begin with; noted if they do not go on from it."""
    if isinstance(prompt, str):
        return (Message("user", prompt),) if prompt and not before else ()
    own = next(prompt[:n] for n in range(len(prompt) + 1) if prompt[n:] == before[: len(prompt) - n])
    if own and before and before[0].role in (own[-1].role, *_OPENING):
        note("With a prompt that its answers' messages do not go on from")
    return own
