"""What training makes small: a sum of losses and a sum of weights, so that parts of a batch add up to the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

Loss = Callable[[Any, Any, Any], tuple[Any, Any]]
"""`(outputs, targets, weights) -> (sum of the weighted losses, sum of the weights)`; their quotient is the mean.
A weight of 0 is for what fills a place only."""

Tell = Callable[[Any, Any, Any], Any]
"""`(outputs, targets, weights) -> weighted sum` of something that is told of a step beside its loss."""


def cross_entropy(smoothing: float = 0.0, class_weights: Sequence[float] = ()) -> Loss:
    """Cross-entropy of logits `(..., classes)`, one weight for each target.

    Targets are class numbers `(...)`, or shares of the classes `(..., classes)`.

    Args:
        smoothing: the share of each target that all classes divide (https://arxiv.org/abs/1512.00567, section 7).
        class_weights: what an example of each class weighs; all the same where it is left out.
    """
    by_class = np.array(class_weights, np.float32)

    def loss(logits: Any, targets: Any, weights: Any) -> tuple[Any, Any]:
        logits = ops.cast(logits, "float32")
        numbers = len(targets.shape) < len(logits.shape)
        if by_class.size:
            own = ops.take(by_class, targets) if numbers else ops.matmul(targets, by_class)
            weights = weights * own
        if numbers and not smoothing:
            losses = ops.sparse_categorical_crossentropy(targets, logits, from_logits=True)
        else:
            classes = logits.shape[-1]
            shares = ops.one_hot(targets, classes, dtype="float32") if numbers else targets
            shares = shares * (1 - smoothing) + smoothing / classes
            losses = ops.categorical_crossentropy(shares, logits, from_logits=True)
        return ops.sum(losses * weights), ops.sum(weights)

    return loss


def binary_cross_entropy() -> Loss:
    """Binary cross-entropy of logits `(examples, labels)`, the mean over an example's labels.

    Targets are `(examples, labels)` of zeros and ones; one weight for each example.
    """

    def loss(logits: Any, targets: Any, weights: Any) -> tuple[Any, Any]:
        logits = ops.cast(logits, "float32")
        losses = ops.mean(ops.binary_crossentropy(targets, logits, from_logits=True), axis=-1)
        return ops.sum(losses * weights), ops.sum(weights)

    return loss


def in_batch_negatives(scale: float = 20.0) -> Loss:
    """Cross-entropy of finding each text's partner among the partners of the whole batch, by their cosines.

    The multiple negatives ranking loss (https://arxiv.org/abs/1705.00652, section 4.4), as
    sentence_transformers/losses/MultipleNegativesRankingLoss.py has it. A partner that equals a text's own, or that
    belongs to an equal text, is right as well, and so is no negative of it.

    Outputs are vectors `(2 * pairs, dim)`, texts and partners in turn; targets `(pairs, 2)` number the texts and
    the partners, the same for equal ones; one weight for each pair.

    Args:
        scale: what cosines are multiplied with: the inverse of a temperature.
    """

    def loss(vectors: Any, numbers: Any, weights: Any) -> tuple[Any, Any]:
        vectors = ops.cast(vectors, "float32")
        lengths = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
        vectors = vectors * ops.rsqrt(ops.maximum(lengths, 1e-24))
        cosines = ops.matmul(vectors[0::2], ops.transpose(vectors[1::2]))
        equal = ops.any(ops.equal(numbers[:, None, :], numbers[None, :, :]), axis=-1)
        own = ops.cast(ops.eye(len(numbers)), "bool")
        negative = ops.logical_not(equal) & (weights > 0)[None, :]
        scores = ops.where(own | negative, scale * cosines, -1e9)
        losses = ops.logsumexp(scores, axis=-1) - ops.diagonal(scores)
        return ops.sum(losses * weights), ops.sum(weights)

    return loss


def preference(beta: float = 0.1, smoothing: float = 0.0) -> Loss:
    """Direct preference optimisation (https://arxiv.org/abs/2305.18290, equation 7).

    The reward of an answer is `beta * log(p / p_reference)`. That the chosen one is the better is as likely as a
    softmax of the two rewards says, so the loss is the cross-entropy of two classes.

    Outputs are the answers' log-probabilities `(2 * pairs,)`, chosen and rejected in turn; targets `(pairs, 2)` are
    those under the reference; one weight for each pair.

    Args:
        smoothing: as for `cross_entropy`; half of it is the chance that a pair was given the wrong way round.
    """
    of_classes = cross_entropy(smoothing)

    def loss(log_probabilities: Any, reference: Any, weights: Any) -> tuple[Any, Any]:
        rewards = _rewards(log_probabilities, reference, beta)
        return of_classes(rewards, ops.zeros_like(weights, dtype="int32"), weights)

    return loss


def preference_told(beta: float = 0.1) -> dict[str, Tell]:
    """By how much chosen answers are rewarded more, and how many are; the functions take what `preference` does."""

    def margins(log_probabilities: Any, reference: Any) -> Any:
        rewards = _rewards(log_probabilities, reference, beta)
        return rewards[:, 0] - rewards[:, 1]

    return {
        "margin": lambda outputs, reference, weights: ops.sum(margins(outputs, reference) * weights),
        "accuracy": lambda outputs, reference, weights: ops.sum(
            ops.where(margins(outputs, reference) > 0, weights, 0.0)
        ),
    }


def _rewards(log_probabilities: Any, reference: Any, beta: float) -> Any:
    return beta * (ops.reshape(log_probabilities, ops.shape(reference)) - reference)


def squared_error() -> Loss:
    """The squared difference of outputs and targets, both `(examples, numbers)`, the mean over an example's."""

    def loss(outputs: Any, targets: Any, weights: Any) -> tuple[Any, Any]:
        losses = ops.mean(ops.square(ops.cast(outputs, "float32") - targets), axis=-1)
        return ops.sum(losses * weights), ops.sum(weights)

    return loss
