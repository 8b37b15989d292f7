"""Examples that are there twice: in training and held out, or with two different labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from zoo.data.examples import Examples


def text_keys(inputs: Iterable[Any]) -> list[str]:
    """What texts, or pairs of them, are compared by: case and white space make no difference."""
    return ["\0".join(map(_normal, (item,) if isinstance(item, str) else item)) for item in inputs]


def _normal(text: str) -> str:
    return " ".join(text.casefold().split())


def same(train: Sequence[str], held_out: Sequence[str]) -> list[tuple[int, int]]:
    """The places of examples that are in both sets, by their keys: (in training, held out)."""
    places = {key: n for n, key in reversed([*enumerate(held_out)]) if key}
    return [(n, places[key]) for n, key in enumerate(train) if key in places]


def contradictions(examples: Examples, keys: Sequence[str]) -> list[tuple[int, ...]]:
    """The places of equal inputs that have different labels, a tuple for each such input."""
    groups: dict[str, list[int]] = {}
    for n, key in enumerate(keys):
        if key:
            groups.setdefault(key, []).append(n)
    labels = examples.labels or []
    return [tuple(group) for group in groups.values() if len({labels[n] for n in group if labels}) > 1]
