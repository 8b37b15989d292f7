"""Recipes that teach a model to answer: from rows of messages to a run that chats, and what stops one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

import zoo
from tests.chat.templates import CHATML, LLAMA3, TOKENS
from tests.train.test_resume import CutError, until_saved
from zoo.testing import tiny_decoder
from zoo.train.evaluate import evaluate
from zoo.train.listener import Silent
from zoo.train.run_lock import read_lock
from zoo.train.splits import read_splits

NAMES = ("zero", "one", "two", "three", "four", "five")
CONFIG = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 96,
}


def talk(*said):
    return {"messages": [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(said)]}


ROWS = [talk(f"Spell {n}.", NAMES[n]) for n in range(6)] * 8


class Facts(Silent):
    """Keeps the facts that it hears."""

    def __init__(self):
        self.found = {}

    def fact(self, name, value):
        self.found.setdefault(name, []).append(value)


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "talks.jsonl", ROWS)


def recipe(data, output, model=None, **keys):
    return zoo.Recipe.of(
        model=model or {"architecture": "llama", "task": "text-generation", "config": CONFIG},
        data={"train": str(data), "validation": 0.25, **keys},
        train={"epochs": 25, "batch_size": 12, "learning_rate": 1e-2},
        output={"dir": str(output)},
    )


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return zoo.finetune(recipe(data, tmp_path_factory.mktemp("runs") / "names"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A checkpoint with a template whose turns end with a token that the model does not know to stop at."""
    texts = [message["content"] for row in ROWS for message in row["messages"]]
    folder = tmp_path_factory.mktemp("base") / "model"
    return tiny_decoder(folder, texts, chat_template=CHATML, special=TOKENS, **CONFIG)


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

    assert found.data["cut off"] == "1 rows (2%) are longer, and lose their end: 1 answers, each of them whole"
    first = found.examples[0]
    assert (first.row, first.tokens[0], first.tokens[-1]) == (1, "<bos>", "<eos>")
    trained = [text for text, own in zip(first.tokens, first.trained, strict=True) if own]
    assert "".join(trained) == "zero<eos>"
    assert not (tmp_path / "run").exists()


def test_answers_that_are_cut_off_are_told_of_every_split(base, tmp_path):
    long = talk("Spell 2.", "two", "And once more? " * 9, "two")
    train = write(tmp_path / "train.jsonl", [*ROWS[:6], long])
    held_out = write(tmp_path / "held_out.jsonl", [long, *ROWS[:2], long])
    told, scores = Facts(), Facts()
    model = {"preset": str(base), "lora": {"rank": 2}}
    given = recipe(train, tmp_path / "run", model, validation=str(held_out), max_length=48)

    run = zoo.finetune(given, overrides=["train.steps=1"], listener=told)
    evaluate(run, held_out, listener=scores)

    assert told.found["cut off"] == ["1 rows (14%) are longer, and lose their end: 1 answers, each of them whole"]
    lost = "2 rows (50%) are longer, and lose their end: 2 answers, each of them whole"
    assert told.found["cut off of validation"] == [lost]
    assert scores.found["cut off"] == [lost]
    page = run.report.read_text()
    assert "cut off of validation" in page
    assert lost in page


FAULTY = [
    talk("Spell 1.", "one " * 300),
    talk("Spell 1.", " "),
    talk("Spell 1."),
    {"messages": [{"role": "usr", "content": "x"}]},
]


def test_faulty_rows_are_left_out_and_counted_where_the_recipe_says_so(base, tmp_path):
    train = write(tmp_path / "talks.jsonl", [*FAULTY, *ROWS])
    test = write(tmp_path / "test.jsonl", [*ROWS[:3], *FAULTY[:2]])
    told = Facts()
    model = {"preset": str(base), "lora": {"rank": 2}}
    skipping = recipe(train, tmp_path / "run", model, test=str(test), faulty="skip", validation=0)

    run = zoo.finetune(skipping, overrides=["train.steps=2"], listener=told)

    left_out = "; ".join(told.found["left out"])
    assert f"3 of '{train}' " in left_out
    assert f"1 of '{train}' with an answer that does not fit in 96 tokens (data.max_length) (row 1)" in left_out
    assert "with an empty answer (row 2)" in left_out
    assert "without an answer (row 3)" in left_out
    assert "with the role 'usr'" in left_out
    assert f"1 of '{test}' with an answer that does not fit" in left_out
    page = (run.path / "report.html").read_text()
    assert "with an answer that does not fit in 96 tokens (data.max_length) (row 1)" in page
    assert "48 train, 3 test" in page
    found = zoo.check(skipping.replace("output", dir=str(tmp_path / "other")), show=1)
    assert found.rows == {"train": 48, "test": 3}
    assert "does not fit" in found.data["left out"]
    assert found.examples[0].row == 5
    scores = Facts()
    assert evaluate(run, test, listener=scores)["perplexity"] == pytest.approx(run.metrics["perplexity"], rel=1e-5)
    assert len(scores.found["left out"]) == 2


