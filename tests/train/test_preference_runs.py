"""Runs that learn preferences: what they reach, resuming, what a check shows, and rows that are left out."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import zoo
from tests.train.listeners import CutError, Cutting
from tests.train.preferring import BETA, PAIRS, ROWS, decoder, recipe_of, stirred
from zoo.data.examples import Examples
from zoo.data.problems import PREFERENCE
from zoo.train.evaluate import evaluate
from zoo.train.reference import with_references
from zoo.train.scoring import score


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return decoder(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


@pytest.fixture(scope="module")
def recipe(base, file):
    recipe = recipe_of(
        base,
        data={"train": str(file), "validation": 0.2},
        train={"epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "checkpoint_steps": 3},
    )
    return recipe.replace("model", lora=zoo.Recipe.of(**WITH_LORA).model.lora)


X = {"train": "x.jsonl"}
WITH_LORA = {"model": {"preset": "x", "lora": {"rank": 4, "targets": "all"}}, "data": X}


@pytest.fixture(scope="module")
def run(recipe, tmp_path_factory):
    return zoo.finetune(recipe, output=tmp_path_factory.mktemp("runs") / "run")


def test_preferences_are_learned(run, file):
    losses = [record["loss"] for record in run.history if "learning_rate" in record]
    measured = [record for record in run.history if record.get("split") == "validation"]

    assert losses[0] == pytest.approx(np.log(2), abs=1e-6)
    assert run.metrics["accuracy"] == 1.0
    assert measured[-1]["margin"] > measured[0]["margin"] > 0
    steps = [record for record in run.history if "learning_rate" in record]
    assert abs(steps[0]["margin"]) < 1e-5
    assert steps[-1]["margin"] == pytest.approx(run.metrics["margin"], rel=0.5)
    assert steps[-1]["accuracy"] == 1.0
    assert list(run.metrics) == ["accuracy", "margin", "loss"]
    assert run.recipe.data.chosen == "chosen"
    again = evaluate(run, file)
    assert again["accuracy"] == 1.0
    assert again["margin"] == pytest.approx(run.metrics["margin"], rel=0.2)
    assert "by chance" in (run.path / "report.html").read_text()


@pytest.mark.parametrize("kept", ["int8", "bfloat16"])
def test_a_run_is_evaluated_beside_its_base_as_that_was_kept(kept, base, file, tmp_path):
    """A run that has hardly learned, so that its margin is that of its reference with itself."""
    stirred(zoo.load(base), 0.2).save_pretrained(tmp_path / "lively")
    given = recipe_of(
        tmp_path / "lively",
        data={"train": str(file), "validation": 0, "limit": 12},
        train={"steps": 1, "batch_size": 4, "learning_rate": 1e-12, "dpo_beta": BETA},
    )
    lora = {"rank": 2, "quantize": kept == "int8"}
    given = given.replace("model", lora=zoo.Recipe.of(model={"preset": "x", "lora": lora}, data=X).model.lora)
    if kept == "bfloat16":
        given = given.replace("train", precision=kept)

    run = zoo.finetune(given, output=tmp_path / "run")

    assert evaluate(run, file)["margin"] == pytest.approx(0, abs=1e-4)
    model, examples = run.model(), Examples(PAIRS, None, [1, 2, 3], "x.jsonl", PREFERENCE)
    plain = with_references(zoo.load(tmp_path / "lively"), examples, trained=model)
    assert np.abs(score(model, plain, beta=BETA).outputs).max() > 1e-2


def test_a_run_that_was_cut_off_ends_where_it_would_have(recipe, run, tmp_path):
    with pytest.raises(CutError):
        zoo.finetune(recipe, output=tmp_path / "run", listener=Cutting(tmp_path / "run", {4: 3, 8: 6}))
    again = zoo.finetune(resume=tmp_path / "run")

    assert again.metrics == run.metrics
    for name in ("adapter/adapter_model.safetensors", "model/model.safetensors"):
        assert (again.path / name).read_bytes() == (run.path / name).read_bytes()


def test_a_check_shows_either_answer(recipe):
    found = zoo.check(recipe, show=2)

    assert [one.label for one in found.examples] == ["chosen", "rejected"] * 2
    assert found.examples[0].row == found.examples[1].row
    assert all(one.trained[-1] and not one.trained[0] for one in found.examples)


def test_a_chat_template_writes_messages(tmp_path):
    def side(answer):
        return [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": answer}]

    rows = [{"chosen": side(f"So {n}."), "rejected": side("No.")} for n in range(12)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    config = {"vocab_size": 320, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    recipe = zoo.Recipe.of(
        model={"architecture": "llama", "task": "text-generation", "config": {**config, "num_attention_heads": 2}},
        data={"train": str(tmp_path / "pairs.jsonl")},
    )

    shown = zoo.check(recipe, show=1).examples[1]

    assert "".join(shown.tokens) == "<bos><|user|>Why?<eos><|assistant|>No.<eos>"
    assert shown.trained == [token in ("N", "o", "No", ".", "No.") for token in shown.tokens[:-1]] + [True]
    with pytest.raises(zoo.ZooError, match=r"data\.train_on = 'all'"):
        zoo.check(recipe.replace("data", train_on="all"))


def test_pairs_that_cannot_be_learned_from_are_left_out_where_the_recipe_says_so(base, tmp_path):
    long = {"prompt": "Why?", "chosen": " So it is, and so it was, and so it will be." * 40, "rejected": " No."}
    same = {"prompt": "Why?", "chosen": " No.", "rejected": " No."}
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n".join(map(json.dumps, [long, *ROWS[:8], same])))

    found = zoo.check(recipe_of(base, data={"train": str(file), "validation": 0, "faulty": "skip"}), show=1)

    assert found.rows == {"train": 8}
    assert found.examples[0].row == 2
    assert "with the same answer chosen and rejected (row 10)" in found.data["left out"]
    assert re.search(r"with an answer that does not fit in 128 tokens .*\(row 1\)", found.data["left out"])
