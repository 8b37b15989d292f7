"""How good a model is that gives every word a class."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from zoo.data.entities import entities, has_entities
from zoo.data.problems import TOKENS
from zoo.train.scores import ClassificationScores


@dataclass(frozen=True)
class TokenScores(ClassificationScores):
    """One class for each labelled word.

    Args:
        outputs: `(words, classes)` probabilities.
        targets: `(words,)` the true classes.
        places: `(words, 2)` the example of each word, and its place in it.
        names: the classes.
    """

    places: np.ndarray
    names: tuple[str, ...]

    problem = TOKENS

    @property
    def metrics(self) -> dict[str, float]:
        """F1 over whole entities where tags mark them, else the mean of the tags'; accuracy and loss by word."""
        plain = super().metrics
        f1 = self._entity_f1() if has_entities(self.names) else plain["macro_f1"]
        return {"f1": f1, "accuracy": plain["accuracy"], "loss": plain["loss"]}

    def _entity_f1(self) -> float:
        hits = true = called = 0
        for words in self._by_example():
            own, said = (
                entities([self.names[k] for k in classes[words]]) for classes in (self.targets, self.predicted)
            )
            hits, true, called = hits + len(own & said), true + len(own), called + len(said)
        return 2 * hits / (true + called) if true + called else 0.0

    def _by_example(self) -> list[np.ndarray]:
        """The words of each example, in order."""
        starts = np.flatnonzero(np.diff(self.places[:, 0], prepend=-1))
        return np.split(np.arange(len(self.targets)), starts[1:])

    def resampled(self, random: np.random.Generator) -> TokenScores:
        groups = self._by_example()
        drawn = [groups[n] for n in random.integers(len(groups), size=len(groups))]
        chosen = np.concatenate(drawn)
        # An example that is drawn twice is two.
        numbers = np.repeat(np.arange(len(drawn)), [len(words) for words in drawn])
        places = np.stack([numbers, self.places[chosen, 1]], axis=1)
        return replace(self, outputs=self.outputs[chosen], targets=self.targets[chosen], places=places)
