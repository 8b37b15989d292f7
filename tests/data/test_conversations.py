"""zoo.data.conversations and zoo.data.chat_examples: messages in every spelling, and rows that are none."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from zoo.data.chat_columns import ChatColumns, choose_chat_columns
from zoo.data.chat_examples import read_chat_examples
from zoo.data.conversations import Completion, Conversation, Message, conversation_of
from zoo.data.in_memory import as_file
from zoo.data.readers import read_table
from zoo.data.table import Table
from zoo.errors import ZooError

TALK = Conversation((Message("system", "s"), Message("user", "u"), Message("assistant", "a")))
OPENAI = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": "u"},
    {"role": "assistant", "content": "a"},
]
SHAREGPT = [{"from": "system", "value": "s"}, {"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}]


def read(rows, train_on="answers", **columns):
    table = Table("talks.jsonl", pa.Table.from_pylist(rows))
    chosen = choose_chat_columns(table, **columns)
    assert chosen is not None
    return read_chat_examples(table, chosen, train_on=train_on)


@pytest.mark.parametrize("rows", [[{"messages": OPENAI}], [{"conversations": SHAREGPT}]])
def test_openai_s_and_sharegpt_s_messages(rows):
    examples = read(rows)
    assert examples.inputs == [TALK]
    assert examples.rows == [1]


def test_contents_in_parts_beside_plain_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    rows = [{"messages": OPENAI}, {"messages": [{"role": "user", "content": parts}, OPENAI[2]]}]
    path = tmp_path / "talks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    table = read_table(path)
    examples = read_chat_examples(table, ChatColumns("messages"), train_on="last")

    assert examples.inputs[0].messages == TALK.messages
    assert examples.inputs[1].messages == (Message("user", "one\ntwo"), Message("assistant", "a"))
    assert examples.inputs[1].train_on == "last"
    again = read_chat_examples(read_table(as_file(rows)), ChatColumns("messages"), train_on="last")
    assert again.inputs == examples.inputs


@pytest.mark.parametrize(
    ("prompt", "completion"), [("prompt", "completion"), ("question", "answer"), ("Instruction", "response")]
)
def test_prompts_and_completions_by_their_usual_names(prompt, completion):
    examples = read([{"id": 7, prompt: "p", completion: "c"}])
    assert examples.inputs == [Completion("p", "c")]


@pytest.mark.parametrize(
    ("prompt", "completion"),
    [(OPENAI[:2], OPENAI[2:]), (OPENAI[:2], "a"), ([*OPENAI, OPENAI[1]], OPENAI[2:]), ("u", OPENAI[2:])],
)
@pytest.mark.parametrize("train_on", ["answers", "last", ("user", "assistant")])
def test_prompts_and_completions_of_messages_are_conversations_of_which_the_completion_is_learned(
    prompt, completion, train_on
):
    (talk,) = read([{"prompt": prompt, "completion": completion}], train_on=train_on).inputs

    told = [{"role": "user", "content": "u"}] if isinstance(prompt, str) else prompt
    assert [{"role": m.role, "content": m.content} for m in talk.messages] == [*told, OPENAI[2]]
    assert talk.trained() == [len(told)]


def test_messages_whose_columns_have_other_names_and_messages_without_a_template():
    table = Table("t.jsonl", pa.Table.from_pylist([{"input": OPENAI[:2], "preferred_output": OPENAI[2:]}]))
    with pytest.raises(ZooError) as caught:
        choose_chat_columns(table)
    assert caught.value.why[0] == (
        "data.messages: no column has a usual name; messages are in 'input' or 'preferred_output'."
    )
    pair = choose_chat_columns(table, prompt="input", completion="preferred_output")
    with pytest.raises(ZooError, match=r"no text but what a chat template writes \(data\.chat = false\): row 1"):
        read_chat_examples(table, pair, train_on="answers", chat=False)


def test_completions_of_messages_that_nothing_is_learned_from():
    rows = [
        {"prompt": OPENAI[:2], "completion": OPENAI[2:]},
        {"prompt": OPENAI, "completion": OPENAI[1:2]},
        {"prompt": OPENAI[:2], "completion": []},
        {"prompt": [], "completion": OPENAI[2:]},
        {"prompt": OPENAI[:2], "completion": [{"role": "assistant", "content": " "}]},
        {"prompt": OPENAI[:2], "completion": [{"role": "bard", "content": "a"}]},
    ]
    with pytest.raises(ZooError) as caught:
        read(rows)
    known = "Known are system, developer, user, assistant, tool"
    assert caught.value.why == [
        "Without an answer: row 2.",
        "Without an answer (column 'completion'): row 3.",
        "Without a prompt (column 'prompt'): row 4.",
        "With an empty answer: row 5.",
        f"With the role 'bard'. {known} (column 'completion'): row 6.",
    ]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {"instruction": "Add.", "input": "1 + 1", "output": "2"},
            "data.prompt: 'input' stands beside 'instruction'",
        ),
        ({"question": "q", "Context": "c", "answer": "a"}, "data.prompt: 'Context' stands beside 'question'"),
        ({"system": "s", "question": "q", "chosen": "a", "rejected": "b"}, "data.prompt: 'system' stands beside"),
        ({"system": "s", "conversations": SHAREGPT}, "data.messages: 'system' stands beside 'conversations'"),
        (
            {"prompt": "p", "completion": "c", "label": False},
            "data.completion: 'label' says which answers are good",
        ),
    ],
    ids=str,
)
def test_a_guess_that_would_lose_what_rows_say_is_none(columns, told):
    table = Table("t.jsonl", pa.Table.from_pylist([columns]))

    with pytest.raises(ZooError) as caught:
        choose_chat_columns(table)
    assert caught.value.why[0].startswith(told)


def test_what_is_empty_or_named_loses_nothing():
    rows = [{"instruction": "Add.", "input": "", "output": "2", "label": True, "source": "x"}]
    pair = ChatColumns(prompt="instruction", completion="output")

    assert choose_chat_columns(Table("t.jsonl", pa.Table.from_pylist(rows))) == pair
    full = Table("t.jsonl", pa.Table.from_pylist([{**rows[0], "input": "1 + 1"}]))
    assert choose_chat_columns(full, prompt="instruction") == pair


def test_columns_as_they_are_named_or_not_at_all():
    table = Table("t.csv", pa.table({"prompt": ["p"], "mine": ["m"], "answer": ["a"], "n": [1]}))

    assert choose_chat_columns(table) == ChatColumns(prompt="prompt", completion="answer")
    assert choose_chat_columns(table, prompt="mine") == ChatColumns(prompt="mine", completion="answer")
    assert choose_chat_columns(Table("t.csv", pa.table({"text": ["a"], "answer": ["b"]}))) is None
    with pytest.raises(ZooError) as caught:
        choose_chat_columns(table, messages="mine", prompt="promt", completion="n")
    assert caught.value.why[0].startswith("data.messages: column 'mine' holds string, not lists of messages.")
    assert "data.prompt: there is no column 'promt'. Did you mean 'prompt'?" in caught.value.why
    assert "data.completion: column 'n' holds int64, not text or lists of messages." in caught.value.why
    assert any("a row is one or the other" in fault for fault in caught.value.why)


def test_faulty_rows_are_named_all_at_once():
    rows = [
        {"messages": OPENAI},
        {"messages": [{"role": "asistant", "content": "a"}]},
        {"messages": []},
        {"messages": None},
        {"messages": [{"role": "bard", "content": "x"}, {"role": "bard", "content": "y"}]},
    ]
    with pytest.raises(ZooError) as caught:
        read(rows)
    assert caught.value.what == "'talks.jsonl' has rows that are not whole."
    known = "Known are system, developer, user, assistant, tool"
    assert caught.value.why == [
        f"With the role 'asistant'. Did you mean 'assistant'? {known}: row 2.",
        "Without messages (column 'messages'): rows 3, 4.",
        f"With the role 'bard'. {known}: row 5.",
    ]

    with pytest.raises(ZooError, match=r"Without an answer \(column 'completion'\): rows 1, 2"):
        read([{"prompt": "p", "completion": " "}, {"prompt": "p", "completion": None}])
    with pytest.raises(ZooError, match="whose content is not text"):
        read([{"messages": [{"role": "user", "content": [{"type": "image", "text": "x"}]}]}])


def test_messages_from_python():
    assert conversation_of(OPENAI) == TALK
    assert conversation_of(TALK.messages) == TALK
    assert conversation_of(TALK) is TALK
    for wrong, told in (
        ("hello", "is no conversation"),
        (3, "is no conversation"),
        ([], "there are none"),
        ([{"role": "me", "content": "x"}, "y"], "message 1 with the role 'me'"),
    ):
        with pytest.raises(ZooError, match=told):
            conversation_of(wrong)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"tool_calls": [{"id": "1"}]}, "tool_calls"),
        ({"weight": 0}, "weight"),
        ({"reasoning_content": "hm"}, "reasoning_content"),
        ({"reasoning": "hm"}, "reasoning"),
        ({"thinking": "hm"}, "thinking"),
        ({"name": "Ann"}, "name"),
        ({"tool_call_id": "1"}, "tool_call_id"),
    ],
)
def test_what_would_change_a_message_s_meaning_is_refused(more, key):
    with pytest.raises(ZooError, match=f"message 3 with '{key}' in a message"):
        conversation_of([*OPENAI[:2], {**OPENAI[2], **more}])
    same = [*OPENAI[:2], {**OPENAI[2], "tool_calls": None, "name": "", "thinking": None, "weight": 1}]
    assert conversation_of(same) == TALK


def test_what_stands_beside_messages_and_is_not_read_is_told_by_row():
    tool = {"type": "function", "function": {"name": "add"}}
    rows = [
        {"messages": OPENAI, "tools": [tool], "chat_template_kwargs": {"thinks": True}},
        {"messages": OPENAI, "tools": [], "chat_template_kwargs": {}},
        {"messages": OPENAI, "tools": None, "chat_template_kwargs": {"thinks": False}},
    ]
    with pytest.raises(ZooError) as caught:
        read(rows)
    assert caught.value.why == [
        "With 'tools' beside the messages, which zoo does not train as it is meant: row 1.",
        "With 'chat_template_kwargs' beside the messages, which zoo does not train as it is meant: rows 1, 3.",
    ]
    with pytest.raises(ZooError, match=r"With 'tools' beside the messages.*: row 2\."):
        read([{"messages": OPENAI, "tools": "[]"}, {"messages": OPENAI, "tools": "[{}]"}])
    with pytest.raises(ZooError, match=r"With 'documents' beside the messages.*: row 1\."):
        read([{"messages": OPENAI, "documents": [{"title": "t"}]}])
    assert read([{"prompt": "p", "completion": "c", "documents": ["d"]}]).inputs == [Completion("p", "c")]


def test_the_question_is_all_before_the_last_answer():
    asked = Conversation((*TALK.messages, Message("user", "more")))
    assert asked.question == TALK.messages[:2]
    assert asked.answer == "a"
