"""Examples that are there twice: in training and held out, or with two different labels."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from zoo.data.examples import Examples


def text_keys(inputs: Iterable[Any]) -> list[bytes]:
    """What texts, or pairs of them, are compared by: case and white space make no difference."""
    return [digest("\0".join(map(_normal, (item,) if isinstance(item, str) else item))) for item in inputs]


def digest(text: str) -> bytes:
    """What stands for a text, so that it need not be held: 16 bytes, or none of an empty one."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest() if text else b""


def _normal(text: str) -> str:
    return " ".join(text.casefold().split())


def same(train: Sequence[Hashable], held_out: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The places of examples that are in both sets, by their keys: (in training, held out)."""
    places = {key: n for n, key in reversed([*enumerate(held_out)]) if key}
    return [(n, places[key]) for n, key in enumerate(train) if key in places]


def contradictions(examples: Examples, keys: Sequence[Hashable]) -> list[tuple[int, ...]]:
    """The places of equal inputs that have different labels, a tuple for each such input."""
    first: dict[Hashable, int] = {}
    groups: dict[int, list[int]] = {}
    for n, key in enumerate(keys):
        if key and (start := first.setdefault(key, n)) != n:
            groups.setdefault(start, [start]).append(n)
    labels = examples.labels or []
    found = (tuple(groups[start]) for start in sorted(groups))
    return [group for group in found if len({labels[n] for n in group if labels}) > 1]
