"""Recipes that train a language model: from random weights to text, beside its perplexity before."""

from __future__ import annotations

import math
import re

import pytest

import zoo
from zoo.train.evaluate import evaluate
from zoo.train.recipe_file import read_recipe
from zoo.train.request import complete

LINES = [f"{number} plus {number} is {number + number}." for number in range(10, 60)] * 3
CONFIG = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
}


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "lines.csv"
    path.write_text("\n".join(["text,kind", *(f"{line},sum" for line in LINES)]) + "\n")
    return path


@pytest.fixture(scope="module")
def run(csv, tmp_path_factory):
    recipe = zoo.Recipe.of(
        model={"architecture": "llama", "task": "text-generation", "config": CONFIG},
        data={"train": str(csv), "validation": 0.1},
        train={"epochs": 8, "batch_size": 16, "learning_rate": 5e-3},
        output={"dir": str(tmp_path_factory.mktemp("runs") / "sums")},
    )
    return zoo.finetune(recipe)


def test_perplexity_falls_from_what_it_was_before(run):
    measured = [record for record in run.history if "perplexity" in record]

    assert measured[0]["step"] == 0
    assert 200 < measured[0]["perplexity"] < 2000  # of 320 tokens, nothing learned yet
    assert run.metrics["perplexity"] < 15
    assert list(run.metrics) == ["perplexity", "loss"]


def test_the_run_generates_and_is_evaluated_and_reported(run, csv):
    model = zoo.load(run.path)

    assert model.task == "text-generation"
    assert " plus " in model.generate("11", max_new_tokens=8)
    assert evaluate(run, csv)["perplexity"] < 15
    page = (run.path / "report.html").read_text()
    assert "before training" in page
    assert "perplexity" in page.lower()
    told = " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())
    rows = re.findall(r"(\d+) (\d+ plus \d+ is \d+)\. (\d+) ([\d.]+) ([\d.]+)", told[told.index("Worst losses") :])
    assert len(rows) == 15  # all that are held out
    losses = [float(loss) for *_, loss in rows]
    assert losses == sorted(losses, reverse=True)
    for number, text, tokens, perplexity, loss in rows:
        assert LINES[int(number) - 1] == f"{text}."
        assert 4 <= int(tokens) <= 30
        assert float(perplexity) == pytest.approx(math.exp(float(loss)), rel=0.01)


def test_the_shipped_recipe_is_sound():
    recipe = read_recipe("language_model", [], complete)

    assert recipe.model.task == "text-generation"
    assert recipe.model.config["vocab_size"] == 4096


def test_labels_are_refused(csv, tmp_path):
    with pytest.raises(zoo.ZooError, match=r"data\.label = 'kind': text-generation learns from the texts alone"):
        zoo.finetune(
            zoo.Recipe.of(
                model={"architecture": "llama", "task": "text-generation", "config": CONFIG},
                data={"train": str(csv), "label": "kind"},
                output={"dir": str(tmp_path / "run")},
            )
        )
    assert not (tmp_path / "run").exists()
