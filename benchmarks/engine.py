"""What does the engine add to a training step, and what does a second start cost?

A run's loop is timed from one step to the next and set beside its own compiled step, called again and again with
the same batches. BERT base's size says what the loop costs where steps are long; a model of two narrow layers says
it in seconds, which long steps would drown. A first start has no compiled programs, a second those that another
left; what counts is the time from starting Python to the first step's loss, and the programs that were compiled.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.checkpoints import bert_base, bert_tiny
from benchmarks.compare import Comparison
from benchmarks.finetune_text import MAX_LENGTH, RECIPE, TRAINING, rows
from benchmarks.harness import Benchmark, Contender, Measurement, Round, run_worker
from benchmarks.peers import ENVIRONMENTS

LIMIT_S = 900
LOOP, STEP, FIRST, SECOND = "zoo", "its compiled step", "a first start", "a second start"
SIZES = (("base", bert_base, 128, 12), ("tiny", bert_tiny, 32, 400))  # tokens a row, steps


def steps(which: str) -> Callable[[Round], Measurement]:
    """A turn of the run's `loop`, or of the `bare` compiled step, at both sizes."""

    def turn(round: Round) -> Measurement:
        facts = {}
        for size, checkpoint, length, count in SIZES:
            job = {
                "which": which,
                "checkpoint": str(checkpoint()),
                "batch": 8,
                "length": length,
                "steps": 4 if round.quick or round.warm_up else count,
                "directory": str(round.directory / size),
            }
            found = run_worker("zoo", "zoo_steps.py", job, limit_s=LIMIT_S)
            facts[f"{size}_s"] = found["step_s"]
        return Measurement(facts)

    return turn


def start(kept: bool) -> Callable[[Round], Measurement]:
    """A turn of `finetune_text`'s job up to its first step's loss, with the programs that were `kept`, or none."""

    def turn(round: Round) -> Measurement:
        data, recipe = rows(round.quick), Path(round.directory) / "recipe.toml"
        paths = {"train": data.train, "test": data.test, "output": round.directory / "run"}
        quoted = {name: json.dumps(str(path)) for name, path in paths.items()}
        recipe.write_text(RECIPE.format(**quoted, **TRAINING, max_length=MAX_LENGTH, seed=0))
        cache = (ENVIRONMENTS if kept else round.directory) / "cache"
        job = {"recipe": str(recipe), "cache": str(cache)}
        return Measurement(run_worker("zoo", "zoo_start.py", job, limit_s=LIMIT_S))

    return turn


BENCHMARK = Benchmark(
    name="engine",
    question="What does the engine add to a training step (8 rows), and what does a second start cost (MiniLM)?",
    runs=3,
    contenders=(
        Contender(LOOP, "zoo", steps("loop")),
        Contender(STEP, "zoo", steps("bare")),
        Contender(FIRST, "zoo", start(kept=False)),
        Contender(SECOND, "zoo", start(kept=True)),
    ),
    comparisons=(
        Comparison("a step, BERT base's size, 128 tokens a row", "base_s", LOOP, STEP, 1.03),
        Comparison("a step, two narrow layers, 32 tokens a row", "tiny_s", LOOP, STEP, 0.002, "excess"),
        Comparison("from starting Python to the first loss", "first_step_s", SECOND, FIRST, 5.0, "value"),
        Comparison("programs that are compiled", "compiled_programs", SECOND, FIRST, 0.0, "value"),
    ),
)
