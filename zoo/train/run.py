"""A run: the directory that a recipe leaves behind."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.train.recipe import Recipe

WHERE = ("step", "epoch", "split", "final")
"""What says where in a run a record of `metrics.jsonl` was made; the rest are metrics."""


class Run:
    """A finished fine-tuning run.

    Holds `recipe.toml` (resolved), `metrics.jsonl`, `report.html` and `model/`.

    Raises a ZooError where the directory is not a run.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not (self.path / "recipe.toml").is_file():
            raise ZooError(
                f"'{path}' is not a run.",
                why="it has no recipe.toml" if self.path.is_dir() else "there is no such directory",
                fix="'zoo finetune' makes runs.",
            )

    def __repr__(self) -> str:
        return f"zoo.Run({str(self.path)!r})"

    @property
    def recipe(self) -> Recipe:
        """The recipe as it was resolved, under the run's name."""
        return self.changed_recipe()

    def changed_recipe(self, overrides: Sequence[str] = ()) -> Recipe:
        """The recipe with keys changed, each `table.key=value`. Raises a ZooError for those that cannot be."""
        from zoo.train.recipe_file import read_recipe

        return dataclasses.replace(
            read_recipe(self.path / "recipe.toml", overrides), name=self.path.absolute().name
        )

    @property
    def history(self) -> list[dict[str, Any]]:
        """Every record of `metrics.jsonl`, in order."""
        file = self.path / "metrics.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.is_file() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]  # a killed run may leave half a line

    @property
    def finished(self) -> bool:
        """Whether it was trained, evaluated and written to its end."""
        return any(record.get("final") for record in self.history)

    @property
    def metrics(self) -> dict[str, float]:
        """The final scores: on the test rows, or the validation rows where there are none."""
        final = [record for record in self.history if record.get("final")]
        return {k: v for k, v in final[-1].items() if k not in WHERE} if final else {}

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def model(self) -> Any:
        """The trained model: the weights of the best epoch. Raises a ZooError where the run has not finished."""
        from zoo.loading import load

        return load(self.path)


def scores_before(history: Iterable[Mapping[str, Any]], split: str) -> dict[str, float]:
    """What a split's rows were scored before training, where they were, of the records of `metrics.jsonl`."""
    records = (r for r in history if r.get("split") == split and not r["step"] and not r.get("final"))
    return {name: value for name, value in next(records, {}).items() if name not in WHERE}


def next_free(folder: Path) -> Path:
    """`folder`, or with the first number behind it that is free: `runs/reviews-2`."""
    candidate, n = folder, 1
    while candidate.exists():
        n += 1
        candidate = folder.with_name(f"{folder.name}-{n}")
    return candidate
