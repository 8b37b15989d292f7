"""How near an answer is to the one that was wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from zoo.errors import Faults, did_you_mean
from zoo.train.named_code import fault_of, load_named

Metric = Callable[[str, str], float]
"""`(answer, reference) -> number`, the higher the better."""

_WORDS = re.compile(r"[^\W_]+")


def exact_match(answer: str, reference: str) -> float:
    """1 where both are the same but for white space around them, else 0."""
    return float(answer.strip() == reference.strip())


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L (Lin 2004, https://aclanthology.org/W04-1013, section 3.1) as an F1: the harmonic mean of the shares
    of both texts' words that their longest common subsequence has. Case and punctuation make no difference."""
    one, other = (_WORDS.findall(text.lower()) for text in (answer, reference))
    common = _common(one, other)
    return 2 * common / (len(one) + len(other)) if common else 0.0


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for n, its in enumerate(other, 1):
            before, row[n] = row[n], before + 1 if word == its else max(row[n], row[n - 1])
    return row[-1]


METRICS: dict[str, Metric] = {"exact_match": exact_match, "rouge_l": rouge_l}
_TAKEN = ("perplexity", "loss", "accuracy", "margin", "step", "epoch", "split", "final")


def metrics_of(named: Sequence[str]) -> dict[str, Metric]:
    """The metrics of a recipe, by the name that their scores are told under.

    Args:
        named: of `METRICS`, or a function of the user's: `file.py:function`, `package.module:function`.

    Raises a ZooError for code that cannot be loaded.
    """
    return {name_of(one): METRICS.get(one) or load_named(one) for one in named}


def check_metrics(key: str, named: Sequence[str], faults: Faults) -> None:
    """Add to `faults` what names no metric, and names that are there twice. Runs no code."""
    taken = {*_TAKEN}
    for one in named:
        if ":" not in one and one not in METRICS:
            hint = did_you_mean(one, METRICS) or " One of your own is file.py:function."
            faults.add(f"{key}: there is no '{one}', only {' and '.join(METRICS)}.{hint}")
        elif name_of(one) in taken:
            faults.add(f"{key}: the name of '{one}' is taken already")
        elif ":" in one and (fault := fault_of(one)):
            faults.add(f"{key}: '{one}': {fault}")
        taken.add(name_of(one))


def name_of(metric: str) -> str:
    """What the scores of a metric are told under."""
    return metric.rpartition(":")[2]
