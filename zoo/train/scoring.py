"""Running a model over examples, for its scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.data.examples import Examples
from zoo.data.pairs import text_numbers
from zoo.data.problems import LANGUAGE, PREFERENCE, RETRIEVAL, TOKENS
from zoo.data.row_faults import RowFaults
from zoo.errors import ZooError
from zoo.tasks.labelled import NO_LABEL
from zoo.tasks.preferences import log_probabilities
from zoo.train.reference import references
from zoo.train.retrieval import nearest
from zoo.train.scores import DivergedError, PreferenceScores, RetrievalScores, Scores, scores_of
from zoo.train.token_scores import TokenScores


def score(model: Any, examples: Examples, *, beta: float = 0.1) -> Scores:
    """Run a model over examples. Raises a RunError where its outputs are no numbers.

    Args:
        beta: what rewards of preferences are multiplied with.
    """
    if examples.problem == TOKENS:
        found: Scores = _token_scores(model, examples)
    elif examples.problem == RETRIEVAL:
        found = _retrieval_scores(model, examples)
    elif examples.problem == PREFERENCE:
        found = _preference_scores(model, examples, beta)
    elif model.problem == LANGUAGE:
        faults = RowFaults(examples.source)
        outputs, targets = np.split(model.token_losses(examples.inputs, faults.of(examples)), 2, axis=1)
        faults.check()
        found = scores_of(LANGUAGE, outputs, targets[:, 0])
    else:
        outputs = model.probabilities(examples.inputs)
        found = scores_of(model.problem, outputs, model.targets(examples.labels or ()))
    if not np.isfinite(found.outputs).all():
        raise DivergedError(
            f"The model's outputs on '{examples.source}' are not numbers.",
            why="its weights grew beyond all bounds in training",
            fix="Train again with a lower train.learning_rate, or a longer train.warmup.",
        )
    return found


def _token_scores(model: Any, examples: Examples) -> TokenScores:
    encoded, targets = model.encode_labelled(examples.inputs, examples.labels)
    probabilities = model.token_probabilities(encoded)
    labelled = [own != NO_LABEL for own in targets]
    if not any(own.any() for own in labelled):
        raise ZooError(f"No word of '{examples.source}' is within the model's length, so none can be scored.")
    places = [np.stack([np.full(own.sum(), n), np.arange(own.sum())], axis=1) for n, own in enumerate(labelled)]
    return TokenScores(
        np.concatenate([rows[own] for rows, own in zip(probabilities, labelled, strict=True)]),
        np.concatenate([numbers[own] for numbers, own in zip(targets, labelled, strict=True)]),
        np.concatenate(places),
        model.labels,
    )


def _retrieval_scores(model: Any, examples: Examples) -> Scores:
    texts, partners = (model.embed(list(side)) for side in zip(*examples.inputs, strict=True))
    numbers = text_numbers(examples.inputs)
    ranks, first = nearest(texts, partners, numbers)
    return RetrievalScores(np.stack([ranks, first], axis=1), numbers[:, 1])


def _preference_scores(model: Any, examples: Examples, beta: float) -> Scores:
    found = log_probabilities(model, model.encode_preferences(examples.inputs))
    return PreferenceScores(beta * (found - references(examples)), np.zeros(len(examples), np.int32))
