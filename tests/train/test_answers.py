"""Answers to held-out questions: their metrics, a run that tells them, and functions of the user's."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

import zoo
from zoo.data.conversations import Completion, Conversation, Message, Preference
from zoo.errors import Faults, RunError, ZooError
from zoo.train.answers import Questions, _continued, asked
from zoo.train.evaluate import evaluate
from zoo.train.run_lock import read_lock
from zoo.train.text_metrics import check_metrics, exact_match, rouge_l


def test_a_question_is_told_as_it_was_asked():
    """Of messages the last before the answer, of prompts the prompt: without what a template writes."""
    turns = [Message("system", "Be brief."), Message("user", "Hello"), Message("assistant", "Hi")]
    turns += [Message("user", "And now?"), Message("assistant", "Bye")]
    assert asked(Conversation(tuple(turns))) == "And now?"
    assert asked(Completion("2 + 2 =", " 4")) == "2 + 2 ="
    assert asked(Preference(Conversation(tuple(turns[:2])), "Hi", "No")) == "Hello"


WORDS = st.sampled_from(["the", "cat", "sat", "on", "a", "mat,", "The-dog", "ran", "42"])
TEXTS = st.lists(WORDS, max_size=12).map(" ".join)
REFERENCE = RougeScorer(["rougeL"])


@given(TEXTS, TEXTS)
@example("police killed the gunman", "the gunman kill police")  # of the paper
def test_rouge_l_is_the_reference_s(one, other):
    assert rouge_l(one, other) == pytest.approx(REFERENCE.score(other, one)["rougeL"].fmeasure)


def test_rouge_l_counts_words_of_other_scripts():
    assert rouge_l("привет мир", "Привет, мир!") == 1


def test_exact_match_is_blind_for_white_space_around_only():
    assert exact_match(" 2021-03-03\n", "2021-03-03") == 1
    assert exact_match("2021-03-3", "2021-03-03") == 0


def told(*named) -> list[str]:
    faults = Faults()
    check_metrics("evaluate.answers", named, faults)
    return faults.found


def test_metrics_are_checked_without_running_them(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("raise SystemExit\ndef close(answer, reference): return 1\ndef loss(a, r): return 1\n")

    assert told("exact_match", "rouge_l", f"{file}:close") == []
    assert "Did you mean 'rouge_l'?" in told("rouge-l")[0]
    assert "Did you mean 'close'?" in told(f"{file}:clos")[0]
    assert "is taken already" in told("exact_match", "exact_match")[0]
    assert "is taken already" in told(f"{file}:loss")[0]
    assert "cannot be read" in told(f"{tmp_path}/none.py:close")[0]
    assert "no module" in told("no_such_module_here:close")[0]
    assert told("statistics:mean") == []


COLOURS = {"grass": "green", "snow": "white", "coal": "black", "blood": "red"}


@pytest.fixture(scope="module")
def jsonl(tmp_path_factory):
    """Questions after colours: 80, in as many words."""
    path = tmp_path_factory.mktemp("colours") / "colours.jsonl"
    rows = [
        (f"{ask} {thing}{end}", answer) for thing, answer in COLOURS.items() for ask in "abcde" for end in "?!.:"
    ]
    lines = [json.dumps({"prompt": question, "completion": answer}) + "\n" for question, answer in rows]
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    path = tmp_path_factory.mktemp("code") / "mine.py"
    path.write_text("def first_letter(answer, reference):\n    return answer[:1] == reference[:1]\n")
    return path


@pytest.fixture(scope="module")
def run(jsonl, mine, tmp_path_factory):
    return zoo.finetune(
        zoo.Recipe.of(
            model={
                "architecture": "llama",
                "task": "text-generation",
                "config": {
                    "vocab_size": 320,
                    "hidden_size": 32,
                    "intermediate_size": 64,
                    "num_hidden_layers": 2,
                    "num_attention_heads": 2,
                    "num_key_value_heads": 1,
                    "max_position_embeddings": 64,
                },
            },
            data={"train": str(jsonl), "validation": 0.2, "test": str(jsonl)},
            train={"epochs": 8, "batch_size": 16, "learning_rate": 1e-2},
            evaluate={
                "answers": ["exact_match", "rouge_l", f"{mine}:first_letter"],
                "max_new_tokens": 8,
                "limit": 10,
            },
            output={"dir": str(tmp_path_factory.mktemp("runs") / "colours")},
        )
    )


def test_a_run_tells_how_right_its_answers_are_before_and_after(run):
    before = [record for record in run.history if record["step"] == 0]

    assert [record["split"] for record in before] == ["validation", "test"]
    assert before[1]["exact_match"] == 0
    assert list(run.metrics) == ["perplexity", "loss", "exact_match", "rouge_l", "first_letter"]
    assert run.metrics["exact_match"] > 0.8
    page = run.report.read_text()
    assert "Some of the held-out questions" in page
    assert "snow" in page
    assert "0.0% before training" in page
    assert "as plain text, without roles" in page  # of random weights, whose completions no template writes


def test_a_run_is_evaluated_by_its_answers(run, jsonl):
    found = evaluate(run, jsonl, answers=["exact_match"], limit=4, max_new_tokens=4)

    assert list(found) == ["perplexity", "loss", "exact_match"]
    assert found["exact_match"] > 0.7
    with pytest.raises(ZooError, match="only exact_match and rouge_l"):
        evaluate(run, jsonl, answers=["exactly"])


def test_a_run_knows_the_functions_that_measured_it(run, mine):
    assert read_lock(run.path)["answers"] == {f"{mine}:first_letter": hashlib.sha256(mine.read_bytes()).hexdigest()}


def test_a_question_that_leaves_little_room_has_a_short_answer(run):
    model = run.model()
    found = _continued(model, [model.prompt_of(zoo.data.conversations.Completion("a snow?", ""))], 8)
    longer = model.prompt_of(zoo.data.conversations.Completion("a snow? " * 60, ""))

    assert found == ["white"]
    assert _continued(model, [longer], 8) == [""]


def test_a_function_that_fails_names_the_row(run, jsonl, tmp_path):
    from zoo.train.readers import reader_for

    file = tmp_path / "wrong.py"
    file.write_text("def wrong(answer, reference):\n    return 1 / 0\ndef none(a, r): return float('nan')\n")
    examples = reader_for("text-generation", run.recipe.data).read(str(jsonl), "train")
    for name, words in (("wrong", "ZeroDivisionError"), ("none", "a number is needed")):
        keys = zoo.train.recipe.EvaluateKeys(answers=(f"{file}:{name}",), limit=2, max_new_tokens=2)
        with pytest.raises(RunError, match=f"'{name}'.*row 1 of ") as found:
            Questions(run.model(), examples, keys)()
        assert words in str(found.value)


@pytest.mark.parametrize("use", [zoo.check, zoo.finetune])
def test_plain_texts_cannot_be_asked(use, tmp_path):
    path = tmp_path / "lines.csv"
    path.write_text("text\n" + "".join(f"some line of text {n}\n" for n in range(20)))
    recipe = zoo.Recipe.of(
        model={"architecture": "llama", "task": "text-generation"},
        data={"train": str(path)},
        evaluate={"answers": ["exact_match"]},
        output={"dir": str(tmp_path / "run")},
    )
    with pytest.raises(ZooError, match="plain texts, which nothing can be asked of"):
        use(recipe)
    assert not (tmp_path / "run").exists()
