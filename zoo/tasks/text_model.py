"""Models of text: raw texts are tokenised, and computed in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

from zoo.data.batching import batches
from zoo.data.encoded import Encoded, EncodedTexts, lengths_of
from zoo.tasks.model import Model


class TextModel(Model):
    """A model whose raw inputs are texts, or pairs of them."""

    inputs = "texts"
    needed_file = ("tokenizer files", "tokenizer.json")

    def encode_examples(self, inputs: Sequence[Any]) -> EncodedTexts:
        """Inputs as they are trained on."""
        return self.preprocess.encode(inputs)

    def run(
        self, encoded: Sequence[Encoded], finish: Callable[[Any, dict[str, Any]], Any], call: Any = None
    ) -> Iterator[tuple[int, Any]]:
        """Compute the outputs of encoded inputs in batches of like length, in no particular order.

        Args:
            finish: `(outputs, arrays) -> outputs`, compiled together with the model. Pass the same function
                every time, or it compiles every time.
            call: what computes the outputs in the model's place, such as its backbone.

        Yields:
            each input's number, and its outputs as numpy with padding rows dropped.
        """
        forward = self.compiled_forward(finish, call)
        for batch in batches(lengths_of(encoded).tolist()):
            length = min(batch.length, self.preprocess.positions)
            arrays = self.preprocess.pad([encoded[n] for n in batch.indices], rows=batch.rows, length=length)
            outputs = forward(arrays)
            for row, n in enumerate(batch.indices):
                yield n, jax.tree.map(lambda x, row=row: x[row], outputs)
