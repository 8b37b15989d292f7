"""`zoo.reproduce`: a run made again from its recipe, and the two results side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.hub.verify import sha256_of
from zoo.train.listener import Listener, Silent
from zoo.train.run import Run


@dataclass(frozen=True)
class Reproduction:
    """A run and its repetition.

    Args:
        run: the repetition.
        changed: what it was made on that the first was not, as in `versions.jax: "0.9.0" -> "0.10.2"`.
        identical: whether the weights are the same, bit for bit.
        metrics: the final scores of the first and of the repetition.
    """

    run: Run
    changed: list[str]
    identical: bool
    metrics: dict[str, tuple[float, float]]

    @property
    def matches(self) -> bool:
        """Whether the result is the same: the weights bit for bit, and every score."""
        return self.identical and all(then == now for then, now in self.metrics.values())

    def written(self) -> dict[str, Any]:
        """The outcome as plain values, for JSON."""
        return {
            "run": str(self.run.path),
            "matches": self.matches,
            "identical_weights": self.identical,
            "changed": self.changed,
            "metrics": {name: list(pair) for name, pair in self.metrics.items()},
        }


def reproduce(
    run: str | Path | Run, *, output: str | Path | None = None, listener: Listener | None = None
) -> Reproduction:
    """Make a finished run again from its recipe, in a new directory, and compare the results.

    Args:
        output: the new directory; `runs/NAME-again`, with the next free number, by default.
        listener: hears the progress.

    Raises:
        ZooError: the run has not finished, or what it was made from has changed: the message names it.
        RunError: as in `zoo.finetune`.
    """
    first = run if isinstance(run, Run) else Run(run)
    if not first.finished:
        raise ZooError(
            f"The run '{first.path}' has not finished, so there is nothing to compare with.",
            fix=f"Go on with it: zoo finetune --resume {first.path}",
        )
    from zoo.train.runner import repeat_run

    again, changed = repeat_run(first.path, listener or Silent(), str(output or ""))
    metrics = {name: (value, again.metrics[name]) for name, value in first.metrics.items()}
    return Reproduction(again, changed, _weights(first) == _weights(again), metrics)


def _weights(run: Run) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in (run.path / "model").glob("*.safetensors")}
