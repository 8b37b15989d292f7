"""How long does a command that computes nothing take? Help, the list, a recipe with a misspelt key."""

from __future__ import annotations

from benchmarks.compare import Comparison
from benchmarks.harness import Benchmark, Contender, Measurement, Round, run_process
from benchmarks.peers import PEERS

LIMIT_S = 120
WRONG_RECIPE = """\
[model]
preset = "minilm_l6"
task = "text-classification"
[data]
train = "reviews.csv"
[train]
learning_rat = 1e-4
"""


def zoo_command(*arguments: str, exit_code: int = 0):
    """A turn of the installed `zoo` command; `{}` in an argument stands for the turn's folder."""

    def measure(turn: Round) -> Measurement:
        (turn.directory / "wrong.toml").write_text(WRONG_RECIPE)
        zoo = str(PEERS["zoo"].directory / "bin" / "zoo")
        command = [zoo, *(argument.format(turn.directory) for argument in arguments)]
        return Measurement(run_process(command, limit_s=LIMIT_S, exit_code=exit_code)[1])

    return measure


def python(environment: str, statement: str):
    """A turn of a Python statement in a peer's environment."""

    def measure(_: Round) -> Measurement:
        extra = {"KERAS_BACKEND": "jax"}
        command = [str(PEERS[environment].python), "-c", statement]
        return Measurement(run_process(command, limit_s=LIMIT_S, extra=extra)[1])

    return measure


BENCHMARK = Benchmark(
    name="cli",
    question="How long does a command take that computes nothing?",
    runs=10,
    contenders=(
        Contender("zoo --help", "zoo", zoo_command("--help")),
        Contender("zoo list", "zoo", zoo_command("list")),
        Contender("zoo finetune wrong.toml", "zoo", zoo_command("finetune", "{}/wrong.toml", exit_code=2)),
        Contender("python -c pass", "zoo", python("zoo", "pass")),
        Contender("import transformers", "transformers", python("transformers", "import transformers")),
        Contender("import keras_hub", "kerashub", python("kerashub", "import keras_hub")),
    ),
    comparisons=(
        Comparison("`zoo --help`", "wall_s", "zoo --help", "python -c pass", 0.15, "value"),
        Comparison("`zoo list`", "wall_s", "zoo list", "python -c pass", 0.15, "value"),
        Comparison(
            "a misspelt key in a recipe", "wall_s", "zoo finetune wrong.toml", "python -c pass", 0.3, "value"
        ),
        Comparison("`zoo list`", "wall_s", "zoo list", "import transformers"),
        Comparison("`zoo list`", "wall_s", "zoo list", "import keras_hub"),
    ),
)
