"""The question of load.py for a checkpoint of BERT base's size: five times the weights, and the same code."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.checkpoints import bert_base
from benchmarks.load import load_benchmark


def job() -> Mapping[str, object]:
    return {"model": str(bert_base())}


BENCHMARK = load_benchmark(
    "load_base",
    "How long from starting Python to the first embedding, for a checkpoint of BERT base's size (438 MB)?",
    dict.fromkeys(("zoo", "transformers", "kerashub"), job),
)
