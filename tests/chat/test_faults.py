"""What would be learned wrongly, or not at all: stopped, with the rows, all faults at once."""

from __future__ import annotations

import contextlib

import pytest

import zoo
from tests.chat.templates import CHATML, GEMMA, LLAMA3, MARKED
from tests.chat.test_encoding import talk, told
from zoo.data.conversations import Completion, Conversation, Message
from zoo.data.examples import Examples
from zoo.data.row_faults import RowFaults
from zoo.testing import tiny_decoder

FORGETS = CHATML.replace(
    "'\\n' + message['content']", "'\\n' + (message.content if message.role != 'system' else '')"
)
UNSTOPPED = (
    "{% for m in messages %}{{ m.role }}: {% generation %}{{ m.content }}{% endgeneration %}<eos>{% endfor %}"
)
BARE = "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}"
REWRITES = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role }}"
    "{{ (' (last) ' if loop.last and m.role == 'assistant' else ' ') + m.content + '<|im_end|>' }}{% endfor %}"
)
MACRO = (
    "{% macro answer(m) %}<a>{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% endmacro %}"
    "{% for m in messages %}{{ answer(m) if m.role == 'assistant' else m.content }}{% endfor %}"
)
OPEN = (  # no answer ends, and what is asked does
    "{% for m in messages %}{{ m.role + ': ' + m.content + ('<eos>' if m.role == 'user' else '\\n') }}{% endfor %}"
)
PROMPTS = "{% if add_generation_prompt %}assistant: <think>{% endif %}"
THINKS = CHATML.replace("assistant\\n", "assistant\\n<think>\\n")
UNMARKED = CHATML + "{% if false %}{% generation %}{% endgeneration %}{% endif %}"
TWICE = "{{ bos_token }}" + LLAMA3
SYSTEM = Message("system", "Be brief.")


def faults_of(model, *inputs):
    with pytest.raises(zoo.ZooError) as caught:
        model.encode_examples(inputs)
    return "\n".join(caught.value.why)


@pytest.mark.parametrize(
    ("template", "example", "fault"),
    [
        (CHATML, Conversation((Message("user", "Who?"),)), "Without an answer"),
        (CHATML, talk("Who?", " \n"), "With an empty answer"),
        (CHATML, talk("Who?", "I.", train_on=("tool",)), "Without a message of the roles that are trained"),
        (CHATML, Conversation((Message("assistant", "I."),)), "With an answer first, and no prompt before it"),
        (GEMMA, talk("Who?", "I.", "", ""), "With an empty answer"),
        (
            GEMMA,
            Conversation((Message("user", "a"), Message("user", "b"), Message("assistant", "c"))),
            "The chat template refuses the messages: Roles must alternate: user, assistant, user, ...",
        ),
        (
            FORGETS,
            Conversation((SYSTEM, *talk("Who?", "I.").messages)),
            "With a message of the role 'system', which the chat template leaves out",
        ),
        (
            FORGETS,
            Conversation((SYSTEM, *talk("Be brief. Who?", "I.").messages)),
            "With a message of the role 'system', which the chat template leaves out",
        ),
        (
            MACRO,
            talk("Who?", "I."),
            "The chat template fails: {% generation %} stands in a macro",
        ),
        (UNSTOPPED, talk("Who?", "I."), "The stop token of an answer is never trained"),
        (BARE, talk("Who?", "I."), "The stop token of an answer is never trained"),
        (OPEN, talk("Who?", "I."), "The stop token of an answer is never trained"),
        (OPEN, talk("Who?", "I.", train_on="all"), "The stop token of an answer is never trained"),
        (OPEN + PROMPTS, talk("Who?", "I.", train_on="all"), "The stop token of an answer is never trained"),
        (CHATML.replace("<|im_end|>", "<|unknown|>"), talk("Who?", "I."), "The stop token of an answer is never"),
        (UNMARKED, talk("Who?", "I."), "Every label is masked"),
        (REWRITES, talk("Who?", "I.", "And?", "You."), "The template writes a message in another way once others"),
        (THINKS, talk("Who?", "I."), "The template prompts for an answer otherwise than it writes one"),
        (THINKS, talk("Who?", "I.", train_on="last"), "The template prompts for an answer otherwise"),
        (TWICE, talk("Who?", "I."), "With two '<bos>' one behind the other"),
        (LLAMA3, "<bos>A text.", "With two '<bos>' one behind the other"),
        (CHATML, Completion("Who?", " ", chat=False), "With an empty answer"),
        (CHATML, Completion("Who?", "I.", ("user",), False), "Without roles, for no chat template"),
        (CHATML, Completion("Who?", "I.", ("user", "assistant"), False), "Without roles, for no chat template"),
        (CHATML, Completion("Who? " * 600, "I.", chat=False), "With an answer that does not fit in 1024 tokens"),
        ("{{ messages.append(1) }}", talk("Who?", "I."), "The chat template tries what the sandbox forbids"),
    ],
)
def test_each_fault_with_its_row(template, example, fault, pair):
    model, _ = pair(template)
    assert f"{fault}" in faults_of(model, "A plain text is sound.", example)
    assert faults_of(model, "A plain text is sound.", example).endswith(": row 2.")


