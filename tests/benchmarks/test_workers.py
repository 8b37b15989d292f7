"""Workers that need no environment of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.workers.chat_job import steady

WORKERS = Path(__file__).parents[2] / "benchmarks" / "workers"
SHAPE = {
    "vocab_size": 1000,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "intermediate_size": 32,
}


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("bfloat16", 2)])
def test_the_limit_of_memory_is_that_of_the_numbers_asked_for(dtype, size):
    job = {"config": SHAPE, "prompt": 5, "new": 3, "dtype": dtype}

    done = subprocess.run(
        [sys.executable, str(WORKERS / "torch_memory.py"), json.dumps(job)],
        capture_output=True,
        text=True,
        check=True,
    )

    matrices = 1000 * 16 + 16 * 8 * 2 * (2 + 1) + 3 * 16 * 32
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["held_mib"] * 2**20 == size * (matrices + 2 * 8 * 8)
    assert found["token_1_s"] > 0


@pytest.mark.parametrize(
    ("shapes", "steps"),
    [
        ("aaaa", [1, 2, 3]),  # the clock begins after the first
        ("aaabab", [1, 4, 5]),  # b compiles while the third's loss is awaited
        ("abab", [2, 3]),
        ("abcc", [3]),
        ("ab", [1]),
    ],
)
def test_steps_that_compile_and_those_before_them_are_not_timed(shapes, steps):
    assert steady(shapes) == steps
