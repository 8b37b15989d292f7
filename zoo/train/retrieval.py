"""Finding the partner of a text among many, by cosine."""

from __future__ import annotations

import numpy as np

_CHUNK = 256


def nearest(texts: np.ndarray, partners: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each text says of its own partner among the partners of all.

    Equal partners are one candidate. A partner of an equal text is right, too, and does not stand in the way.

    Args:
        texts, partners: vectors `(pairs, dim)`.
        numbers: `(pairs, 2)`, the same for equal texts of a column, and the place of the first of them.

    Returns:
        the rank of each text's own partner, 1 for the first, where one that is just as near counts half; and the
        number of the partner that comes first.
    """
    texts, partners = (
        side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12) for side in (texts, partners)
    )
    candidates, own = np.unique(numbers[:, 1], return_inverse=True)
    partners = partners[candidates]
    alike: dict[int, list[int]] = {}
    for text, partner in zip(numbers[:, 0].tolist(), own.tolist(), strict=True):
        alike.setdefault(text, []).append(partner)
    ranks, first = np.zeros(len(texts), np.float32), np.zeros(len(texts), np.float32)
    for start in range(0, len(texts), _CHUNK):
        cosines = texts[start : start + _CHUNK] @ partners.T
        for n, row in enumerate(cosines, start):
            mine = row[own[n]]
            row[alike[int(numbers[n, 0])]] = -np.inf
            row[own[n]] = mine
            others = np.delete(row, own[n])
            ranks[n] = 1 + (others > mine).sum() + (others == mine).sum() / 2
            first[n] = candidates[row.argmax()]
    return ranks, first
