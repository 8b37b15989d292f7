"""What does an adapter's training step cost beside the step that trains every weight? BERT base's size, 8 x 128.

Rank 16 on every linear layer of the backbone, and the head; random weights, AdamW. Both contenders are zoo: the
question is what freezing saves. A new adapter changes nothing, so their first logits must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.checkpoints import bert_base
from benchmarks.compare import Comparison
from benchmarks.harness import Benchmark, Contender, Measurement, Round, run_worker

LIMIT_S = 900
FULL, LORA, DORA = "every weight", "LoRA", "DoRA"


def measure(lora: dict[str, object] | None) -> Callable[[Round], Measurement]:
    def turn(round: Round) -> Measurement:
        output = Path(round.directory) / "logits.npy"
        job = {
            "checkpoint": str(bert_base()),
            "lora": lora,
            "batch": 2 if round.quick else 8,
            "length": 32 if round.quick else 128,
            "steps": 1 if round.warm_up or round.quick else 7,
            "output": str(output),
        }
        metrics = run_worker("zoo", "zoo_lora.py", job, limit_s=LIMIT_S)
        return Measurement(metrics, np.load(output))

    return turn


BENCHMARK = Benchmark(
    name="lora_step",
    question="What does an adapter's step cost beside one of all weights (BERT base, rank 16, 8 x 128 tokens)?",
    runs=3,
    reference=FULL,
    contenders=(
        Contender(LORA, "zoo", measure({"targets": "all"}), 1e-4),
        Contender(DORA, "zoo", measure({"targets": "all", "dora": True}), 1e-4),
        Contender(FULL, "zoo", measure(None)),
    ),
    comparisons=(
        Comparison("step", "step_s", LORA, FULL, 0.75),
        Comparison("optimizer and gradients", "learning_mib", LORA, FULL, 0.5),
        Comparison("all that a step takes, as compiled", "program_mib", LORA, FULL),
        Comparison("peak memory of the process", "peak_mib", LORA, FULL),
        Comparison("step, DoRA", "step_s", DORA, FULL),
    ),
)
