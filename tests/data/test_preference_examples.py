"""Rows of preferences: the forms that data sets have, and rows that are none."""

from __future__ import annotations

import pyarrow as pa
import pytest

from zoo.data.chat_columns import choose_chat_columns
from zoo.data.conversations import Completion, Conversation, Message, Preference, texts_of
from zoo.data.preference_examples import read_preferences
from zoo.data.problems import PREFERENCE
from zoo.data.table import Table
from zoo.errors import ZooError

USER, ANSWER, OTHER = Message("user", "Hello?"), Message("assistant", "Yes."), Message("assistant", "No.")
ASKED = Preference(Conversation((USER,)), "Yes.", "No.")


def messages(*given):
    return [{"role": m.role, "content": m.content} for m in given]


def read(rows, **columns):
    table = Table("x.jsonl", pa.Table.from_pylist(rows))
    return read_preferences(table, choose_chat_columns(table, **columns))


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": messages(USER), "chosen": messages(ANSWER), "rejected": messages(OTHER)},
        {"chosen": messages(USER, ANSWER), "rejected": messages(USER, OTHER)},
        {"prompt": "Hello?", "chosen": messages(USER, ANSWER), "rejected": messages(USER, OTHER)},
        {"prompt": "Hello?", "chosen": messages(ANSWER), "rejected": messages(OTHER)},
        {"prompt": messages(USER), "chosen": messages(USER, ANSWER), "rejected": messages(USER, OTHER)},
        {"prompt": messages(USER), "chosen": "Yes.", "rejected": "No."},
        {"prompt": "Hello?", "chosen": messages(USER, ANSWER), "rejected": "No."},
    ],
    ids=str,
)
def test_every_form_of_a_conversation(row):
    assert read([row]).inputs == [ASKED]


def test_a_prompt_that_goes_on_in_the_answers():
    system = Message("system", "Be brief.")
    row = {"prompt": messages(system), "chosen": messages(USER, ANSWER), "rejected": messages(USER, OTHER)}

    assert read([row]).inputs == [Preference(Conversation((system, USER)), "Yes.", "No.")]


@pytest.mark.parametrize("own", [(), (USER,), (Message("system", "Be brief."), USER)])
def test_a_prompt_that_the_answers_repeat_the_end_of(own):
    asked = Message("system", "Be brief."), USER
    row = {"prompt": messages(*asked), "chosen": messages(*own, ANSWER), "rejected": messages(*own, OTHER)}

    assert read([row]).inputs == [Preference(Conversation(asked), "Yes.", "No.")]


def test_a_prompt_that_is_answered_and_asked_again():
    again = {"chosen": messages(USER, OTHER), "rejected": messages(USER, ANSWER)}
    (found,) = read([{"prompt": messages(USER, ANSWER), **again}]).inputs

    assert found == Preference(Conversation((USER, ANSWER, USER)), "No.", "Yes.")


@pytest.mark.parametrize("other", [(Message("user", "Who?"),), (Message("system", "Be long."), USER)])
def test_a_prompt_that_the_answers_do_not_go_on_from(other):
    row = {"prompt": messages(USER), "chosen": messages(*other, ANSWER), "rejected": messages(*other, OTHER)}

    with pytest.raises(ZooError) as caught:
        read([row])
    assert caught.value.why == ["With a prompt that its answers' messages do not go on from: row 1."]


def test_texts_and_what_is_trained():
    found = read([{"question": "1 + 1", "chosen": "2", "rejected": "3"}])

    assert found.problem == PREFERENCE
    assert found.inputs == [Preference("1 + 1", "2", "3")]
    assert found.inputs[0].answered == (Completion("1 + 1", "2"), Completion("1 + 1", "3"))
    assert texts_of(found.inputs[0]) == ["1 + 1", "2", "3"]
    assert ASKED.answered[1] == Conversation((USER, OTHER), "last")


def test_tools_beside_messages_are_told():
    talk = {"chosen": messages(USER, ANSWER), "rejected": messages(USER, OTHER)}
    tools = {"tools": [{"type": "function"}]}

    with pytest.raises(ZooError, match=r"With 'tools' beside the messages.*: row 1\."):
        read([talk | tools, talk])
    assert len(read([{"prompt": "1 + 1", "chosen": "2", "rejected": "3"} | tools])) == 1


def test_named_columns():
    rows = [{"q": "1 + 1", "good": "2", "bad": "3"}]

    assert read(rows, prompt="q", chosen="good", rejected="bad").inputs == [Preference("1 + 1", "2", "3")]
    with pytest.raises(ZooError, match=r"data\.rejected: no column has a usual name"):
        read(rows, prompt="q", chosen="good")
    with pytest.raises(ZooError, match=r"data\.prompt: no column has a usual name"):
        read(rows, chosen="good", rejected="bad")
    with pytest.raises(ZooError) as caught:
        read([{"messages": messages(USER, ANSWER)}], prompt="q", chosen="good", rejected="bad")
    assert not any("usual name" in why for why in caught.value.why)  # 'messages' is one, and is not asked for
    with pytest.raises(ZooError, match="a row is one or the other"):
        read(rows, completion="q", chosen="good", rejected="bad")
    with pytest.raises(ZooError, match="Did you mean 'good'"):
        read(rows, prompt="q", chosen="god", rejected="bad")


def test_a_completion_that_is_named_is_no_preference():
    table = Table("x.jsonl", pa.Table.from_pylist([{"prompt": "1 + 1", "chosen": "2", "rejected": "3"}]))

    found = choose_chat_columns(table, completion="chosen")

    assert found is not None
    assert (found.prompt, found.completion, found.chosen) == ("prompt", "chosen", None)


def test_faulty_rows_are_told_together():
    rows = [
        {"chosen": messages(USER, ANSWER), "rejected": messages(USER, ANSWER)},
        {"chosen": messages(USER, ANSWER), "rejected": messages(Message("user", "Who?"), OTHER)},
        {"chosen": messages(USER, ANSWER), "rejected": messages(USER, Message("assistant", " "))},
        {"chosen": messages(ANSWER), "rejected": messages(OTHER)},
        {"chosen": messages(USER, ANSWER), "rejected": messages(USER, Message("user", "No."))},
        {"chosen": messages(USER, ANSWER), "rejected": messages(USER, Message("agent", "No."))},
        {"chosen": messages(USER, ANSWER), "rejected": None},
    ]
    with pytest.raises(ZooError) as caught:
        read(rows)
    told = str(caught.value)

    assert "With the same answer chosen and rejected: row 1." in told
    assert "With answers to different prompts, or of more than one message: row 2." in told
    assert "Without an answer (column 'rejected'): rows 3, 7" in told
    assert "Without a prompt: row 4." in told
    assert told.count("row") == 8  # nothing else is said of any of them, beside "rows that are not whole"
    assert "With an answer of the role 'user': row 5." in told
    assert "with the role 'agent'" in told.lower()
    assert "row 6" in told or "rows 6" in told
