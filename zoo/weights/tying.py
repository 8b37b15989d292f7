"""Whether the output layer's matrix is the token embeddings: what the tensors tell of it, and not `config.json`."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.weights.reader import Checkpoint


def is_untied(checkpoint: Checkpoint, embeddings: Iterable[str], output: str) -> bool:
    """Whether there is an output matrix of other numbers than the embeddings'.

    The reference ties what the config calls tied unless both are there and differ.

    Args:
        embeddings: every name that the token embeddings may have.
        output: the name of the output layer's matrix.
    """
    words = next((name for name in embeddings if name in checkpoint), None)
    return words is not None and output in checkpoint and not checkpoint.same_numbers(words, output)
