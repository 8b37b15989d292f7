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
