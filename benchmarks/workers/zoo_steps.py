"""Time the steps of a run, or its compiled step alone.

Job: `which` (`loop` or `bare`), `checkpoint`, `batch`, `length`, `steps`, `directory`.
"""

import itertools
import json
import statistics
import time
from pathlib import Path

from job import JOB, answer

import zoo
from zoo.train.listener import Silent

directory = Path(JOB["directory"])
directory.mkdir()
data = directory / "rows.jsonl"
FIRST = ("one", "two", "three", "four", "five", "six", "seven", "eight")
rest = ["word"] * (JOB["length"] - 3)  # and the two tokens around a row: there is no padding
with data.open("w") as file:
    for n in range(JOB["batch"] * JOB["steps"]):
        file.write(json.dumps({"text": " ".join([FIRST[n % 8], *rest]), "label": "ab"[n % 2]}) + "\n")
recipe = directory / "recipe.toml"
recipe.write_text(f"""
[model]
preset = {json.dumps(JOB["checkpoint"])}
task = "text-classification"
[data]
train = {json.dumps(str(data))}
validation = 0
max_length = {JOB["length"]}
[train]
epochs = 1
batch_size = {JOB["batch"]}
[output]
dir = {json.dumps(str(directory / "run"))}
""")


class Clock(Silent):
    """When each step's loss was known."""

    def __init__(self):
        self.times = []

    def step(self, step, loss, examples_per_second):
        self.times.append(time.perf_counter())


def loop():
    clock = Clock()
    zoo.finetune(str(recipe), listener=clock)
    return clock.times


def bare():
    import jax

    from zoo.train.feeds import make_batches
    from zoo.train.recipe_file import read_recipe
    from zoo.train.request import complete
    from zoo.train.setup import make_model, trainer_for
    from zoo.train.splits import read_splits

    keys = read_recipe(recipe, check=complete)
    splits = read_splits(keys)
    model = make_model(keys, splits)
    trainer, _ = trainer_for(keys, model, JOB["steps"], splits.train)
    batches = list(make_batches(keys, model, splits).stream(0))
    state, times = trainer.state(), []
    for batch in batches:
        state, loss = trainer.advance(state, [batch])
        jax.block_until_ready(loss)
        times.append(time.perf_counter())
    return times


times = {"loop": loop, "bare": bare}[JOB["which"]]()
answer(step_s=statistics.median(b - a for a, b in itertools.pairwise(times[1:])))
