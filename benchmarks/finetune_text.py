"""How long does a whole fine-tuning job take? From starting Python to a saved model, scored on held-out rows.

The same for all: MiniLM's weights, the rows (docstrings, about 100 tokens on average, cut at 256), 32 examples
a step, AdamW, learning rate 1e-4, one epoch, a new seed each run. Everything else (schedule, padding, weight
decay) is as each library has it by default, for that is what its users get; only the Trainer takes part twice,
for `group_by_length` is the one switch its users reach for. The warm-up is the small job, so what a first job
of this size compiles is counted.
"""

from __future__ import annotations

import csv
import functools
import json

from benchmarks.compare import Comparison
from benchmarks.harness import Benchmark, Contender, Measurement, Round, run_process, run_worker
from benchmarks.load import MINILM, TOLERANCE, embed
from benchmarks.peers import ENVIRONMENTS, PEERS
from benchmarks.rows import Rows, write_rows

LIMIT_S = 1800
TRAINING = {"epochs": 1, "batch_size": 32, "learning_rate": 1e-4}
MAX_LENGTH = 256
RANDOM, GROUPED = "Trainer", "Trainer, group_by_length"
RECIPE = """\
[model]
preset = "minilm_l6"
task = "text-classification"
[data]
train = {train}
test = {test}
validation = 0
text = "text"
label = "label"
max_length = {max_length}
[train]
epochs = {epochs}
batch_size = {batch_size}
learning_rate = {learning_rate}
seed = {seed}
[output]
dir = {output}
"""


@functools.cache
def rows(small: bool) -> Rows:
    """The rows of the job, written once: 2,000 and 600, or 200 and 100."""
    directory = ENVIRONMENTS / "rows" / ("small" if small else "full")
    directory.mkdir(parents=True, exist_ok=True)
    return write_rows(directory, *((200, 100) if small else (2000, 600)))


def by_zoo(turn: Round) -> Measurement:
    """`zoo finetune` on a recipe, its own test score included; the accuracy is read afterwards."""
    data = rows(turn.quick or turn.warm_up)
    recipe, run = turn.directory / "recipe.toml", turn.directory / "run"
    paths = {"train": data.train, "test": data.test, "output": run}
    recipe.write_text(
        RECIPE.format(
            **{name: json.dumps(str(path)) for name, path in paths.items()},
            **TRAINING,
            max_length=MAX_LENGTH,
            seed=turn.seed,
        )
    )
    zoo = str(PEERS["zoo"].directory / "bin" / "zoo")
    _, metrics = run_process([zoo, "finetune", str(recipe)], limit_s=LIMIT_S)
    evaluate = [zoo, "evaluate", str(run), "--data", str(data.test), "--json"]
    scored = json.loads(run_process(evaluate, limit_s=LIMIT_S)[0])
    return _checked("zoo", turn, metrics | {"accuracy": scored["metrics"]["accuracy"]})


def by_worker(environment: str, **options: object):
    """A peer's own training loop, in its worker."""

    def measure(turn: Round) -> Measurement:
        data = rows(turn.quick or turn.warm_up)
        job = {
            "model": str(PEERS[environment].minilm),
            "train": str(data.train),
            "test": str(data.test),
            "labels": data.labels,
            "max_length": MAX_LENGTH,
            "seed": turn.seed,
            "output": str(turn.directory / "model"),
            **TRAINING,
            **options,
        }
        metrics = run_worker(environment, f"{environment}_finetune.py", job, limit_s=LIMIT_S)
        return _checked(environment, turn, metrics)

    return measure


def _checked(environment: str, turn: Round, metrics: dict[str, float]) -> Measurement:
    """In the warm-up, the untrained model's embeddings of some rows too: the same weights, tokens and cut."""
    if not turn.warm_up:
        return Measurement(metrics)
    with rows(small=True).train.open(newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)][:8]
    return Measurement(metrics, embed(environment, MINILM[environment](), texts, turn).output)


BENCHMARK = Benchmark(
    name="finetune_text",
    question="How long does a whole text-classification job take (all-MiniLM-L6-v2, 2,000 rows, one epoch)?",
    runs=3,
    reference=RANDOM,
    contenders=(
        Contender("zoo", "zoo", by_zoo, TOLERANCE["zoo"]),
        Contender(RANDOM, "transformers", by_worker("transformers", sampling="random")),
        Contender(GROUPED, "transformers", by_worker("transformers", sampling="group_by_length")),
        Contender("KerasHub", "kerashub", by_worker("kerashub"), TOLERANCE["kerashub"]),
    ),
    comparisons=(
        Comparison("whole job", "wall_s", "zoo", RANDOM, 0.4),
        Comparison("whole job", "wall_s", "zoo", GROUPED, 0.9),
        Comparison("whole job", "wall_s", "zoo", "KerasHub", 0.3),
        Comparison("peak memory", "peak_mib", "zoo", GROUPED),
        Comparison("peak memory", "peak_mib", "zoo", "KerasHub"),
        Comparison("accuracy", "accuracy", "zoo", RANDOM, 0.01, "shortfall"),
        Comparison("accuracy", "accuracy", "zoo", GROUPED, 0.01, "shortfall"),
        Comparison("accuracy", "accuracy", "zoo", "KerasHub", 0.01, "shortfall"),
    ),
)
