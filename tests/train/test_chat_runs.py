"""Recipes that teach a model to answer: from rows of messages to a run that chats, and how its template is kept."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

import zoo
from tests.chat.templates import CHATML, TOKENS
from tests.train.listeners import CutError, Cutting
from tests.train.talks import CONFIG, NAMES, ROWS, decoder, recipe, talk, write
from zoo.testing import tiny_decoder
from zoo.train.evaluate import evaluate
from zoo.train.run_lock import read_lock
from zoo.train.splits import read_splits


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "talks.jsonl", ROWS)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return zoo.finetune(recipe(data, tmp_path_factory.mktemp("runs") / "names"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return decoder(tmp_path_factory.mktemp("base") / "model")


def test_a_model_from_nothing_learns_to_answer_and_to_stop(run, data):
    model = zoo.load(run.path)

    assert run.metrics["perplexity"] < 1.2
    assert evaluate(run, data)["perplexity"] < 1.2
    assert [model.chat([{"role": "user", "content": f"Spell {n}."}]) for n in range(6)] == list(NAMES)
    assert "".join(model.chat(talk("Spell 3.")["messages"], stream=True)) == "three"
    assert run.recipe.data.messages == "messages"
    assert "rendered_from" not in read_lock(run.path)
    assert run.recipe.data.train_on == "answers"


def test_the_end_of_a_turn_is_a_stop_token_of_what_is_saved(base, data, tmp_path):
    run = zoo.finetune(
        recipe(data, tmp_path / "run", {"preset": str(base), "lora": {"rank": 4, "targets": "all"}}),
        overrides=["train.steps=2"],
    )

    model = zoo.load(run.path)
    end = model.preprocess.tokenizer.token_to_id("<|im_end|>")
    saved = json.loads((run.path / "model" / "generation_config.json").read_text())
    assert saved["eos_token_id"] == [2, end]
    assert (run.path / "model" / "chat_template.jinja").read_text() == CHATML
    assert (run.path / "adapter" / "chat_template.jinja").read_text() == CHATML


def test_a_check_shows_what_is_trained_and_tells_what_is_cut(data, tmp_path):
    long = write(tmp_path / "long.jsonl", [*ROWS, talk("Spell 2.", "two", "And once more? " * 9, "two")])
    found = zoo.check(recipe(long, tmp_path / "run", max_length=32, validation=0), show=2)

    assert found.data["cut off"] == "1 row (2%) is longer, and loses its end: 1 answer, all of it"
    first = found.examples[0]
    assert (first.row, first.tokens[0], first.tokens[-1]) == (1, "<bos>", "<eos>")
    trained = [text for text, own in zip(first.tokens, first.trained, strict=True) if own]
    assert "".join(trained) == "zero<eos>"
    assert not (tmp_path / "run").exists()


def cutting(run):
    return Cutting(run, {6: 3})  # in the second epoch


@pytest.mark.parametrize("where", ["the recipe's", "the checkpoint's"])
def test_a_template_that_changed_is_refused_when_a_run_is_resumed(where, base, data, tmp_path):
    bare = tiny_decoder(tmp_path / "bare", ["Spell 0 1 2 3 zero one two"], special=TOKENS, **CONFIG)
    file = tmp_path / "own.jinja" if where == "the recipe's" else base / "chat_template.jinja"
    if where == "the recipe's":
        file.write_text(CHATML)
    own = {"chat_template": str(file)} if where == "the recipe's" else {}
    model = {"preset": str(bare if own else base)}
    with pytest.raises(CutError):
        zoo.finetune(recipe(data, tmp_path / "run", model, **own), listener=cutting(tmp_path / "run"))

    assert ("chat_template" in read_lock(tmp_path / "run")) == bool(own)
    before = file.read_bytes()
    try:
        file.write_bytes(before.replace(b"|im_start|>' +", b"|im_start|> ' +"))
        with pytest.raises(zoo.ZooError, match="what it was made from has changed") as caught:
            zoo.finetune(resume=tmp_path / "run")
    finally:
        file.write_bytes(before)
    (line,) = caught.value.why
    assert line.startswith("chat_template: " if own else "weights.files.chat_template.jinja: ")


def test_a_template_that_tells_the_day_is_rendered_from_the_first_one(data, tmp_path, monkeypatch):
    texts = [message["content"] for row in ROWS for message in row["messages"]]
    dated = "{{ strftime_now('%d %b %Y') }}" + CHATML
    model = tiny_decoder(tmp_path / "model", texts, chat_template=dated, special=TOKENS, **CONFIG)
    folder, began = tmp_path / "run", datetime(2026, 7, 26, 23, 59)

    monkeypatch.setattr("zoo.chat.moment._moment", began)
    with pytest.raises(CutError):
        zoo.finetune(
            recipe(data, folder, {"preset": str(model)}), overrides=["train.epochs=3"], listener=cutting(folder)
        )
    monkeypatch.setattr("zoo.chat.moment._moment", began + timedelta(days=1))
    resumed = zoo.finetune(resume=folder)
    monkeypatch.setattr("zoo.chat.moment._moment", began + timedelta(days=2))
    again = zoo.reproduce(resumed, output=tmp_path / "again")

    assert again.matches
    for run in (resumed, again.run):
        assert read_lock(run.path)["rendered_from"] == "2026-07-26T23:59:00"
    (folder / "run.lock").write_text(json.dumps(read_lock(folder) | {"rendered_from": "yesterday"}))
    with pytest.raises(zoo.ZooError, match=r"rendered_from of run\.lock is no moment"):
        zoo.reproduce(resumed)


def test_rows_of_prompts_and_completions_and_roles_from_a_recipe(tmp_path):
    file = write(tmp_path / "pairs.jsonl", [{"prompt": str(n), "completion": NAMES[n % 6]} for n in range(12)])
    (first, *_) = read_splits(recipe(file, tmp_path / "run", chat=True, train_on=["assistant"])).train.inputs
    assert first.train_on == ("assistant",)
    assert first.chat is True
    assert first.conversation().answer == first.completion
