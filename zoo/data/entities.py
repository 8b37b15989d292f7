"""Entities in a sequence of tags: `B-PER I-PER O` holds one of kind `PER`."""

from __future__ import annotations

from collections.abc import Sequence

Entity = tuple[str, int, int]
"""Its kind, and the places of its first and its last word."""


def has_entities(labels: Sequence[str]) -> bool:
    """Whether tags mark entities, with `B-` and `I-`."""
    return any(label[:2] in ("B-", "I-") for label in labels)


def entities(tags: Sequence[str]) -> set[Entity]:
    """The entities of one sequence, as conlleval and seqeval's default mode find them.

    `B-X` opens one, `I-X` goes on with it, or opens one where none of kind X is open; anything else closes it.
    """
    found: set[Entity] = set()
    kind, start = "", 0
    for place, tag in enumerate([*tags, "O"]):
        mark, of = (tag[:1], tag[2:]) if tag[:2] in ("B-", "I-") else ("O", "")
        if kind and (mark != "I" or of != kind):
            found.add((kind, start, place - 1))
            kind = ""
        if mark != "O" and not kind:
            kind, start = of, place
    return found
