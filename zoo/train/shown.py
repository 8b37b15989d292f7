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


@dataclass(frozen=True)
class Shown:
    """One training example.

    Args:
        row: where it comes from.
        ids: its tokens,
        tokens: the text of each,
        trained: and whether the loss is on it.
        label: what it is trained to be, where a whole input has a label.
    """

    row: int
    ids: list[int]
    tokens: list[str]
    trained: list[bool]
    label: str = ""

    def runs(self) -> Iterator[tuple[bool, str]]:
        """Runs of tokens that are trained, or are not: whether, and their text. White space is made visible."""
        for trained, run in groupby(zip(self.trained, self.tokens, strict=True), key=lambda pair: pair[0]):
            yield trained, " ".join(text.translate(_VISIBLE) for _, text in run)


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
        found.append(Shown(train.rows[n], ids, [_text(tokenizer, token) for token in ids], trained, label))
    return found


def _text(tokenizer: Any, token: int) -> str:
    text = tokenizer.decode([token], skip_special_tokens=False)
    return tokenizer.id_to_token(token) if not text or _UNFINISHED in text else text
