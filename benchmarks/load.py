"""How long from starting Python to the first embedding? Real MiniLM weights, each library's own way to it.

The compile caches are as each library has them by default, and warm. The second embedding, of another
sentence, says what every later call costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.compare import Comparison
from benchmarks.harness import Benchmark, Contender, Measurement, Round, run_worker
from benchmarks.peers import PEERS

LIMIT_S = 180
TEXTS = ("The horn of a rhinoceros is made of keratin.", "A zoo keeps what it loves, and shows it to others.")
# The outputs are compared on these too, in the warm-up. None has an accent: KerasHub keeps accents, where this
# checkpoint's tokenizer strips them, so its embeddings of such texts lie 0.08 off and it would be left out.
MORE_TEXTS = (
    "no",
    "An armadillo 🐾 rolls itself up when it is frightened!",
    "Quarterly revenue rose 4.2% to $1,310 million, beating estimates; shares fell.",
    "words " * 400,
)
# Of unit-length embeddings. KerasHub computes GELU by tanh, where this checkpoint says erf.
TOLERANCE = {"zoo": 1e-4, "kerashub": 5e-3}


def embed(environment: str, job: Mapping[str, object], texts: Sequence[str], turn: Round) -> Measurement:
    """Embed the texts in an environment; the metrics, and the `(texts, dim)` embeddings."""
    output = turn.directory / "embeddings.npy"
    job = {**job, "texts": list(texts), "output": str(output)}
    metrics = run_worker(environment, f"{environment}_load.py", job, limit_s=LIMIT_S)
    return Measurement(metrics, np.load(output))


def contender(name: str, environment: str, job: Callable[[], Mapping[str, object]]) -> Contender:
    def measure(turn: Round) -> Measurement:
        return embed(environment, job(), TEXTS + MORE_TEXTS if turn.warm_up else TEXTS, turn)

    return Contender(name, environment, measure, TOLERANCE.get(environment))


def load_benchmark(name: str, question: str, jobs: Mapping[str, Callable[[], Mapping[str, object]]]) -> Benchmark:
    """The time to the first embedding, of a model that each environment's job names."""
    return Benchmark(
        name=name,
        question=question,
        runs=5,
        reference="transformers",
        contenders=(
            contender("zoo", "zoo", jobs["zoo"]),
            contender("transformers", "transformers", jobs["transformers"]),
            contender("KerasHub", "kerashub", jobs["kerashub"]),
        ),
        comparisons=(
            Comparison("first embedding", "first_s", "zoo", "KerasHub", 0.4),
            Comparison("first embedding", "first_s", "zoo", "transformers", 0.7),
            Comparison("peak memory", "peak_mib", "zoo", "KerasHub", 0.6),
            Comparison("peak memory", "peak_mib", "zoo", "transformers"),
            Comparison("second embedding", "second_s", "zoo", "KerasHub"),
            Comparison("second embedding", "second_s", "zoo", "transformers"),
        ),
    )


MINILM: dict[str, Callable[[], Mapping[str, object]]] = {
    # zoo's users name the preset, whose files are checked; they are the same.
    "zoo": lambda: {"model": "minilm_l6"},
    "transformers": lambda: {"model": str(PEERS["transformers"].minilm)},
    "kerashub": lambda: {"model": str(PEERS["kerashub"].minilm)},
}

BENCHMARK = load_benchmark(
    "load", "How long from starting Python to the first sentence embedding (all-MiniLM-L6-v2)?", MINILM
)
