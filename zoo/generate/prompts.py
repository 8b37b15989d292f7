"""What a call gives to be continued, as token ids, and how much may follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.chat.template import Rendered
from zoo.data.text import as_list
from zoo.errors import Faults, ZooError
from zoo.generate.settings import SETTINGS


def prompts_of(arrays: Mapping[str, Any]) -> list[list[int]]:
    """The token ids of each row of `input_ids` `(batch, length)`, without what `attention_mask` hides."""
    if "input_ids" not in arrays:
        raise ZooError(
            "The arrays to be continued have no input_ids.", fix="Give token ids (batch, length) under that name."
        )
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
    prompts: Sequence[Sequence[int]],
    asked: int,
    *,
    positions: int,
    max_length: int | None,
    vocab_size: int,
    fixed: bool,
) -> list[int]:
    """How many tokens each prompt is continued by at most.

    Args:
        asked: `max_new_tokens`.
        positions: how many tokens the model can take, prompt and continuation together.
        max_length: how many the checkpoint's settings allow, where they limit both together.
        fixed: `asked` is the caller's own number, and less is no answer; else it is what fits, up to `asked`.

    Raises a ZooError that lists the prompts that do not fit, are empty, or have tokens the model does not know.
    """
    limit, who = positions, "the model takes"
    fix = "Shorten the prompts, or ask for fewer tokens by max_new_tokens."
    if max_length is not None and max_length < positions:
        limit, who = max_length, f"max_length of {SETTINGS} allows"
        fix = "Give max_new_tokens, which stands in place of max_length."
    needed = asked if fixed else 1
    faults = Faults()
    for n, prompt in enumerate(prompts, start=1):
        left = limit - len(prompt)
        if not prompt:
            faults.add(f"prompt {n} has no token to go on from; give one at least")
        elif not 0 <= min(prompt) <= max(prompt) < vocab_size:
            faults.add(f"prompt {n} has token ids beyond the embedding's {vocab_size} rows; give the model's own")
        elif left < 1:
            faults.add(f"prompt {n} has {len(prompt)} tokens, and {who} {limit} with what follows")
        elif left < needed:
            faults.add(f"prompt {n} has {len(prompt)} tokens, which leaves {left} of {limit}, not {asked}")
    too_long = any(len(prompt) + needed > limit for prompt in prompts)
    faults.check("The prompts cannot be continued.", fix=fix if too_long else "")
    return [min(asked, limit - len(prompt)) for prompt in prompts]
