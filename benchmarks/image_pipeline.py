"""How fast are training pictures read? JPEGs of 500 x 375, cropped at random, mirrored and brought to 224 pixels.

zoo reads in grain's threads; beside it stands torch's DataLoader with two worker processes on the same files, whose
transform is torchvision's, written out with Pillow: there is no CPU build of torchvision for this torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.compare import Comparison
from benchmarks.harness import Benchmark, Contender, Measurement, Round, run_worker
from benchmarks.peers import ENVIRONMENTS

LIMIT_S = 300
COUNT = 512


def pictures() -> Path:
    """A folder of JPEGs of the size that ImageNet's pictures have on average, made once."""
    folder = ENVIRONMENTS / "checkpoints" / f"jpegs_{COUNT}"
    if not folder.is_dir():
        run_worker("zoo", "zoo_jpegs.py", {"folder": str(folder), "count": COUNT}, limit_s=120)
    return folder


def measure(environment: str) -> Callable[[Round], Measurement]:
    def turn(round: Round) -> Measurement:
        job = {"folder": str(pictures()), "batch": 32, "size": 224, "seed": round.seed}
        metrics = run_worker(environment, f"{environment}_pipeline.py", job, limit_s=LIMIT_S)
        return Measurement(metrics, np.zeros(1))

    return turn


BENCHMARK = Benchmark(
    name="image_pipeline",
    question="How long does it take to read, crop and mirror 512 JPEGs for training (500 x 375 to 224 x 224)?",
    runs=3,
    contenders=(
        Contender("zoo", "zoo", measure("zoo")),
        Contender("DataLoader", "transformers", measure("transformers")),
    ),
    comparisons=(Comparison("512 pictures", "epoch_s", "zoo", "DataLoader", 1.0),),
)
