"""How good a model is: what follows from its outputs on examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from zoo.data.problems import LANGUAGE, MULTI, PREFERENCE, REGRESSION, RETRIEVAL, SINGLE, TOKENS
from zoo.errors import RunError

METRICS = {
    SINGLE: ("accuracy", "macro_f1", "loss"),
    MULTI: ("micro_f1", "macro_f1", "exact_match", "loss"),
    REGRESSION: ("rmse", "pearson", "spearman", "loss"),
    LANGUAGE: ("perplexity", "loss"),
    TOKENS: ("f1", "accuracy", "loss"),
    RETRIEVAL: ("accuracy", "mrr"),
    PREFERENCE: ("accuracy", "margin", "loss"),
}
"""The metrics of each problem; the first is the one to tell people."""


class DivergedError(RunError):
    """Weights, outputs or a loss are no longer numbers."""


@dataclass(frozen=True)
class Scores:
    """The outcome on one set of examples.

    Args:
        outputs: `(examples, classes)` float32: probabilities, or plain numbers.
        targets: `(examples,)` the true classes, or `(examples, labels)`.
    """

    outputs: np.ndarray
    targets: np.ndarray

    problem: ClassVar[str]

    @property
    def predicted(self) -> np.ndarray:
        """What the model says of each example: a class, a truth for each label, or a number."""
        raise NotImplementedError

    @property
    def losses(self) -> np.ndarray:
        """The loss of each example."""
        raise NotImplementedError

    @property
    def metrics(self) -> dict[str, float]:
        raise NotImplementedError

    def resampled(self, metric: str, random: np.random.Generator, draws: int) -> list[float]:
        """A metric of as many examples, drawn from these with replacement, as often as `draws` says."""
        examples = len(self.targets)
        drawn = (random.integers(examples, size=examples) for _ in range(draws))
        return [self._of(chosen).metrics[metric] for chosen in drawn]

    def _of(self, chosen: np.ndarray) -> Scores:
        return replace(self, outputs=self.outputs[chosen], targets=self.targets[chosen])

    @property
    def goal(self) -> float:
        """What the best epoch is chosen by: the higher, the better."""
        return self.metrics[METRICS[self.problem][0]]


class ClassificationScores(Scores):
    """One class for each example."""

    problem = SINGLE

    @property
    def predicted(self) -> np.ndarray:
        return self.outputs.argmax(axis=1)

    @property
    def losses(self) -> np.ndarray:
        """Cross-entropy of each example, in nats."""
        likelihood = self.outputs[np.arange(len(self.targets)), self.targets]
        return -np.log(np.maximum(likelihood, 1e-12))

    @property
    def confusion(self) -> np.ndarray:
        """`(classes, classes)` counts: true classes down, predicted ones across."""
        classes = self.outputs.shape[1]
        counts = np.zeros((classes, classes), np.int64)
        np.add.at(counts, (self.targets, self.predicted), 1)
        return counts

    @property
    def metrics(self) -> dict[str, float]:
        """Accuracy, macro F1 over the classes that occur, and mean loss."""
        counts = self.confusion
        hits, true, called = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
        return {
            "accuracy": float(hits.sum() / counts.sum()),
            "macro_f1": macro_f1(hits, true, called),
            "loss": float(self.losses.mean()),
        }


class MultiLabelScores(Scores):
    """Any number of labels for each example; those above one half are taken as said."""

    problem = MULTI

    @property
    def predicted(self) -> np.ndarray:
        return self.outputs > 0.5

    @property
    def losses(self) -> np.ndarray:
        """Binary cross-entropy of each example, the mean over the labels, in nats."""
        likelihood = np.where(self.targets > 0.5, self.outputs, 1 - self.outputs)
        return -np.log(np.maximum(likelihood, 1e-12)).mean(axis=1)

    @property
    def decisions(self) -> np.ndarray:
        """`(labels, 3)` counts: how often each label is said rightly, is there, and is said."""
        true, called = self.targets > 0.5, self.predicted
        return np.stack([x.sum(axis=0) for x in (true & called, true, called)], axis=1)

    @property
    def metrics(self) -> dict[str, float]:
        """F1 over all decisions, its mean over the labels that occur, and the share of rows with no mistake."""
        hits, truths, calls = self.decisions.T
        either = truths.sum() + calls.sum()
        return {
            "micro_f1": float(2 * hits.sum() / either) if either else 0.0,
            "macro_f1": macro_f1(hits, truths, calls),
            "exact_match": float(((self.targets > 0.5) == self.predicted).all(axis=1).mean()),
            "loss": float(self.losses.mean()),
        }


class RegressionScores(Scores):
    """A number for each example."""

    problem = REGRESSION

    @property
    def predicted(self) -> np.ndarray:
        return self.outputs[:, 0]

    @property
    def losses(self) -> np.ndarray:
        """The squared difference of each example."""
        return np.square(self.outputs - self.targets).mean(axis=1)

    @property
    def metrics(self) -> dict[str, float]:
        """The root of the mean squared difference, Pearson's and Spearman's correlation, and the mean loss."""
        told, true = self.predicted.astype(np.float64), self.targets[:, 0].astype(np.float64)
        loss = float(self.losses.mean())
        return {
            "rmse": loss**0.5,
            "pearson": _correlation(told, true),
            "spearman": _correlation(_ranks(told), _ranks(true)),
            "loss": loss,
        }

    @property
    def goal(self) -> float:
        return -self.metrics["loss"]


class LanguageScores(Scores):
    """How well texts were foreseen: `outputs` `(texts, 1)` are mean losses, `targets` `(texts,)` token counts."""

    problem = LANGUAGE

    @property
    def predicted(self) -> np.ndarray:
        return np.exp(self.outputs[:, 0])

    @property
    def losses(self) -> np.ndarray:
        """The mean loss of a token of each text, in nats."""
        return self.outputs[:, 0]

    @property
    def metrics(self) -> dict[str, float]:
        """Perplexity and mean loss, every token counted once."""
        tokens = self.targets.astype(np.float64)
        loss = float((self.losses * tokens).sum() / max(tokens.sum(), 1.0))
        return {"perplexity": float(np.exp(min(loss, 700.0))), "loss": loss}

    @property
    def goal(self) -> float:
        return -self.metrics["loss"]


class RetrievalScores(Scores):
    """How well texts find their partners among those of all the examples.

    `outputs` `(pairs, 2)` are the rank that a text gives its own partner, 1 for the first, and the number of the
    partner that it puts first; `targets` `(pairs,)` are the numbers of their own.
    """

    problem = RETRIEVAL

    @property
    def predicted(self) -> np.ndarray:
        return self.outputs[:, 1].astype(np.int32)

    @property
    def losses(self) -> np.ndarray:
        """How many partners come before a text's own; one that is just as near counts half."""
        return self.outputs[:, 0] - 1

    @property
    def metrics(self) -> dict[str, float]:
        """The share of texts that put their own partner first, and the mean of the ranks' inverses."""
        ranks = self.outputs[:, 0].astype(np.float64)
        return {"accuracy": float((ranks == 1).mean()), "mrr": float((1 / ranks).mean())}


