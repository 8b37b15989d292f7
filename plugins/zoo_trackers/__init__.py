"""Where a run's progress can be followed from afar. Each tracker's package is imported when a run uses it."""

from __future__ import annotations

from typing import Any

import zoo


@zoo.hookimpl
def zoo_trackers() -> list[zoo.Tracker]:
    return [
        zoo.Tracker(
            name="tensorboard",
            description="TensorBoard's event files, in the run's directory",
            package="tensorboard",
            start=_tensorboard,
            options={"dir": "where the events go; `events` in the run's directory by default"},
        ),
        zoo.Tracker(
            name="wandb",
            description="Weights & Biases",
            package="wandb",
            start=_wandb,
            options={
                "project": "the project's name; `zoo` by default",
                "entity": "the user or team; your own by default",
                "mode": "`online`, or `offline`, which keeps the run in its directory for `wandb sync`",
            },
        ),
        zoo.Tracker(
            name="mlflow",
            description="MLflow",
            package="mlflow",
            start=_mlflow,
            options={
                "tracking_uri": "the server or database; MLflow's own default otherwise",
                "experiment": "the experiment's name; `zoo` by default",
            },
        ),
    ]


def _tensorboard(run: zoo.Tracked) -> Any:
    from zoo_trackers.events import Events

    return Events(run)


def _wandb(run: zoo.Tracked) -> Any:
    from zoo_trackers.weights_and_biases import WeightsAndBiases

    return WeightsAndBiases(run)


def _mlflow(run: zoo.Tracked) -> Any:
    from zoo_trackers.ml_flow import MLflow

    return MLflow(run)
