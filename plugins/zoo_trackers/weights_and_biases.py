"""Runs on Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import wandb

import zoo


def _mode(given: str | None) -> Literal["online", "offline", "disabled"] | None:
    for mode in ("online", "offline", "disabled"):
        if given == mode:
            return mode
    if given is not None:
        raise zoo.ZooError(f"track.wandb.mode = '{given}' cannot be: it is online, offline or disabled.")
    return None


class WeightsAndBiases:
    """One run there: the recipe as its config, the final scores as its summary, the report as a file."""

    def __init__(self, run: zoo.Tracked) -> None:
        self.run = wandb.init(
            project=run.options.get("project", "zoo"),
            entity=run.options.get("entity"),
            mode=_mode(run.options.get("mode")),
            name=run.name,
            dir=str(run.folder),
            config=dict(run.recipe),
            id=run.id or None,
            resume="allow" if run.id else None,
            settings=wandb.Settings(silent=True, console="off"),
        )
        self.id = self.run.id

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if step < self.run.step:
            return  # told before the run was resumed, and W&B takes no step twice
        self.run.log(dict(values), step=step)

    def finish(self, summary: Mapping[str, float], files: Sequence[Path], failed: bool) -> None:
        self.run.summary.update(dict(summary))
        for file in files:
            self.run.save(str(file), base_path=str(file.parent), policy="now")
        self.run.finish(exit_code=int(failed))