class PreferenceScores(Scores):
    """How well a model tells the better of two answers.

    `outputs` `(pairs, 2)` are the rewards of the chosen and of the rejected one, `beta * log(p / p_reference)`;
    `targets` `(pairs,)` are 0, for the chosen is the better.
    """

    problem = PREFERENCE

    @property
    def margins(self) -> np.ndarray:
        """By how much the chosen answer is rewarded more than the rejected one."""
        return (self.outputs[:, 0] - self.outputs[:, 1]).astype(np.float64)

    @property
    def predicted(self) -> np.ndarray:
        return (self.margins <= 0).astype(np.int32)

    @property
    def losses(self) -> np.ndarray:
        """`-log(sigmoid(margin))` of each pair."""
        return np.logaddexp(0.0, -self.margins)

    @property
    def metrics(self) -> dict[str, float]:
        """The share of pairs whose chosen answer is rewarded more, and the means of margin and loss."""
        return {
            "accuracy": float((self.margins > 0).mean()),
            "margin": float(self.margins.mean()),
            "loss": float(self.losses.mean()),
        }

    @property
    def goal(self) -> float:
        return -self.metrics["loss"]


def macro_f1(hits: np.ndarray, true: np.ndarray, called: np.ndarray) -> float:
    """The mean F1 of the classes that occur, of what each has found rightly, is there, and is said."""
    occurs = true + called > 0
    return float((2 * hits[occurs] / (true + called)[occurs]).mean()) if occurs.any() else 0.0


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation; 0 where one of the two never changes."""
    one, other = one - one.mean(), other - other.mean()
    spread = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / spread) if spread > 0 else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value; equal ones share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


_KINDS = {kind.problem: kind for kind in (ClassificationScores, MultiLabelScores, RegressionScores, LanguageScores)}


def scores_of(problem: str, outputs: np.ndarray, targets: np.ndarray) -> Scores:
    """The scores of outputs that are there already."""
    return _KINDS[problem](outputs, targets)