def test_nothing_is_left_out_for_what_is_the_template_s_fault(base, tmp_path):
    other = tmp_path / "template.jinja"
    other.write_text(LLAMA3)
    file = write(tmp_path / "talks.jsonl", [talk("Spell 1.", " "), *ROWS])
    skipping = recipe(file, tmp_path / "run", {"preset": str(base)}, faulty="skip", chat_template=str(other))

    with pytest.raises(zoo.ZooError) as caught:
        zoo.check(skipping)
    assert len(caught.value.why) == 1
    assert "data.chat_template writes another text than the template" in caught.value.why[0]
    first = "{% for m in messages %}{% if m.role != 'system' %}{{ m.content }}<eos>{% endif %}{% endfor %}"
    other.write_text(first)
    told = {"messages": [{"role": "system", "content": "Be brief."}, *ROWS[0]["messages"]]}
    file = write(tmp_path / "talks.jsonl", [talk("Spell 1.", " "), told, *ROWS])
    with pytest.raises(zoo.ZooError, match="cannot be learned from") as caught:
        zoo.check(recipe(file, tmp_path / "run", faulty="skip", chat_template=str(other), validation=0))
    assert caught.value.why == ["With a message of the role 'system', which the chat template leaves out: row 2."]
    long = write(tmp_path / "long.jsonl", [talk(f"Spell {n}.", NAMES[n] * 200) for n in range(6)])
    with pytest.raises(zoo.ZooError, match=r"Nothing can be learned from any row of '.*long\.jsonl'"):
        zoo.check(recipe(long, tmp_path / "run", {"preset": str(base)}, faulty="skip", validation=0))
    with pytest.raises(zoo.ZooError) as caught:
        zoo.check(recipe(long, tmp_path / "run", {"preset": str(base)}, validation=0))
    assert caught.value.fix.endswith('data.faulty = "skip" does, and counts them.')


def test_all_faulty_rows_stop_a_run_before_anything_is_written(base, data, tmp_path):
    rows = [
        *ROWS,
        talk("Spell 1.", "one " * 300),
        {"messages": [{"role": "system", "content": "x"}, *ROWS[0]["messages"]]},
    ]
    forgetful = tmp_path / "template.jinja"
    forgetful.write_text(LLAMA3)
    other = write(tmp_path / "other.jsonl", [talk("Spell 1.", "one"), talk("Spell 1.", "one " * 300)])
    file = write(tmp_path / "talks.jsonl", rows)

    with pytest.raises(zoo.ZooError) as caught:
        zoo.finetune(recipe(file, tmp_path / "run", {"preset": str(base)}, validation=str(other)))
    assert caught.value.exit_code == 2
    assert caught.value.why == [
        f"With an answer that does not fit in 96 tokens (data.max_length): rows 49, 2 of '{other}'."
    ]
    with pytest.raises(zoo.ZooError) as caught:
        zoo.finetune(
            recipe(
                data, tmp_path / "run", {"preset": str(base)}, chat_template=str(forgetful), limit=4, validation=0
            )
        )
    assert "data.chat_template writes another text than the template" in caught.value.why[0]

    broken = [talk("a", " "), talk("a"), {"messages": [{"role": "usr", "content": "x"}]}, *ROWS]
    with pytest.raises(zoo.ZooError) as caught:
        zoo.finetune(recipe(write(tmp_path / "broken.jsonl", broken), tmp_path / "run"))
    assert [fault.partition(":")[2] for fault in caught.value.why][:2] == [" row 1.", " row 2."]
    assert "With the role 'usr'. Did you mean 'user'?" in caught.value.why[2]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ raise_exception('Not these.') }}", "The chat template refuses the messages: Not these.: rows 1, "),
        ("{{ ''.__class__.__mro__ }}", "The chat template tries what the sandbox forbids: "),
        ("{{ messages.append(1) }}", "The chat template tries what the sandbox forbids: "),
    ],
)
def test_a_template_that_raises_or_tries_to_escape_leaves_nothing_written(template, told, data, tmp_path):
    model = tiny_decoder(tmp_path / "model", ["Spell 0 1 2"], chat_template=template, special=TOKENS, **CONFIG)

    with pytest.raises(zoo.ZooError) as caught:
        zoo.finetune(recipe(data, tmp_path / "run", {"preset": str(model)}, validation=0))
    assert caught.value.exit_code == 2
    assert caught.value.why[0].startswith(told)
    assert "row" in caught.value.why[0]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_adapter_of_another_rank_leaves_nothing_written(base, data, tmp_path):
    model = zoo.load(base)
    model.adapters.add(rank=2)
    model.adapters.save(tmp_path / "adapter")
    config = tmp_path / "adapter" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"r": 4}))

    with pytest.raises(zoo.ZooError, match=r"The adapter of .* does not fit the model") as caught:
        zoo.finetune(recipe(data, tmp_path / "run", {"preset": str(base), "adapter": str(tmp_path / "adapter")}))
    assert caught.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


