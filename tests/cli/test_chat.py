"""`zoo generate --chat`: questions from the terminal, answers as they come, what is kept and what is forgotten."""

from __future__ import annotations

import io
import os
import pty
import select
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

import zoo as package
from tests.chat.templates import CHATML, MARKED, TOKENS
from zoo.cli.chat import chat
from zoo.errors import ZooError
from zoo.testing import tiny_decoder


class Told:
    """A model that notes what it is asked, and answers with a number; a question of `long` does not fit."""

    def __init__(self):
        self.asked: list[Any] = []

    def chat_prompt(self, messages):
        return ""

    def chat(self, messages, *, stream, **settings):
        assert stream
        self.asked.append([(m["role"], m["content"]) for m in messages])
        if messages[-1]["content"] == "long":
            raise ZooError("The prompts cannot be continued.", why="it is too long")
        return self.answer(len(self.asked), messages[-1]["content"])

    def answer(self, number, question):
        yield "answer "
        if question == "stop me":
            signal.raise_signal(signal.SIGINT)  # as Ctrl-C does while a token is computed
        yield str(number)


def said(monkeypatch, capsys, *lines, **settings):
    model = Told()
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    chat(model, **settings)
    return model.asked, capsys.readouterr()


def test_what_was_said_is_kept_until_it_is_reset(monkeypatch, capsys):
    asked, shown = said(monkeypatch, capsys, "one", "", "two", "/reset", "three", system="Be brief.")

    opening = ("system", "Be brief.")
    assert asked == [
        [opening, ("user", "one")],
        [opening, ("user", "one"), ("assistant", "answer 1"), ("user", "two")],
        [opening, ("user", "three")],
    ]
    assert shown.out == "answer 1\nanswer 2\nanswer 3\n"
    assert "what was said is forgotten" in shown.err


def test_an_answer_that_is_stopped_and_a_question_that_does_not_fit(monkeypatch, capsys):
    asked, shown = said(monkeypatch, capsys, "stop me", "long", "on", "/help", "/quit", "never")

    assert asked[-1] == [("user", "stop me"), ("assistant", "answer "), ("user", "on")]
    assert len(asked) == 3
    assert shown.out == "answer \nanswer 3\n"
    assert "it is too long" in shown.err
    assert shown.err.count("/quit or Ctrl-D ends") == 2


def test_a_question_may_begin_with_a_slash(monkeypatch, capsys):
    asked, shown = said(monkeypatch, capsys, "/etc/hosts is what?", "/etc/hosts", "/rest", "/", "/reset it?")

    questions = [messages[-1] for messages in asked]
    assert questions == [("user", "/etc/hosts is what?"), ("user", "/etc/hosts"), ("user", "/reset it?")]
    assert shown.err.count("/quit or Ctrl-D ends") == 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    texts = ["What is the horn of plenty?"] * 9
    return tiny_decoder(tmp_path_factory.mktemp("cli") / "model", texts, chat_template=CHATML, special=TOKENS)


def test_a_real_model_answers_as_from_python(folder, zoo, monkeypatch):
    model = package.load(folder)
    first = model.chat([{"role": "user", "content": "What?"}], max_new_tokens=4)
    monkeypatch.setattr("sys.stdin", io.StringIO("What?\n"))

    done = zoo("generate", folder, "--chat", "--max-new-tokens", "4")

    assert done.code == 0, done.err
    assert done.out == f"{first}\n"


def test_questions_are_answered_one_by_one(folder, zoo, monkeypatch):
    model, system = package.load(folder), {"role": "system", "content": "the horn"}
    asked = [[system, {"role": "user", "content": question}] for question in ("What?", "plenty?")]
    answers = [model.chat(messages, max_new_tokens=4) for messages in asked]
    options = ("--chat", "--system", "the horn", "--max-new-tokens", "4")

    done = zoo("generate", folder, "What?", "plenty?", *options)
    assert (done.code, done.out) == (0, "".join(f"{answer}\n" for answer in answers))

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"What?\n\nplenty?\n")))
    done = zoo("generate", folder, "-", *options, "--json")
    assert [(one["prompt"], one["text"]) for one in done.json] == list(
        zip(("What?", "plenty?"), answers, strict=True)
    )


def test_ctrl_c_stops_an_answer_in_a_real_terminal_and_ctrl_d_ends(tmp_path):
    """The model knows no token to stop at, so that an answer takes seconds."""
    template = "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}"
    config = {"generation_config": {"eos_token_id": []}, "max_position_embeddings": 16384}
    model = tiny_decoder(tmp_path / "model", ["What?"] * 9, chat_template=template, **config)
    code = "import sys; from zoo.cli import main; main(sys.argv[1:])"
    args = [sys.executable, "-c", code, "generate", str(model), "--chat", "--max-new-tokens", "16000"]
    terminal, inner = pty.openpty()
    child = subprocess.Popen(args, stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    shown = b""

    def until(done, seconds=60):
        nonlocal shown
        end = time.monotonic() + seconds
        while not done(shown):
            assert time.monotonic() < end, shown[-300:]
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 4096)

    try:
        until(lambda shown: shown.endswith(b"> "))
        os.write(terminal, b"What?\n")
        until(lambda shown: len(shown.partition(b"What?\r\n")[2]) > 40)
        child.send_signal(signal.SIGINT)
        until(lambda shown: shown.endswith(b"\r\n> "))
        os.write(terminal, b"\x04")
        assert child.wait(60) == 0
    finally:
        child.kill()
        os.close(terminal)
    assert len(shown) < 16000  # not nearly all of the answer


def test_requests_that_cannot_be(folder, zoo, tmp_path):
    bare = tiny_decoder(tmp_path / "bare", ["What?"] * 9)
    for args, told in (
        ([folder], "Name a PROMPT, or --chat."),
        ([folder, "--chat", "--json"], "A chat prints no JSON. Name a PROMPT."),
        ([folder, "x", "--system", "y"], "--system is for --chat."),
        ([bare, "--chat"], "has no chat template, so it takes plain texts only."),
        ([bare, "x", "--chat"], "has no chat template, so it takes plain texts only."),
    ):
        done = zoo("generate", *args)
        assert (done.code, done.out) == (2, "")
        assert told in done.err


def test_a_check_shows_tokens_with_the_trained_ones_marked(zoo, tmp_path):
    data = tmp_path / "talks.jsonl"
    row = '{"messages": [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "A horn."}]}\n'
    other = row.replace("A horn", "No horn")
    data.write_text(row * 3 + other)
    model = tiny_decoder(
        tmp_path / "model", ["What? A horn. user assistant"] * 9, chat_template=MARKED, special=TOKENS
    )

    request = ("check", model, "--data", data, "--set", "data.validation=0", "--show", "2")
    done = zoo(*request)
    assert done.code == 0, done.err
    title, shown, empty, *_ = done.out.split("\nrow ")[1].split("\n")
    assert empty == ""
    assert title.startswith("1: ")
    asked, _, answer = shown.partition(" «")
    assert asked.replace(" ", "") == "<|im_start|>user↵What?<|im_end|>↵<|im_start|>assistant↵"
    assert answer.replace(" ", "") == "A▁horn.<|im_end|>↵»"
    trained = int(title.split(", ")[1].split()[0])
    assert len(answer.split()) == trained

    done = zoo(*request, "--json")
    assert [example["row"] for example in done.json["examples"]] == [1, 2]
    assert sum(done.json["examples"][0]["trained"]) == trained
