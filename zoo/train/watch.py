"""When a loss that is still a number says that nothing is learned any more."""

from __future__ import annotations

from dataclasses import dataclass

FIRST = 20
"""The steps whose losses say where a run began."""
LASTING = 20
"""The steps in a row that are above all measure."""
_TIMES, _MORE = 10, 1.0


@dataclass
class Watch:
    """Tells a loss that has exploded from one that is high for a while.

    It has where each of the last 20 losses is more than ten times the highest of the first 20, and 1 more. A run
    that learns is soon below where it began, a noisy one comes down between its peaks, and one that began with next
    to no loss may rise to that of a guess between two classes. What stays so far above is not coming back.

    Args:
        highest: the highest of the first losses.
        above: how many of the last losses, without a break, were above all measure.
    """

    highest: float = 0.0
    above: int = 0

    def exploded(self, step: int, loss: float) -> bool:
        """Whether the loss has exploded, given that of a step, counted from 1."""
        if step <= FIRST:
            self.highest = max(self.highest, loss)
        beyond = step > FIRST and loss > _TIMES * max(self.highest, 0.0) + _MORE
        self.above = self.above + 1 if beyond else 0
        return self.above >= LASTING
