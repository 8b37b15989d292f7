"""What a table may be meant for, where it has no text and label that are clear."""

from __future__ import annotations

from zoo.data.column_kinds import holds_lists, holds_messages, holds_text, type_of
from zoo.data.table import Table

_DELIMITERS = (";", "\t", "|")


def hints(table: Table, *, label: bool) -> list[str]:
    """What to do about such a table, in sentences; none where nothing is to be guessed.

    Args:
        label: whether a label was found.
    """
    kinds = {name: type_of(table, name) for name in table.columns}
    texts = [name for name, kind in kinds.items() if holds_text(kind)]
    words = [name for name, kind in kinds.items() if holds_lists(kind) and holds_text(kind.value_type)]
    talks = [name for name, kind in kinds.items() if holds_messages(kind)]
    found = []
    if talks:
        found.append(f"'{talks[0]}' holds messages: these need a model with --task text-generation.")
    elif {"chosen", "rejected"} <= {name.casefold() for name in kinds}:
        found.append("Answers chosen and rejected are preferences: these need a model with --task text-generation.")
    if words and not texts and sum(map(holds_lists, kinds.values())) > 1:
        found.append("Lists of words and of their tags are for --task token-classification.")
    if len(texts) == 2 and len(kinds) == 2 and not label:
        found.append("Two texts without a label are a pair for --task feature-extraction.")
    if len(kinds) == 1 and (parts := [repr(mark) for mark in _DELIMITERS if mark in table.columns[0]]):
        found.append(f"The only column's name has {parts[0]} in it: write csv with commas, or tsv with tabs.")
    return found
