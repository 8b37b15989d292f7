"""What a result says: do the outputs agree, how do two contenders compare, was the target met."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

Samples = Mapping[str, Mapping[str, Sequence[float]]]  # contender -> metric -> one value a run


@dataclass(frozen=True)
class Agreement:
    """How far a contender's output lies from the reference's: the largest absolute difference."""

    difference: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        return self.difference <= self.tolerance

    def __str__(self) -> str:
        verdict = "agrees" if self.agrees else "does other work"
        return f"{verdict}: outputs differ by {self.difference:.1e}, {self.tolerance:.0e} is allowed"


def agreement(
    outputs: Mapping[str, np.ndarray | None], reference: str, tolerances: Mapping[str, float]
) -> dict[str, Agreement]:
    """Compare every output with the reference's; another shape, or a NaN, is an infinite difference.

    Nobody is judged where the reference itself gave no output.
    """
    expected = outputs.get(reference)
    if expected is None:
        return {}
    found = {}
    for name, tolerance in tolerances.items():
        output, difference = outputs.get(name), float("inf")
        if output is not None and output.shape == expected.shape:
            largest = float(abs(output - expected).max())
            difference = largest if largest == largest else difference
        found[name] = Agreement(difference, tolerance)
    return found


@dataclass(frozen=True)
class Comparison:
    """One line of a result: a metric of two contenders, and what must hold.

    Args:
        what: the line's name.
        metric: the one that is compared; its ending says the unit (`_per_s`, `_s`, `_mib`, or a share of 1).
        ours, theirs: contenders.
        at_most: the target; None where the line stands for scale only.
        of: what the target limits: ours / theirs, our value itself, theirs - ours, or ours - theirs.
    """

    what: str
    metric: str
    ours: str
    theirs: str
    at_most: float | None = None
    of: Literal["ratio", "value", "shortfall", "excess"] = "ratio"


@dataclass(frozen=True, kw_only=True)
class Line(Comparison):
    """A comparison with its figures, as it is shown and kept. `met` is None where there is no target."""

    our_value: float
    their_value: float
    ratio: float
    met: bool | None


def summary(metric: str, values: Sequence[float]) -> float:
    """The median of the runs; for an accuracy, where every run has its own seed, the mean."""
    return statistics.fmean(values) if metric == "accuracy" else statistics.median(values)


def compare(samples: Samples, comparisons: Sequence[Comparison]) -> list[Line]:
    """The lines for which both contenders were measured."""
    lines = []
    for each in comparisons:
        ours = samples.get(each.ours, {}).get(each.metric)
        theirs = samples.get(each.theirs, {}).get(each.metric)
        if not ours or not theirs:
            continue
        our_value, their_value = summary(each.metric, ours), summary(each.metric, theirs)
        ratio = our_value / their_value if their_value else float("inf")
        more = our_value - their_value
        limited = {"ratio": ratio, "value": our_value, "shortfall": -more, "excess": more}[each.of]
        met = None if each.at_most is None else limited <= each.at_most
        figures = {"our_value": our_value, "their_value": their_value, "ratio": ratio, "met": met}
        lines.append(Line(**dataclasses.asdict(each), **figures))
    return lines
