"""What a call gives to be continued, as token ids, and how much may follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.chat.template import Rendered
from zoo.data.text import as_list
from zoo.errors import Faults, ZooError


def prompts_of(arrays: Mapping[str, Any]) -> list[list[int]]:
    """The token ids of each row of `input_ids` `(batch, length)`, without what `attention_mask` hides."""
    if "input_ids" not in arrays:
        raise ZooError("The arrays to be continued have no input_ids.")
    try:
        ids = np.asarray(arrays["input_ids"])
        mask = np.asarray(arrays.get("attention_mask", np.ones_like(ids)), bool)
    except ValueError as error:
        raise ZooError("input_ids is no array: its rows differ in length.", fix="Pad them, and mask it.") from error
    if ids.ndim != 2 or ids.dtype.kind not in "iu" or mask.shape != ids.shape:
        raise ZooError(
            f"input_ids {ids.dtype} {ids.shape} and attention_mask {mask.shape} cannot be continued.",
            fix="Give integers of shape (batch, length), and a mask of the same shape.",
        )
    return [row[kept].tolist() for row, kept in zip(ids, mask, strict=True)]


def encoded_prompts(raw: Any, preprocess: Any) -> list[list[int]]:
    """The token ids of a text, or of a list of texts, as the tokenizer begins them. None is cut.

    A text that a chat template wrote (`Rendered`) begins as the template begins it.
    """
    texts = as_list(raw)
    faults = Faults()
    for n, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            faults.add(f"prompt {n} is a pair of texts; a continuation has one before it")
        elif not text:
            faults.add(f"prompt {n} is empty; give at least one character to go on from")
    faults.check("The prompts cannot be continued.")
    found: list[list[int]] = [[]] * len(texts)
    for rendered in (True, False):
        chosen = [n for n, text in enumerate(texts) if isinstance(text, Rendered) == rendered]
        encodings = preprocess.encode_batch([str(texts[n]) for n in chosen], truncate=False, special=not rendered)
        for n, encoding in zip(chosen, encodings, strict=True):
            found[n] = encoding.ids
    return found


def room(
    prompts: Sequence[Sequence[int]], asked: int, *, positions: int, vocab_size: int, fixed: bool
) -> list[int]:
    """How many tokens each prompt is continued by at most.

    Args:
        asked: `max_new_tokens`.
        positions: how many tokens the model can take, prompt and continuation together.
        fixed: `asked` is the caller's own number, and less is no answer; else it is what fits, up to `asked`.

    Raises a ZooError that lists the prompts that do not fit, are empty, or have tokens the model does not know.
    """
    faults = Faults()
    for n, prompt in enumerate(prompts, start=1):
        left = positions - len(prompt)
        if not prompt:
            faults.add(f"prompt {n} has no token to go on from")
        elif not 0 <= min(prompt) <= max(prompt) < vocab_size:
            faults.add(f"prompt {n} has token ids beyond the embedding's {vocab_size} rows")
        elif left < 1:
            faults.add(f"prompt {n} has {len(prompt)} tokens, and the model takes {positions} with what follows")
        elif fixed and left < asked:
            faults.add(f"prompt {n} has {len(prompt)} tokens, which leaves {left} of {positions}, not {asked}")
    faults.check("The prompts cannot be continued.")
    return [min(asked, positions - len(prompt)) for prompt in prompts]
