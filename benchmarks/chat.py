"""How fast does a chat model learn? Gemma 3 270M's shape, LoRA of rank 16, the loss on the answers alone.

8 conversations of uneven length a step, made from docstrings: a question holds a text's beginning, the answer goes
on. transformers and PEFT pad each step to its longest conversation; zoo packs. A tokenizer learned from the texts
and a chat template lie beside the weights, both render and mask for themselves, and the losses of the first
conversations must agree. zoo takes part twice, for `train.remat = "layers"` gives time for memory.

A token's time is that of steps as a long run makes them, over their tokens: the clock leaves out what is done once,
the first step of all and each that compiles.

A GPU's job is in bfloat16, 64 conversations a step. The memory is the GPU's own, and zoo also tells which share of
its arithmetic is used. The peer computes a step in four parts, for the logits of all 64 would be more than 80 GB.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks import decode
from benchmarks.compare import Comparison
from benchmarks.finetune_text import rows
from benchmarks.harness import Benchmark, Contender, Measurement, Round, run_worker
from benchmarks.peers import ENVIRONMENTS

LIMIT_S = 1800
ZOO, LAYERS, PEFT = "zoo", "zoo, remat", "transformers, PEFT"
MOST_WORDS = 60
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<turn>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<end>{% endgeneration %}"
    "{% else %}{{ message['content'] }}<end>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)


def checkpoint() -> str:
    """The random model of `decode` with a tokenizer and a chat template, made once."""
    source, target = Path(decode.checkpoint()), ENVIRONMENTS / "checkpoints" / "gemma3_270m_chat"
    if not (target / "tokenizer.json").is_file():
        shutil.copytree(source, target, copy_function=os.link, dirs_exist_ok=True)
        job = {"rows": str(rows(small=False).train), "template": TEMPLATE, "target": str(target)}
        run_worker("transformers", "transformers_tokenizer.py", job, limit_s=300)
    return str(target)


def conversations() -> Iterator[list[dict[str, str]]]:
    """Conversations of one to four questions, each the beginning of a docstring that its answer ends."""
    with rows(small=False).train.open(newline="", encoding="utf-8") as file:
        texts = [row["text"].split()[:MOST_WORDS] for row in csv.DictReader(file)]
    places = itertools.cycle(range(len(texts)))
    while True:
        messages = []
        for _ in range(1 + len(texts[next(places)]) % 4):
            words = texts[next(places)]
            part = len(words) // 3
            messages.append({"role": "user", "content": " ".join(words[:part])})
            messages.append({"role": "assistant", "content": " ".join(words[part:])})
        yield messages


def measure(environment: str, **options: object) -> Callable[[Round], Measurement]:
    def turn(round: Round) -> Measurement:
        directory = Path(round.directory)
        batch, steps = (64, 16) if round.gpu else (8, 4)
        count = batch * (2 if round.quick else steps)  # in the warm-up, too, whose programs are kept
        data, output = directory / "messages.jsonl", directory / "losses.npy"
        with data.open("w", encoding="utf-8") as file:
            for _, messages in zip(range(count), conversations(), strict=False):
                file.write(json.dumps({"messages": messages}) + "\n")
        job = {
            "checkpoint": checkpoint(),
            "data": str(data),
            "batch": batch,
            "at_once": min(batch, 16),
            "rank": 16,
            "compared": 4 if round.warm_up else 0,
            "dtype": "bfloat16" if round.gpu else "float32",
            "directory": str(directory),
            "output": str(output),
            **options,
        }
        metrics = run_worker(environment, f"{environment}_chat.py", job, limit_s=LIMIT_S)
        return Measurement(metrics, np.load(output) if output.exists() else None)

    return turn


BENCHMARK = Benchmark(
    name="chat",
    question="How fast does a chat model learn (Gemma 3 270M's shape, LoRA of rank 16, 8 conversations a step)?",
    gpu_question="How fast does a chat model learn on a GPU (the same shape and rank, bfloat16, 64 a step)?",
    runs=2,
    reference=PEFT,
    contenders=(
        Contender(ZOO, "zoo", measure("zoo", remat="elementwise"), 1e-4, 0.05),
        Contender(LAYERS, "zoo", measure("zoo", remat="layers"), 1e-4, 0.05),
        Contender(PEFT, "transformers", measure("transformers")),
    ),
    comparisons=(
        Comparison("a token", "token_s", ZOO, PEFT, 0.25),  # 4 times as many a second
        Comparison("peak memory", "peak_mib", ZOO, PEFT, 0.25),
        Comparison("a token, layers computed again", "token_s", LAYERS, PEFT, 0.25),
        Comparison("peak memory, layers computed again", "peak_mib", LAYERS, PEFT, 0.25),
    ),
)
