"""Which columns of a table a model learns to answer by: as the user said, or by their usual names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.data.column_kinds import either, holds_messages, holds_side, holds_text, holds_truths, listed, type_of
from zoo.data.conversations import Conversation, Preference
from zoo.data.row_faults import RowFaults
from zoo.data.table import Table
from zoo.errors import Faults, did_you_mean

MESSAGES_NAMES = {"messages", "conversations", "conversation", "dialog", "dialogue", "chat"}
PROMPT_NAMES = {"prompt", "question", "instruction", "query"}
COMPLETION_NAMES = {"completion", "response", "answer", "output"}
_SAID_TOO = {"input", "context", "system", "system_prompt"}  # what a model was told beside a prompt
_UNREAD = ("tools", "documents", "chat_template_kwargs")  # what templates write beside a conversation


@dataclass(frozen=True)
class ChatColumns:
    """The names of the columns to read, where a model learns to answer: messages, prompts and completions, or two
    answers of which one is preferred, with or without their prompt."""

    messages: str | None = None
    prompt: str | None = None
    completion: str | None = None
    chosen: str | None = None
    rejected: str | None = None


def choose_chat_columns(
    table: Table,
    *,
    messages: str | None = None,
    prompt: str | None = None,
    completion: str | None = None,
    chosen: str | None = None,
    rejected: str | None = None,
) -> ChatColumns | None:
    """The columns of what a model learns to answer by: given names are checked, else those with usual names.

    Returns None where none is given and none has such a name: then the rows are plain texts.

    Raises a ZooError that names the key to set.
    """
    faults = Faults()
    asked = prompt, messages
    sides = {name.casefold() for name in table.columns if holds_side(type_of(table, name))}
    prefers = bool(chosen or rejected) or (sides >= {"chosen", "rejected"} and not (messages or completion))
    side = holds_side, "text or lists of messages"
    kinds = {
        "messages": (messages, MESSAGES_NAMES, holds_messages, "lists of messages"),
        "prompt": (prompt, PROMPT_NAMES, *side),
        "completion": (completion, COMPLETION_NAMES, *side),
        "chosen": (chosen, {"chosen"}, *side),
        "rejected": (rejected, {"rejected"}, *side),
    }
    given = {key: name for key, (name, *_) in kinds.items() if name is not None}
    for key, name in given.items():
        _, _, fits, wanted = kinds[key]
        if name not in table.columns:
            faults.add(f"data.{key}: there is no column '{name}'.{did_you_mean(name, table.columns)}")
        elif not fits(type_of(table, name)):
            faults.add(f"data.{key}: column '{name}' holds {type_of(table, name)}, not {wanted}.")
    if "messages" in given and len(given) > 1:
        others = " and ".join(f"data.{key}" for key in given if key != "messages")
        faults.add(f"data.messages is given, and {others}, too: a row is one or the other.")
    if completion and (chosen or rejected):
        faults.add("data.completion is given, and data.chosen or data.rejected, too: a row is one or the other.")

    def guessed(key: str) -> str | None:
        _, names, fits, _ = kinds[key]
        found = [
            n
            for n in table.columns
            if n.casefold() in names and fits(type_of(table, n)) and n not in given.values()
        ]
        if len(found) > 1 and given:
            faults.add(f"data.{key}: it may be {either(found)}.")
        return found[0] if len(found) == 1 else None

    if prefers and not faults:
        found = {key: given.get(key) or guessed(key) for key in ("prompt", "chosen", "rejected")}
        faults.found += [
            f"data.{key}: no column has a usual name." for key in ("chosen", "rejected") if not found[key]
        ]
        if not faults and not found["prompt"] and holds_text(type_of(table, str(found["chosen"]))):
            faults.add("data.prompt: no column has a usual name, or several have.")
        given = {key: name for key, name in found.items() if name}
    elif not given and (found := guessed("messages")):
        given = {"messages": found}
    elif "messages" not in given:
        pair = {key: given.get(key) or guessed(key) for key in ("prompt", "completion")}
        if given and not faults:
            faults.found += [f"data.{key}: no column has a usual name." for key, name in pair.items() if not name]
        given = {key: name for key, name in pair.items() if name} if all(pair.values()) else {}
    talks = [name for name in table.columns if holds_messages(type_of(table, name))]
    if talks and not (given or faults) and not any(holds_text(type_of(table, name)) for name in table.columns):
        faults.add(f"data.messages: no column has a usual name; messages are in {either(talks)}.")
    if given and not any(asked):
        faults.found += _beside(table, given)
    if faults:
        faults.add(listed(table))
    faults.check(
        f"Which columns of '{table.source}' to use is not clear.",
        fix='Name them in the recipe or with --set, such as --set data.messages="messages".',
    )
    return ChatColumns(**given) if given else None


def _beside(table: Table, given: dict[str, str]) -> list[str]:
    """What would be lost of rows whose columns were guessed: more that was said, and which answers are good."""
    others = [name for name in table.columns if name not in given.values()]
    key = next((key for key in ("prompt", "messages") if key in given), None)
    found = [
        f"data.{key}: '{name}' stands beside '{given[key]}', and what it says would be lost. Write both as one, or "
        f"name data.{key} to do without."
        for name in others
        if key and name.casefold() in _SAID_TOO and holds_text(type_of(table, name)) and any(table.column(name))
    ]
    if "completion" in given:
        found += [
            f"data.completion: '{name}' says which answers are good, and zoo would learn them all. Keep the good "
            "ones, or make pairs of a chosen and a rejected answer."
            for name in others
            if name.casefold() == "label" and holds_truths(type_of(table, name)) and not all(table.column(name))
        ]
    return found


def note_unread(table: Table, inputs: Sequence[Any], faults: RowFaults) -> None:
    """Note the rows where something stands beside a conversation that a template would write, and zoo does not."""
    for name in (name for name in _UNREAD if name in table.columns):
        for n, (item, cell) in enumerate(zip(inputs, table.column(name), strict=True)):
            told = item.prompt if isinstance(item, Preference) else item
            if isinstance(told, Conversation) and _holds_something(cell):
                faults.add(f"With '{name}' beside the messages, which zoo does not train as it is meant", n)


def _holds_something(cell: Any) -> bool:
    """Whether a cell is not empty; JSON in a string counts as what it says, and a field that is none as missing."""
    if isinstance(cell, dict):
        return any(value is not None for value in cell.values())
    return bool(cell) and cell not in ("[]", "{}", "null")
