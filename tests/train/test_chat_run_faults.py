"""What stops a run that learns talks, or is left out of it: answers cut off, faulty rows, templates, requests."""

from __future__ import annotations

import json

import pytest

import zoo
from tests.chat.templates import LLAMA3, TOKENS
from tests.train.listeners import Heard
from tests.train.talks import CONFIG, NAMES, ROWS, decoder, recipe, talk, write
from zoo.testing import tiny_decoder
from zoo.train.evaluate import evaluate


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "talks.jsonl", ROWS)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return decoder(tmp_path_factory.mktemp("base") / "model")


def test_answers_that_are_cut_off_are_told_of_every_split(base, tmp_path):
    long = talk("Spell 2.", "two", "And once more? " * 9, "two")
    train = write(tmp_path / "train.jsonl", [*ROWS[:6], long])
    held_out = write(tmp_path / "held_out.jsonl", [long, *ROWS[:2], long])
    told, scores = Heard(), Heard()
    model = {"preset": str(base), "lora": {"rank": 2}}
    given = recipe(train, tmp_path / "run", model, validation=str(held_out), max_length=48)

    run = zoo.finetune(given, overrides=["train.steps=1"], listener=told)
    evaluate(run, held_out, listener=scores)

    assert told.facts["cut off"] == ["1 row (14%) is longer, and loses its end: 1 answer, all of it"]
    lost = "2 rows (50%) are longer, and lose their end: 2 answers, each of them whole"
    assert told.facts["cut off of validation"] == [lost]
    assert scores.facts["cut off"] == [lost]
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
    told = Heard()
    model = {"preset": str(base), "lora": {"rank": 2}}
    skipping = recipe(train, tmp_path / "run", model, test=str(test), faulty="skip", validation=0)

    run = zoo.finetune(skipping, overrides=["train.steps=2"], listener=told)

    left_out = "; ".join(told.facts["left out"])
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
    scores = Heard()
    assert evaluate(run, test, listener=scores)["perplexity"] == pytest.approx(run.metrics["perplexity"], rel=1e-5)
    assert len(scores.facts["left out"]) == 2


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
