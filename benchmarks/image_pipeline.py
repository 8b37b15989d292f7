"""How fast are training pictures read? JPEGs of 500 x 375, cropped at random, mirrored and brought to 224 pixels.

zoo reads in grain's threads; beside it stands torch's DataLoader with two worker processes on the same files, whose
transform is torchvision's, written out with Pillow: there is no CPU build of torchvision for this torch. The
DataLoader normalises, too, which zoo leaves to the device as part of the step. Both decode pictures of this size
whole; where a crop is four times the network's size, zoo has the decoder give half of it, and the other does not.
Crops are random, so no outputs are compared.

The pipeline is to keep up with a device that is ten times as fast as this CPU: a picture beside a tenth of what one
takes in a training step of EfficientNet-B0, which is the quicker of the networks in `images`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.compare import Comparison
from benchmarks.harness import Benchmark, Contender, Measurement, Round, run_worker
from benchmarks.images import checkpoints
from benchmarks.peers import ENVIRONMENTS

LIMIT_S = 300
COUNT = 512
STEP = "a tenth of a step"


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
        seconds = metrics["epoch_s"]
        return Measurement({**metrics, "pictures_per_s": COUNT / seconds, "picture_s": seconds / COUNT})

    return turn


def step(round: Round) -> Measurement:
    """A tenth of what a picture takes in zoo's training step on this CPU."""
    name, batch = "efficientnet_b0", 8
    job = {
        "models": {name: checkpoints()[name]},
        "batch": batch,
        "size": 224,
        "steps": 1 if round.warm_up or round.quick else 3,
        "classes": 1000,
        "dtype": "float32",
        "output": "",
    }
    metrics = run_worker("zoo", "zoo_images.py", job, limit_s=LIMIT_S)
    return Measurement({"picture_s": metrics[f"{name}_train_s"] / batch / 10})


BENCHMARK = Benchmark(
    name="image_pipeline",
    question="How long does it take to read, crop and mirror 512 JPEGs for training (500 x 375 to 224 x 224)?",
    runs=3,
    contenders=(
        Contender("zoo", "zoo", measure("zoo")),
        Contender("DataLoader", "transformers", measure("transformers")),
        Contender(STEP, "zoo", step),
    ),
    comparisons=(
        Comparison("512 pictures", "epoch_s", "zoo", "DataLoader", 1.0),
        Comparison("pictures a second", "pictures_per_s", "zoo", "DataLoader"),
        Comparison("a picture, of EfficientNet-B0's training", "picture_s", "zoo", STEP, 1.0),
    ),
)
