"""Runs on a data set of the Hub: pinned to its commit, whatever becomes of the branch."""

from __future__ import annotations

import json

from zoo.train.recipe_file import read_recipe
from zoo.train.run_lock import read_lock

NAME = "hf://datasets/toys/reviews"
_RUN = """
import json, sys
import zoo
from zoo.train.evaluate import evaluate
overrides = ["train.steps=2", "data.limit=40"]
run = zoo.finetune(sys.argv[1], data=sys.argv[2], overrides=overrides, output="runs/reviews")
shown = {"rows": {name: part["rows"] for name, part in json.load(open("runs/reviews/run.lock"))["data"].items()}}
print(json.dumps(shown | {"scores": evaluate(run, sys.argv[2] + "/train.csv")}))
"""
_AGAIN = """
import json, zoo
found = zoo.reproduce("runs/reviews")
print(json.dumps([found.identical, found.changed]))
"""

_ON_THE_HUB = """
import sys
import zoo
from zoo.train import preflight

if sys.argv[3] == "small":
    preflight.device_memory = lambda held=0: 1000
try:
    zoo.finetune(sys.argv[1], data=sys.argv[2], overrides=["train.steps=2"], output="run")
except zoo.ZooError as error:
    print(error)
"""


def table(rows) -> bytes:
    return ("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)).encode()


def test_a_run_is_pinned_and_reproduced_when_the_branch_has_moved(hub, python, tiny_bert, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    rows = [
        (f"superb film {'very ' * (n % 5)}" if n % 3 else f"dull plot {'quite ' * (n % 7)}", n % 3 > 0)
        for n in range(60)
    ]
    rows = [(text + f"scene {n}", "good" if good else "bad") for n, (text, good) in enumerate(rows)]
    files = {"train.csv": table(rows), "dev.csv": table([("lovely", "good"), ("grim", "bad")])}
    commit = hub.add("datasets/toys/reviews", {**files, "test.csv": b"text,label\nfine,\nso so,\n"})
    done = python(_RUN, str(tiny_bert), NAME)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["rows"] == {"train": 40, "validation": 2}  # the test rows have no labels
    assert 0 <= found["scores"]["accuracy"] <= 1

    pinned = f"{NAME}@{commit}"
    assert read_recipe(home / "runs/reviews/recipe.toml").data.train == pinned
    assert read_lock(home / "runs/reviews")["recipe"]["data"]["train"] == pinned

    hub.add("datasets/toys/reviews", {**files, "train.csv": table(rows[::-1])})
    again = python(_AGAIN)
    assert json.loads(again.stdout.splitlines()[-1]) == [True, []]


def test_a_step_that_does_not_fit_is_told_before_a_weight_is_fetched(hub, python, tiny_bert, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    (home / "rows.csv").write_bytes(table([(f"a film of {n} scenes", ("good", "bad")[n % 2]) for n in range(40)]))
    hub.add("toys/tiny", {path.name: path.read_bytes() for path in tiny_bert.iterdir()})
    told = python(_ON_THE_HUB, "hf://toys/tiny", "rows.csv", "small")
    assert "The training step does not fit in memory" in told.stdout, told.stderr
    assert any("tokenizer.json" in request for request in hub.requests)
    assert not any("model.safetensors" in request for request in hub.requests)
    assert [path.name for path in home.iterdir()] == ["rows.csv"]
    done = python(_ON_THE_HUB, "hf://toys/tiny", "rows.csv", "enough")
    assert (done.stdout, (home / "run" / "model" / "model.safetensors").is_file()) == ("", True), done.stderr
    assert any("model.safetensors" in request for request in hub.requests)
