"""Runs on MLflow."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param

import zoo

_LONGEST = 6000  # characters of a parameter that MLflow takes
_AT_ONCE = 100  # parameters of one request


class MLflow:
    """One run there: the recipe as its parameters, and the report as an artifact."""

    def __init__(self, run: zoo.Tracked) -> None:
        # A client of its own: MLflow's global run belongs to the user's program.
        self.client = MlflowClient(tracking_uri=run.options.get("tracking_uri"))
        self.told: dict[str, int] = {}  # the latest step of each number, from before the run was resumed
        if run.id:
            self.id = self._go_on(run.id)
            return
        name = run.options.get("experiment", "zoo")
        found = self.client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self.client.create_experiment(name)
        self.id = self.client.create_run(experiment, run_name=run.name).info.run_id
        parameters = [Param(key, str(value)[:_LONGEST]) for key, value in run.recipe.items()]
        for start in range(0, len(parameters), _AT_ONCE):
            self.client.log_batch(self.id, params=parameters[start : start + _AT_ONCE])

    def _go_on(self, id: str) -> str:
        self.client.update_run(id, "RUNNING")
        for name in self.client.get_run(id).data.metrics:
            self.told[name] = max(one.step for one in self.client.get_metric_history(id, name))
        return id

    def log(self, step: int, values: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        new = [Metric(k, v, now, step) for k, v in values.items() if step > self.told.get(k, -1)]
        self.client.log_batch(self.id, metrics=new)

    def finish(self, summary: Mapping[str, float], files: Sequence[Path], failed: bool) -> None:
        self.log(0, {f"final/{name}": value for name, value in summary.items()})
        for file in files:
            self.client.log_artifact(self.id, str(file))
        self.client.set_terminated(self.id, "FAILED" if failed else "FINISHED")
