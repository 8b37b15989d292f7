"""Runs on Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import wandb

import zoo


class WeightsAndBiases:
    """One run there: the recipe as its config, the final scores as its summary, the report as a file."""

    def __init__(self, run: zoo.Tracked) -> None:
        self.run = wandb.init(
            project=run.options.get("project", "zoo"),
            entity=run.options.get("entity"),
            mode=run.options.get("mode"),
            name=run.name,
            dir=str(run.folder),
            config=dict(run.recipe),
            settings=wandb.Settings(silent=True, console="off"),
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.run.log(dict(values), step=step)

    def finish(self, summary: Mapping[str, float], files: Sequence[Path], failed: bool) -> None:
        self.run.summary.update(dict(summary))
        for file in files:
            self.run.save(str(file), base_path=str(file.parent), policy="now")
        self.run.finish(exit_code=int(failed))
