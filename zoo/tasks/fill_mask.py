"""Fill mask: the words that fit a gap."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.data.text import as_list
from zoo.errors import ZooError
from zoo.tasks.text_model import TextModel


@keras.saving.register_keras_serializable("zoo")
class MaskedLM(TextModel):
    """Logits `(batch, length, vocab_size)`; `fill_mask` ranks the words for each gap."""

    task = "fill-mask"
    verb = "fill_mask"

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        features = self.backbone(arrays, training=training)
        return self.head(features, self.backbone.token_table, training=training)

    def fill_mask(self, texts: Any, *, top_k: int = 5, max_length: int | None = None) -> list[list[Any]]:
        """For each text the `top_k` fillings of its mask, the best first:
        `[{"token_str": "paris", "token": 3000, "score": 0.4, "sequence": "paris is ..."}]`;
        a list of such lists for a text with several masks.

        Raises a ZooError for a text without a mask.
        """
        inputs = as_list(texts)
        encoded = self.preprocess.encode(inputs, max_length=max_length)
        mask, token = self.mask_id, self.preprocess.mask_token
        for n, item in enumerate(encoded):
            if mask not in item.ids:
                raise ZooError(
                    f"Input {n + 1} has no {token} to fill.",
                    fix=f"Write {token} where the word is to be found.",
                )
        found: list[list[Any]] = [[] for _ in inputs]
        for n, (scores, tokens) in self.run(encoded, _best(min(top_k, self.preprocess.vocab_size))):
            ids = encoded[n].ids
            gaps = [self._ranked(ids, at, scores[at], tokens[at]) for at in np.flatnonzero(ids == mask).tolist()]
            found[n] = gaps[0] if len(gaps) == 1 else gaps
        return found

    @property
    def mask_id(self) -> int:
        token = self.preprocess.mask_token
        number = self.preprocess.tokenizer.token_to_id(token)
        if number is None:
            raise ZooError(f"The tokenizer of {self.preset or 'this model'} has no {token} token.")
        return number

    def _ranked(self, ids: np.ndarray, at: int, scores: np.ndarray, tokens: np.ndarray) -> list[dict[str, Any]]:
        tokenizer = self.preprocess.tokenizer
        fillings = []
        for score, token in zip(scores.tolist(), tokens.tolist(), strict=True):
            filled = ids.copy()
            filled[at] = token
            fillings.append(
                {
                    "score": score,
                    "token": token,
                    "token_str": tokenizer.decode([token], skip_special_tokens=False),
                    "sequence": tokenizer.decode(filled.tolist()),
                }
            )
        return fillings


@functools.cache
def _best(count: int) -> Callable[[Any, Any], Any]:
    """`finish` that keeps the `count` most probable tokens: a vocabulary of probabilities is too much to move."""
    return lambda logits, arrays: ops.top_k(ops.softmax(ops.cast(logits, "float32"), axis=-1), count)