@pytest.mark.parametrize(
    ("template", "hard"),
    [
        ("{{ raise_exception('Not these.') }}", False),
        ("{{ messages[0].content if messages[1:] else raise_exception('Too few.') }}", False),
        ("{{ messages.append(1) }}", True),
        ("{{ messages[0].content + 1 }}", True),
        ("{{ messages[1].content }}", True),  # of the first message alone there is none
        (MACRO, True),
    ],
)
def test_a_row_may_be_left_out_for_what_the_template_says_of_it_and_not_for_the_template_s_faults(
    template, hard, pair
):
    model, _ = pair(template)
    faults = RowFaults()

    model.encode_examples([talk("Who?", "I.")], faults)

    assert "hat template" in faults_of(model, talk("Who?", "I."))
    with pytest.raises(zoo.ZooError, match="The input has rows") if hard else contextlib.nullcontext():
        faults.check(faulty="skip")


def test_all_faults_at_once_by_the_rows_of_their_source(pair):
    model, _ = pair("gemma")
    faults = RowFaults("train.jsonl")
    one = Examples([talk("a", "b"), talk("c", "")], None, [3, 9], "train.jsonl")
    other = Examples([talk("a", " "), talk("a", "b", "c")], None, [1, 2], "test.jsonl")
    lonely = Examples([Conversation((Message("user", "a"),))], None, [7], "test.jsonl")

    for part in (one, other, lonely):
        model.encode_examples(part.inputs, faults.of(part))

    with pytest.raises(zoo.ZooError) as caught:
        faults.check()
    assert caught.value.what == "'train.jsonl' has rows that cannot be learned from."
    assert caught.value.why == [
        "With an empty answer: rows 9, 1 of 'test.jsonl'.",
        "Without an answer: row 7 of 'test.jsonl'.",
    ]


def test_a_token_that_ends_turns_and_begins_them_is_there_twice_with_reason(tmp_path):
    template = "{% for m in messages %}{{ '<eos>' + m.role + ': ' + m.content + '<eos>' }}{% endfor %}"
    folder = tiny_decoder(tmp_path / "model", ["user: a assistant: b"] * 9, chat_template=template)
    settings = folder / "tokenizer_config.json"
    settings.write_text(settings.read_text().replace('"bos_token": "<bos>"', '"bos_token": "<eos>"'))
    model = zoo.load(folder)

    (found,) = model.encode_examples([talk("a", "b")])
    assert found.ids.tolist().count(2) == 4
    model.use_chat_template("{{ bos_token }}" + template)
    assert "With two '<eos>' one behind the other" in faults_of(model, talk("a", "b"))


@pytest.mark.parametrize("template", [CHATML, THINKS, REWRITES])
def test_all_of_a_text_is_trained_though_its_answers_may_not_be_told_apart(template, pair):
    model, _ = pair(template)
    (found,) = model.encode_examples([talk("Who?", "I.", "And?", "You.", train_on="all")])
    assert (found.labels[1:] >= 0).all()


def test_the_last_answer_of_a_template_that_rewrites_is_told(pair):
    model, _ = pair(REWRITES)
    (found,) = model.encode_examples([talk("Who?", "I.", train_on="last")])
    assert (found.labels >= 0).any()


def test_a_model_without_a_template(made):
    model = zoo.load(made(""))
    assert "the model has no chat template (data.chat_template gives one): row 1" in faults_of(
        model, talk("a", "b")
    )
    (found,) = model.encode_examples([Completion("a", "b")])  # is raw text there
    assert len(found) == 4
    with pytest.raises(zoo.ZooError, match="no chat template, so it takes plain texts only"):
        model.chat([{"role": "user", "content": "Hello"}])


def test_another_template_may_mark_answers_but_not_write_another_text(made):
    model = zoo.load(made("chatml"))
    (before,) = model.encode_examples([talk("a", "b")])
    model.use_chat_template(MARKED)
    (found,) = model.encode_examples([talk("a", "b")])
    assert found.ids.tolist() == before.ids.tolist()
    assert told(model, found) == ["b<|im_end|>\n"]
    model.use_chat_template(LLAMA3)
    assert "data.chat_template writes another text than the template that the model was trained with" in faults_of(
        model, talk("a", "b")
    )


def test_messages_of_python_are_a_conversation(pair):
    model, _ = pair(CHATML)
    messages = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "I."}]
    (found,) = model.encode_examples([messages])
    (expected,) = model.encode_examples([talk("Who?", "I.")])
    assert found.ids.tolist() == expected.ids.tolist()
    with pytest.raises(zoo.ZooError, match="3 is no conversation"):
        model.encode_examples([3])
