"""How fast is text generated? One random model of Gemma 3 270M's shape, vocabulary included, 64-token prompts.

transformers writes the model, zoo reads it, and their greedy tokens must agree; KerasHub builds the same network
with weights of its own. "memory" is the limit: every weight read once, as fast as a sum over as many numbers reads
them, and the bytes of weights and cache. A GPU's job is in bfloat16, in which the most probable token of a random
model is often another: its tokens are compared in float32. The memory is then the GPU's own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.compare import Comparison
from benchmarks.harness import Benchmark, Contender, Measurement, Round, run_worker
from benchmarks.peers import ENVIRONMENTS

LIMIT_S = 900
SHAPE = {
    "vocab_size": 262_144,
    "hidden_size": 640,
    "intermediate_size": 2048,
    "num_hidden_layers": 18,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 256,
    "query_pre_attn_scalar": 256,
    "sliding_window": 512,
    "max_position_embeddings": 32_768,
    "eos_token_id": None,  # so that nobody stops early
}


def checkpoint() -> str:
    """The model's directory, made once by transformers in its own environment."""
    target = ENVIRONMENTS / "checkpoints" / "gemma3_270m_random"
    if not target.is_dir():
        job = {"config": SHAPE, "target": str(target)}
        run_worker("transformers", "transformers_random_decoder.py", job, limit_s=300)
    return str(target)


def measure(environment: str, dtype: str = "", script: str = "") -> Callable[[Round], Measurement]:
    def turn(round: Round) -> Measurement:
        output = Path(round.directory) / "ids.npy"
        new = 128 if round.gpu else 32
        job = {
            "checkpoint": checkpoint(),
            "config": SHAPE,
            "prompt": 16 if round.quick else 64,
            "new": 4 if round.quick or round.warm_up else new,
            "batches": [] if round.gpu and round.warm_up else [1, 8],
            "repeats": 1 if round.quick or round.warm_up else 3,
            "dtype": dtype or ("bfloat16" if round.gpu and not round.warm_up else "float32"),
            "output": str(output),
        }
        metrics = run_worker(environment, script or f"{environment}_decode.py", job, limit_s=LIMIT_S)
        return Measurement(metrics, np.load(output) if output.exists() else None)

    return turn


BENCHMARK = Benchmark(
    name="decode",
    question="How fast is text generated (Gemma 3 270M's shape, 64-token prompts, greedy)?",
    gpu_question="How fast is text generated on a GPU (Gemma 3 270M's shape, 64-token prompts, 128 new, bfloat16)?",
    runs=3,
    reference="transformers",
    contenders=(
        Contender("zoo", "zoo", measure("zoo"), 0.0),
        Contender("zoo, int8", "zoo", measure("zoo", "int8")),
        Contender("zoo's prefill", "zoo", measure("zoo", script="zoo_prefill.py")),
        Contender("transformers", "transformers", measure("transformers")),
        Contender("KerasHub", "kerashub", measure("kerashub")),
        Contender("memory", "transformers", measure("transformers", script="torch_memory.py")),
    ),
    comparisons=(
        Comparison("a token, batch 1", "token_1_s", "zoo", "transformers", 0.286),  # 3.5 times as fast
        Comparison("a token, batch 1", "token_1_s", "zoo", "KerasHub", 0.769),  # 1.3 times as fast
        Comparison("a token, batch 1, and all weights read once", "token_1_s", "zoo", "memory", 1.333),  # 75%
        Comparison("a token of each, batch 8", "token_8_s", "zoo", "transformers", 0.5),
        Comparison("a token of each, batch 8", "token_8_s", "zoo", "KerasHub", 0.5),
        Comparison("prefill, batch 1", "prefill_1_s", "zoo", "transformers", 1.0),
        Comparison("prefill, batch 8", "prefill_8_s", "zoo", "transformers", 1.0),
        Comparison("first token of a second prompt", "first_s", "zoo", "zoo's prefill", 1.5),
        Comparison("peak memory above the imports, and weights with cache", "held_mib", "zoo", "memory", 1.2),
        Comparison("peak memory on the GPU", "held_mib", "zoo", "transformers"),
        Comparison("a token, batch 1, int8", "token_1_s", "zoo, int8", "zoo"),
        Comparison("peak memory above the imports, int8", "held_mib", "zoo, int8", "zoo"),
    ),
)
