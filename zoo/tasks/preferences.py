"""Preferences as a language model is trained on them: each as two texts, the chosen answer's and the rejected's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from keras import ops

from zoo.data.conversations import Preference
from zoo.data.encoded import Encoded, EncodedTexts
from zoo.data.row_faults import RowFaults


def encode_preferences(
    encode: Callable[[Iterable[Any], RowFaults], EncodedTexts], inputs: Sequence[Preference], faults: RowFaults
) -> EncodedTexts:
    """The two texts of each preference in turn; only the answers have labels.

    Args:
        encode: encodes what is answered, and notes the faults of it.
        faults: hears of answers that are the same, or not whole, by the preference's place.
    """
    chosen, rejected = (encode((item.answered[side] for item in inputs), faults) for side in range(2))
    for n, (one, other) in enumerate(zip(chosen, rejected, strict=True)):
        if len(one) and len(one) == len(other) and (one.ids == other.ids).all():
            faults.add("With two answers that are the same tokens", n)
    return EncodedTexts(text for pair in zip(chosen, rejected, strict=True) for text in pair)


def as_answers(arrays: dict[str, Any], reference: Any) -> tuple[dict[str, Any], Any]:
    """`Prepare` for a step: the model is to give the log-probabilities of what has labels, not their mean loss."""
    others = {name: array for name, array in arrays.items() if name != "labels"}
    return {**others, "answers": arrays["labels"]}, reference


def log_probabilities(model: Any, encoded: Sequence[Encoded]) -> np.ndarray:
    """The log-probability of what has labels in the two texts of each preference: `(preferences, 2)` float32."""
    found = np.zeros(len(encoded), np.float32)
    for n, value in model.run(encoded, _log_probability):
        found[n] = value
    return found.reshape(-1, 2)


def _log_probability(outputs: Any, arrays: dict[str, Any]) -> Any:
    return -ops.sum(outputs[2], axis=1)
