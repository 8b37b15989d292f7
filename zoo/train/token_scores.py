"""How good a model is that gives every word a class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zoo.data.entities import entities, has_entities
from zoo.data.problems import TOKENS
from zoo.train.scores import ClassificationScores, macro_f1


@dataclass(frozen=True)
class TokenScores(ClassificationScores):
    """One class for each labelled word.

    Args:
        outputs: `(words, classes)` probabilities.
        targets: `(words,)` the true classes.
        places: `(words, 2)` the example of each word, and its place in it, in this order.
        names: the classes.
    """

    places: np.ndarray
    names: tuple[str, ...]

    problem = TOKENS

    @property
    def metrics(self) -> dict[str, float]:
        """F1 over whole entities where tags mark them, else the mean of the tags'; accuracy and loss by word."""
        return _metrics(self._sums.sum(axis=0))

    def resampled(self, metric: str, random: np.random.Generator, draws: int) -> list[float]:
        """As of other scores, of examples with all of their words."""
        examples = len(self._sums)
        drawn = (random.integers(examples, size=examples) for _ in range(draws))
        return [_metrics(np.bincount(chosen, minlength=examples) @ self._sums)[metric] for chosen in drawn]

    @cached_property
    def _sums(self) -> np.ndarray:
        """`(examples, 3 + 3 * kinds)` float64, which add up over examples.

        They are each example's words, those that are right, and their loss; and of every kind how often it is found
        rightly, is there, and is said. The kinds are entities, all as one, or where tags mark none, the classes.
        """
        example = np.unique(self.places[:, 0], return_inverse=True)[1]
        said = self.predicted
        whole = [np.bincount(example, weights) for weights in (None, said == self.targets, self.losses)]
        of_kinds = self._entities if has_entities(self.names) else self._words
        return np.column_stack([*whole, of_kinds(example, said)])

    def _entities(self, example: np.ndarray, said: np.ndarray) -> np.ndarray:
        """`(examples, 3)` counts of whole entities."""
        tags, ends = np.array(self.names, object), np.flatnonzero(np.diff(example)) + 1
        sides = (np.split(tags[classes], ends) for classes in (self.targets, said))
        found = [(entities(own), entities(called)) for own, called in zip(*sides, strict=True)]
        return np.array([(len(own & called), len(own), len(called)) for own, called in found])

    def _words(self, example: np.ndarray, said: np.ndarray) -> np.ndarray:
        """`(examples, 3 * classes)` counts of words."""
        examples, classes = example[-1] + 1, len(self.names)

        def count(words: np.ndarray, which: np.ndarray) -> np.ndarray:
            places = example[which] * classes + words[which]
            return np.bincount(places, minlength=examples * classes).reshape(examples, classes)

        everywhere = np.ones(len(said), bool)
        counts = [count(said, said == self.targets), count(self.targets, everywhere), count(said, everywhere)]
        return np.stack(counts, axis=2).reshape(examples, 3 * classes)


def _metrics(sums: np.ndarray) -> dict[str, float]:
    """The metrics that follow from what examples add up to, as `TokenScores._sums` has it."""
    words, right, loss = sums[:3]
    return {
        "f1": macro_f1(*sums[3:].reshape(-1, 3).T),
        "accuracy": float(right / words),
        "loss": float(loss / words),
    }
