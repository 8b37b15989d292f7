"""`zoo evaluate`: the scores of a run, as text and as JSON."""

from __future__ import annotations

import json
import shutil

import pytest

from zoo.train.finetune import finetune
from zoo.train.recipe import Recipe


def test_scores_as_json_and_as_text(zoo, run, reviews, tmp_path):
    done = zoo("evaluate", run, "--data", reviews, "--json")
    assert done.code == 0
    assert done.json == {"run": str(run), "data": str(reviews), "metrics": done.json["metrics"]}
    assert set(done.json["metrics"]) == {"accuracy", "macro_f1", "loss"}
    assert 0 <= done.json["metrics"]["accuracy"] <= 1
    seen = f"seen: the run learned from '{reviews}'"
    assert seen in done.err
    other = shutil.copy(reviews, tmp_path / "other.csv")
    assert seen not in zoo("evaluate", run, "--data", other).err
    shown = zoo("evaluate", run, "--data", reviews)
    assert shown.code == 0
    assert shown.out.splitlines()[0].split() == ["accuracy", f"{done.json['metrics']['accuracy']:.4f}"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("review,stars\nfine,good\nso so,middling\n", "'middling' in row 2"),
        ("review,stars\nfine,good\ndull,\n", "Without a label (column 'stars'): row 2."),
        ("text,stars\nfine,good\n", "there is no column 'review'"),
        ("", "is empty"),
    ],
)
def test_data_that_cannot_be_scored(zoo, run, tmp_path, content, why):
    (tmp_path / "test.csv").write_text(content)
    told = zoo("evaluate", run, "--data", "test.csv", "--json")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("error: ")
    assert why in told.err


def test_what_is_not_a_run(zoo, reviews, tmp_path):
    told = zoo("evaluate", "runs/gone", "--data", reviews)
    assert told.code == 2
    assert told.err.startswith("error: 'runs/gone' is not a run.\n  - there is no such directory")
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_weights_were_cut_off(zoo, run, reviews, tmp_path):
    shutil.copytree(run, tmp_path / "cut")
    weights = tmp_path / "cut/model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    told = zoo("evaluate", "cut", "--data", reviews, "--json")
    assert (told.code, told.out) == (2, "")
    assert "model.safetensors" in told.err


def test_a_run_that_has_not_finished(zoo, run, reviews, tmp_path):
    (tmp_path / "stopped").mkdir()
    shutil.copy(run / "recipe.toml", tmp_path / "stopped")
    told = zoo("evaluate", "stopped", "--data", reviews)
    assert told.code == 2
    assert "The run 'stopped' has not finished: it has no model yet." in told.err


QUESTIONS = [
    (f"{ask} {thing}", answer) for ask in "abcd" for thing, answer in (("snow", "white"), ("coal", "black"))
]


@pytest.fixture(scope="module")
def answering(tmp_path_factory):
    """A language model that has seen eight questions twice, and the file of them."""
    folder = tmp_path_factory.mktemp("answering")
    data = folder / "colours.jsonl"
    data.write_text("".join(json.dumps({"prompt": q, "completion": a}) + "\n" for q, a in QUESTIONS))
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = sizes | {"vocab_size": 300, "num_key_value_heads": 1, "max_position_embeddings": 32}
    recipe = Recipe.of(
        model={"architecture": "llama", "task": "text-generation", "config": config},
        data={"train": str(data), "validation": 0},
        train={"steps": 2, "batch_size": 4},
        output={"dir": str(folder / "run")},
    )
    return finetune(recipe).path, data


def test_answers_are_measured_as_asked(zoo, answering, tmp_path):
    run, data = answering
    (tmp_path / "mine.py").write_text("def asked(answer, reference):\n    return reference in ('white', 'black')\n")
    options = ("--max-new-tokens", 3, "--limit", 5)
    done = zoo(
        "evaluate",
        run,
        "--data",
        data,
        "--answers",
        "exact_match",
        "--answers",
        "mine.py:asked",
        *options,
        "--json",
    )
    assert done.code == 0
    assert done.err.startswith(f"seen: the run learned from '{data}'")
    assert list(done.json["metrics"]) == ["perplexity", "loss", "exact_match", "asked"]
    assert done.json["metrics"]["asked"] == 1.0
    assert done.json["metrics"]["exact_match"] in [n / 5 for n in range(6)]
    without = zoo("evaluate", run, "--data", data, "--json")
    assert list(without.json["metrics"]) == ["perplexity", "loss"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--answers", "exact"], "there is no 'exact', only exact_match and rouge_l. Did you mean 'exact_match'?"),
        (["--answers", "gone.py:close"], "'gone.py' cannot be read"),
        (["--answers", "rouge_l", "--answers", "rouge_l"], "the name of 'rouge_l' is taken already"),
        (["--answers", "rouge_l", "--limit", 0], "--limit"),
        (["--answers", "rouge_l", "--max-new-tokens", "many"], "--max-new-tokens"),
    ],
)
def test_answers_that_cannot_be_measured(zoo, answering, options, why):
    run, data = answering
    told = zoo("evaluate", run, "--data", data, *options, "--json")
    assert (told.code, told.out) == (2, "")
    assert why in told.err


def test_a_classifier_answers_nothing(zoo, run, reviews):
    told = zoo("evaluate", run, "--data", reviews, "--answers", "exact_match")
    assert told.code == 2
    assert "text-classification answers nothing; that is for text-generation" in told.err
