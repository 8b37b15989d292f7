"""What every contender of `decode` shares: the prompts, and how their time is taken."""

import statistics
import time
from collections.abc import Callable

import numpy as np
from job import JOB, answer

VOCABULARY = JOB["config"]["vocab_size"]


def prompts(rows: int, seed: int = 0) -> np.ndarray:
    """Random token ids `(rows, prompt)` int32."""
    return np.random.default_rng(seed).integers(3, VOCABULARY, (rows, JOB["prompt"])).astype(np.int32)


def seconds(call: Callable[[], object]) -> float:
    """The median time of a call that has been made before."""
    taken = []
    for _ in range(JOB["repeats"]):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def run(generate: Callable[[np.ndarray, int], np.ndarray], **more: float) -> None:
    """Time `generate(ids, new)`, which gives the new ids `(rows, new)`; save those of one prompt; answer."""
    facts: dict[str, float] = {}
    new = JOB["new"]
    np.save(JOB["output"], generate(prompts(1), new))
    for rows in JOB["batches"]:
        ids = prompts(rows)
        for count in (1, new):
            generate(ids, count)
        prefill = seconds(lambda ids=ids: generate(ids, 1))
        facts[f"prefill_{rows}_s"] = prefill
        facts[f"token_{rows}_s"] = (seconds(lambda ids=ids: generate(ids, new)) - prefill) / (new - 1)
    answer(**facts, **more)
