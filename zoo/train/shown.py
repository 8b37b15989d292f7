"""Examples as a model gets them: token by token, with those marked that are trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from zoo.data.encoded import NO_LABEL
from zoo.data.examples import Examples
from zoo.data.problems import PREFERENCE
from zoo.errors import ZooError
from zoo.train.batches import Batches

_VISIBLE = str.maketrans({" ": "▁", "\n": "↵", "\t": "→"})
_UNFINISHED = "\ufffd"  # what a tokenizer makes of bytes that are no character yet
_LONGEST = 4  # UTF-8's bytes of a character
_PART = "·"


@dataclass(frozen=True)
class Shown:
    """One training example.

    Args:
        row: where it comes from.
        ids: its tokens,
        tokens: the text of each; where several make a character, the last one has it, and the others none,
        trained: and whether the loss is on it.
        label: what it is trained to be, where a whole input has a label.
    """

    row: int
    ids: list[int]
    tokens: list[str]
    trained: list[bool]
    label: str = ""

    def runs(self) -> Iterator[tuple[bool, str]]:
        """Runs of tokens that are trained, or are not: whether, and their text.

        White space is made visible, and so are tokens of which the next one tells the character.
        """
        for trained, run in groupby(zip(self.trained, self.tokens, strict=True), key=lambda pair: pair[0]):
            yield trained, " ".join(text.translate(_VISIBLE) or _PART for _, text in run)


def first_examples(model: Any, batches: Any, train: Examples, count: int) -> list[Shown]:
    """The first `count` training examples. Raises a ZooError where they are no texts."""
    if not isinstance(batches, Batches):
        raise ZooError("Pictures have no tokens to show.", fix="Leave --show out.")
    tokenizer, found = model.preprocess.tokenizer, []
    for place, item in enumerate(batches.encoded[: count * batches.texts]):
        n, side = divmod(place, batches.texts)
        own = batches.targets[n] if isinstance(batches.targets, list) else item.labels
        ids = item.ids.tolist()
        trained = [False] * len(ids) if own is None else (own != NO_LABEL).tolist()
        label = str(train.labels[n]) if train.labels and own is None else ""
        if train.problem == PREFERENCE:
            label = ("chosen", "rejected")[side]
        found.append(Shown(train.rows[n], ids, token_texts(tokenizer, ids), trained, label))
    return found


def token_texts(tokenizer: Any, ids: list[int]) -> list[str]:
    """The text of each token; of the bytes of a character its last token has all."""
    found: list[str] = []
    while len(found) < len(ids):
        found += _character(tokenizer, ids[len(found) : len(found) + _LONGEST])
    return found


def _character(tokenizer: Any, ids: list[int]) -> list[str]:
    """The texts of the first tokens, as few as make characters; the first one's name where they make none."""
    for count in range(1, len(ids) + 1):
        text = tokenizer.decode(ids[:count], skip_special_tokens=False)
        if not text:
            break
        if _UNFINISHED not in text:
            return [""] * (count - 1) + [text]
    return [tokenizer.id_to_token(ids[0])]