class Cut(Silent):
    """Ends a run once it has a checkpoint."""

    def __init__(self, run):
        self.run = run

    def step(self, step, loss, examples_per_second):
        if step == 6:  # in the second epoch
            until_saved(self.run, 3)
            raise CutError


@pytest.mark.parametrize("where", ["the recipe's", "the checkpoint's"])
def test_a_template_that_changed_is_refused_when_a_run_is_resumed(where, base, data, tmp_path):
    bare = tiny_decoder(tmp_path / "bare", ["Spell 0 1 2 3 zero one two"], special=TOKENS, **CONFIG)
    file = tmp_path / "own.jinja" if where == "the recipe's" else base / "chat_template.jinja"
    if where == "the recipe's":
        file.write_text(CHATML)
    own = {"chat_template": str(file)} if where == "the recipe's" else {}
    model = {"preset": str(bare if own else base)}
    with pytest.raises(CutError):
        zoo.finetune(recipe(data, tmp_path / "run", model, **own), listener=Cut(tmp_path / "run"))

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
            recipe(data, folder, {"preset": str(model)}), overrides=["train.epochs=3"], listener=Cut(folder)
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


def test_requests_that_cannot_be(data, tmp_path):
    faults = [
        ({"text": "x", "messages": "messages"}, r"data\.text and data\.messages are both given"),
        ({"messages": "messages", "chat": False}, r"data\.chat = false: messages have no text but what"),
        ({"train_on": ["user", "asistant"]}, r"there is no role 'asistant'.* Did you mean 'assistant'"),
        ({"train_on": "question"}, "a list of words or answers or last or all is needed"),
        (
            {"chat_template": str(tmp_path / "no.jinja")},
            r"data\.chat_template: The chat template .* cannot be read",
        ),
    ]
    for given, told in faults:
        with pytest.raises(zoo.ZooError, match=told):
            zoo.finetune(recipe(data, tmp_path / "run", **given))
    with pytest.raises(zoo.ZooError, match=r"data\.prompt: text-classification learns from no conversations"):
        zoo.finetune(
            recipe(data, tmp_path / "run", {"preset": "minilm_l6", "task": "text-classification"}, prompt="x")
        )
    assert not (tmp_path / "run").exists()


def test_rows_of_prompts_and_completions_and_roles_from_a_recipe(tmp_path):
    file = write(tmp_path / "pairs.jsonl", [{"prompt": str(n), "completion": NAMES[n % 6]} for n in range(12)])
    (first, *_) = read_splits(recipe(file, tmp_path / "run", chat=True, train_on=["assistant"])).train.inputs
    assert first.train_on == ("assistant",)
    assert first.chat is True
    assert first.conversation().answer == first.completion
