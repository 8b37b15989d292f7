"""How long do an inference and a training step take? ResNet-50 and EfficientNet-B0 at 224 pixels, batches of 8.

Random weights, which transformers wrote and zoo reads; KerasHub builds the same networks. Every contender computes
probabilities on the host, and a step is cross-entropy, its gradients and AdamW. Pictures and labels lie on the
device. A GPU's job is in bfloat16, its weights in float32. Its logits, up to 2.3, are compared in float32: torch's
own are 0.25 off in bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.compare import Comparison
from benchmarks.harness import Benchmark, Contender, Measurement, Round, run_worker
from benchmarks.peers import ENVIRONMENTS

LIMIT_S = 900
MODELS = ("resnet50", "efficientnet_b0")


def checkpoints() -> dict[str, str]:
    """The models' directories, made once by transformers in its own environment."""
    folder = ENVIRONMENTS / "checkpoints"
    made = {name: folder / f"{name}_calibrated" for name in MODELS}
    for name, target in made.items():
        if not target.is_dir():
            run_worker("transformers", "transformers_random.py", {"name": name, "target": str(target)}, limit_s=120)
    return {name: str(target) for name, target in made.items()}


def measure(environment: str) -> Callable[[Round], Measurement]:
    def turn(round: Round) -> Measurement:
        output = Path(round.directory) / "logits.npy"
        batch, steps = (64, 20) if round.gpu else (8, 7)
        if round.warm_up or round.quick:
            steps = 0 if round.warm_up and round.gpu else 1
        job = {
            "models": checkpoints(),
            "batch": 2 if round.quick else batch,
            "size": 64 if round.quick else 224,
            "steps": steps,
            "classes": 1000,
            "dtype": "mixed_bfloat16" if round.gpu and not round.warm_up else "float32",
            "output": str(output) if round.warm_up else "",
        }
        metrics = run_worker(environment, f"{environment}_images.py", job, limit_s=LIMIT_S)
        return Measurement(metrics, np.load(output) if output.exists() else None)

    return turn


def _lines() -> tuple[Comparison, ...]:
    lines = []
    for name, title in zip(MODELS, ("ResNet-50", "EfficientNet-B0"), strict=True):
        lines += [
            Comparison(f"{title} inference", f"{name}_infer_s", "zoo", "transformers", 1.0),
            Comparison(f"{title} inference", f"{name}_infer_s", "zoo", "KerasHub"),
            Comparison(f"{title} training step", f"{name}_train_s", "zoo", "transformers", 1.5),
            Comparison(f"{title} training step", f"{name}_train_s", "zoo", "KerasHub"),
        ]
    return tuple(lines)


BENCHMARK = Benchmark(
    name="images",
    question="How long do an inference and a training step take (ResNet-50, EfficientNet-B0, 8 pictures of 224)?",
    gpu_question="How long do they take on a GPU (ResNet-50, EfficientNet-B0, 64 pictures of 224, bfloat16)?",
    runs=3,
    reference="transformers",
    contenders=(
        Contender("zoo", "zoo", measure("zoo"), 1e-4, 1e-2),  # a GPU's convolutions are of many kinds
        Contender("transformers", "transformers", measure("transformers")),
        Contender("KerasHub", "kerashub", measure("kerashub")),
    ),
    comparisons=_lines(),
)
