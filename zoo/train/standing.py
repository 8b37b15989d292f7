"""Where a run stands: what a checkpoint has of it beside the values of its variables."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from zoo.train.checkpoints import Checkpoint
from zoo.train.watch import Watch


@dataclass
class Best:
    """The weights with the highest validation score so far, the earliest on ties; on the host."""

    score: float = float("-inf")
    step: int = 0
    weights: tuple[list[Any], list[Any]] | None = None

    def offer(self, score: float, step: int, weights: tuple[list[Any], list[Any]]) -> bool:
        """Take these weights if they are better, and say whether they are."""
        better = score > self.score
        if better:
            trainable, moving = ([_on_host(x) for x in group] for group in weights)
            self.score, self.step, self.weights = score, step, (trainable, moving)
        return better


@dataclass
class Standing:
    """Where a run stands, beside the values of its variables.

    Args:
        step: how many steps are done.
        best: the best weights so far.
        waited: the evaluations since the best.
        losses: those that no record holds yet, each a number, or a list with what else is told of its step.
        seconds: how long it has trained, in all its processes.
        watch: whether the loss has exploded.
    """

    step: int = 0
    best: Best = field(default_factory=Best)
    waited: int = 0
    losses: list[Any] = field(default_factory=list)
    seconds: float = 0.0
    watch: Watch = field(default_factory=Watch)

    def facts(self) -> dict[str, Any]:
        """All but the arrays, as JSON has it."""
        return {
            "best": {"score": self.best.score, "step": self.best.step},
            "waited": self.waited,
            "losses": self.losses,
            "seconds": self.seconds,
            "watch": asdict(self.watch),
        }

    @classmethod
    def restored(cls, found: Checkpoint) -> Standing:
        """Where the run stood when a checkpoint was saved."""
        best = Best(**found.facts["best"], weights=found.arrays.get("best"))
        kept = [found.facts[name] for name in ("waited", "losses", "seconds")]
        return cls(found.step, best, *kept, watch=Watch(**found.facts["watch"]))


def _on_host(value: Any) -> np.ndarray:
    """A value in memory of its own. A CPU hands out its own buffer, which a step could then not be given."""
    return np.array(value.copy())
