"""What the image workers share: the pictures, the clock, and the answer.

Job: `models` (`{name: checkpoint}`), `batch`, `size`, `steps` (0: nothing is timed), `classes`, `dtype`, `output`
(a file for the logits, or "").
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from job import JOB, answer

Measured = tuple[Callable[[], np.ndarray], Callable[[], object], Callable[[], object]]
"""The logits to compare, an inference, and a training step; each comes back when it is computed."""


def pictures() -> np.ndarray:
    """`(batch, size, size, 3)` float32, the same for every contender."""
    batch, size = JOB["batch"], JOB["size"]
    return np.random.default_rng(0).normal(size=(batch, size, size, 3)).astype(np.float32)


def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, JOB["classes"], JOB["batch"]).astype(np.int32)


def run(build: Callable[[str, str], Measured]) -> None:
    """Save the logits of every model, time its inference and training step, and answer with the times."""
    found, logits = {}, []
    for name, checkpoint in JOB["models"].items():
        told, infer, step = build(name, checkpoint)
        if JOB["output"]:
            logits.append(told())
        if JOB["steps"]:
            found[f"{name}_infer_s"] = _median_s(infer)
            found[f"{name}_train_s"] = _median_s(step)
    if logits:
        np.save(JOB["output"], np.concatenate(logits, axis=1))
    answer(**found)


def _median_s(step: Callable[[], object]) -> float:
    """The median seconds of a step, after two that warm it up."""
    for _ in range(2):
        step()
    times = []
    for _ in range(JOB["steps"]):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
