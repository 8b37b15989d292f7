"""How sure a score is, given how few rows it was measured on."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from zoo.data.problems import PREFERENCE, SINGLE
from zoo.train.scores import METRICS, Scores

_DRAWS = 500


def wilson(correct: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share seen as `correct` of `total`; (0, 1) where nothing was seen."""
    if not total:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, weight = correct / total, z * z / total
    centre = (share + weight / 2) / (1 + weight)
    reach = z * math.sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def bootstrap(found: Scores, metric: str, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """The percentile interval of a metric over resampled rows (Efron and Tibshirani 1993, chapter 13)."""
    drawn = found.resampled(metric, np.random.default_rng(seed), _DRAWS)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def interval(found: Scores) -> tuple[float, float]:
    """The 95% interval of the metric that people are told: Wilson's for an accuracy, else by resampling."""
    metric = METRICS[found.problem][0]
    if found.problem in (SINGLE, PREFERENCE):
        total = len(found.targets)
        return wilson(round(found.metrics[metric] * total), total)
    return bootstrap(found, metric)
