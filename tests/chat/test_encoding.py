"""Which tokens are trained, beside transformers' own masks, and how what is too long is cut."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings

import zoo
from tests.chat.conftest import conversations, dicts
from tests.chat.templates import TEMPLATES
from tests.suite.properties import examples
from zoo.data.conversations import Completion, Conversation, Message
from zoo.data.encoded import NO_LABEL

QUICK = settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def talk(*contents, train_on="answers"):
    """User and assistant in turn."""
    messages = (Message(("user", "assistant")[n % 2], content) for n, content in enumerate(contents))
    return Conversation(tuple(messages), train_on)


def told(model, item):
    """The trained tokens of an encoded example as text, runs of them apart."""
    runs, previous = [], False
    for token, label in zip(item.ids, item.labels, strict=True):
        assert label in (token, NO_LABEL)
        if label != NO_LABEL:
            runs = [*runs, []] if not previous else runs
            runs[-1].append(int(token))
        previous = label != NO_LABEL
    return [model.preprocess.tokenizer.decode(run, skip_special_tokens=False) for run in runs]


def test_masks_are_the_reference_s_where_the_template_marks_answers(pair):
    model, theirs = pair("marked")

    @QUICK
    @given(conversations())
    def check(conversation):
        expected = theirs.apply_chat_template(
            dicts(conversation), return_dict=True, return_assistant_tokens_mask=True
        )
        (found,) = model.encode_examples([conversation])
        assert found.ids.tolist() == expected["input_ids"]
        assert (found.labels != NO_LABEL).tolist() == [bool(x) for x in expected["assistant_masks"]]

    check()


@pytest.mark.parametrize("name", sorted({*TEMPLATES} - {"marked"}))
def test_masks_are_what_each_answer_adds_in_the_reference(name, pair):
    model, theirs = pair(name)

    def render(messages, **kwargs):
        return theirs.apply_chat_template(messages, tokenize=False, **kwargs)

    @QUICK
    @given(conversations())
    def check(conversation):
        messages = dicts(conversation)
        text = render(messages)
        spans = [
            (len(render(messages[:n], add_generation_prompt=True)), len(render(messages[: n + 1])))
            for n, message in enumerate(messages)
            if message["role"] == "assistant"
        ]
        expected = theirs(text, add_special_tokens=False, return_offsets_mapping=True)
        trained = [any(a < end and b > start for start, end in spans) for a, b in expected["offset_mapping"]]
        (found,) = model.encode_examples([conversation])
        assert found.ids.tolist() == expected["input_ids"]
        assert found.ids.tolist() == theirs.apply_chat_template(messages, return_dict=True)["input_ids"]
        assert (found.labels != NO_LABEL).tolist() == trained

    check()


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("chatml", "<|im_end|>"),
        ("gemma", "<end_of_turn>"),
        ("llama2", "<eos>"),
        ("llama3", "<|eot_id|>"),
        ("zephyr", "<eos>"),
    ],
)
def test_an_answer_is_trained_with_the_token_that_ends_its_turn_and_generation_stops_there(name, end, pair):
    model, _ = pair(name)
    (found,) = model.encode_examples([talk("What is it?", "A horn.", "Of what?", "Of plenty.")])
    trained = told(model, found)

    assert len(trained) == 2
    assert all(run.strip().endswith(end) for run in trained)
    assert [run.strip().removesuffix(end).strip() for run in trained] == ["A horn.", "Of plenty."]
    assert model.chat_template.turn_end(model.preprocess.tokenizer) == model.preprocess.tokenizer.token_to_id(end)


@pytest.mark.parametrize("name", ["marked", "gemma", "llama3"])
@pytest.mark.parametrize("begun", [2, 4])
def test_answers_of_a_prompt_are_read_and_not_learned(name, begun, pair):
    model, _ = pair(name)
    conversation = talk("Who?", "I.", "And?", "You.", "Both?", "Yes.")
    whole, part = model.encode_examples([conversation, dataclasses.replace(conversation, given=begun)])

    assert part.ids.tolist() == whole.ids.tolist()
    assert told(model, part) == told(model, whole)[begun // 2 :]


def test_what_the_loss_is_on(pair):
    model, _ = pair("llama3")
    items = ("Who?", "I.", "And?", "You.")

    def trained(train_on):
        (item,) = model.encode_examples([talk(*items, train_on=train_on)])
        return told(model, item)

    assert trained("answers") == ["I.<|eot_id|>", "You.<|eot_id|>"]
    assert trained("last") == ["You.<|eot_id|>"]
    assert trained(("assistant",)) == trained("answers")
    header = "<|start_header_id|>user<|end_header_id|>\n\n"
    assert trained(("user",)) == [f"{header}Who?<|eot_id|>", f"{header}And?<|eot_id|>"]
    (whole,) = trained("all")
    assert whole.startswith(header)  # all but its first token, which nothing comes before
    assert whole.endswith("You.<|eot_id|>")


def test_an_answer_that_a_template_marks_in_several_parts(pair):
    parts = "{% generation %}{{ m.content }}{% endgeneration %}|{% generation %}<|im_end|>{% endgeneration %}"
    source = "{% for m in messages %}{{ m.role }}:{% if m.role == 'user' %}{{ m.content }}{% else %}" + parts
    model, theirs = pair(source + "{% endif %}{% endfor %}")
    example = talk("a", "b", "c", "d")
    (every,) = model.encode_examples([example])
    expected = theirs.apply_chat_template(dicts(example), return_dict=True, return_assistant_tokens_mask=True)

    assert (every.labels != NO_LABEL).tolist() == [bool(x) for x in expected["assistant_masks"]]
    assert told(model, every) == ["b", "<|im_end|>", "d", "<|im_end|>"]
    (last,) = model.encode_examples([dataclasses.replace(example, train_on="last")])
    assert told(model, last) == ["d", "<|im_end|>"]
    model.preprocess.max_length = len(every) - 1
    (cut,) = model.encode_examples([example])
    assert told(model, cut) == ["b", "<|im_end|>"]
    model.preprocess.max_length = 1024


def test_completions_are_a_question_and_an_answer_or_raw_text(pair):
    model, _ = pair("llama3")
    tokenizer = model.preprocess.tokenizer

    chat, raw, whole, named = model.encode_examples(
        [
            Completion("1 + 1 =", " 2"),
            Completion("1 + 1 =", " 2", chat=False),
            Completion("1 + 1", "2", "all", False),
            Completion("1 + 1 =", " 2", ("assistant",), False),
        ]
    )

    assert chat.ids.tolist() == model.encode_examples([talk("1 + 1 =", " 2")])[0].ids.tolist()
    assert told(model, raw) == told(model, named) == [" 2<eos>"]
    assert tokenizer.decode(raw.ids.tolist(), skip_special_tokens=False) == "<bos>1 + 1 = 2<eos>"
    assert told(model, whole) == ["1 + 12<eos>"]


def test_a_text_begins_once_in_training_and_in_generation(pair):
    model, _ = pair("llama3")
    begin = model.preprocess.tokenizer.token_to_id("<bos>")
    example = talk("Who?", "I.")
    prompt = model.prompt_of(example)
    (item,) = model.encode_examples([example])

    assert item.ids.tolist().count(begin) == 1
    details = model.generate([prompt, "plain"], max_new_tokens=1, details=True)
    assert len(details) == 2
    from zoo.generate.prompts import encoded_prompts

    asked, plain = encoded_prompts([prompt, "plain"], model.preprocess)
    assert asked == item.ids[: len(asked)].tolist()  # what is asked is what was trained
    assert plain[0] == begin


def test_prompts_and_answers_of_examples(pair):
    model, theirs = pair("chatml")
    example = talk("Who?", "I.", "And?", "You.")

    assert model.prompt_of(example) == theirs.apply_chat_template(
        dicts(example)[:-1], tokenize=False, add_generation_prompt=True
    )
    assert model.answer_of(example) == "You."
    assert model.prompt_of(Completion("1 +", " 1", chat=False)) == "1 +"
    assert model.answer_of(Completion("1 +", " 1")) == " 1"
    with pytest.raises(zoo.ZooError, match="no prompt apart from it"):
        model.prompt_of("plain")


@pytest.mark.parametrize("name", ["marked", "chatml"])
def test_what_is_too_long_loses_whole_answers_at_its_end(name, made):
    model = zoo.load(made(name))
    example = talk("a b c", "first", "d e f", "second", "g h i", "third")
    (whole,) = model.encode_examples([example])
    answers = told(model, whole)
    ends = [
        n + 1 for n, label in enumerate(whole.labels) if label != NO_LABEL and ([*whole.labels, -100])[n + 1] < 0
    ]

    for limit in range(ends[0], len(whole) + 1):
        model.preprocess.max_length = limit
        (cut,) = model.encode_examples([example])
        fits = sum(end <= limit for end in ends)
        assert told(model, cut) == answers[:fits]
        assert cut.lost == 3 - fits
        assert cut.truncated == (fits < 3)
        assert len(cut) <= limit
        assert cut.ids.tolist() == whole.ids[: len(cut)].tolist()

    model.preprocess.max_length = ends[0] - 1
    with pytest.raises(zoo.ZooError, match=f"does not fit in {ends[0] - 1} tokens .*: row 1"):
        model.encode_examples([example])
    model.preprocess.max_length = ends[1]
    with pytest.raises(zoo.ZooError, match="does not fit"):
        model.encode_examples([dataclasses.replace(example, train_on="last")])
    (cut,) = model.encode_examples([dataclasses.replace(example, train_on="all")])
    assert len(cut) == ends[1]
