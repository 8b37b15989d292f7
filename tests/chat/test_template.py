"""Chat templates beside transformers' `apply_chat_template`, where they are found, and what the sandbox stops."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
import transformers
from hypothesis import HealthCheck, given, settings

import zoo
from tests.chat.conftest import conversations, dicts
from tests.chat.templates import CHATML, TEMPLATES, TEXTS
from tests.suite.properties import examples
from zoo.chat.moment import rendering_from
from zoo.chat.plain import PLAIN_TEMPLATE
from zoo.chat.template import ChatTemplate, TemplateError, read_chat_template
from zoo.data.conversations import Message
from zoo.errors import ZooError
from zoo.hub.files import local_files
from zoo.testing import tiny_decoder

HELLO = [Message("user", "Hello"), Message("assistant", "Hi")]


@pytest.mark.parametrize("name", TEMPLATES)
def test_renders_are_the_reference_s(name, pair):
    model, theirs = pair(name)

    @settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(conversations())
    def check(conversation):
        for asked in (False, True):
            messages = dicts(conversation)[: -1 if asked else None]
            expected = theirs.apply_chat_template(messages, tokenize=False, add_generation_prompt=asked)
            ours = conversation.messages[: -1 if asked else None]
            assert model.chat_template.render(ours, add_generation_prompt=asked) == expected

    check()


def test_globals_and_filters_are_the_reference_s(pair):
    source = (
        "{{ messages | tojson(indent=2) }}{{ dict(a=1)['a'] }}{% set n = namespace(k=0) %}"
        "{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}{% set n.k = n.k + 1 %}{% endfor %}"
        "{{ n.k }}"
        "{{ strftime_now('%Y') }}{{ tools is none }}{{ documents is none }}{{ eos_token }}{{ unk_token }}"
    )
    _, theirs = pair("chatml")
    messages = [{"role": m.role, "content": m.content + " <b>é</b>"} for m in HELLO]
    template = ChatTemplate(source, {"eos_token": "<eos>"})
    ours = template.render([Message(m["role"], m["content"]) for m in messages])
    assert ours == theirs.apply_chat_template(messages, chat_template=source, tokenize=False)


def test_everything_is_rendered_from_one_moment():
    template = ChatTemplate("{{ strftime_now('%d %b %Y %H:%M:%S.%f') }}")
    assert template.tells_time
    assert not ChatTemplate(CHATML).tells_time
    now = template.render(HELLO)
    with rendering_from(datetime(2024, 7, 26, 1, 2, 3, 4)):
        assert template.render(HELLO) == "26 Jul 2024 01:02:03.000004"
        with rendering_from(None):
            assert template.render(HELLO).startswith("26 Jul")
    assert template.render(HELLO) == now


def write(folder, settings=None, files=None):
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": {"content": "<s>"}, **(settings or {})}))
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return read_chat_template(local_files(folder))


def test_where_a_template_is_found(tmp_path):
    named = [{"name": "default", "template": "a{{ bos_token }}"}, {"name": "tool_use", "template": "b"}]

    assert write(tmp_path / "none") is None
    assert write(tmp_path / "one", {"chat_template": "{{ bos_token }}"}).render(HELLO) == "<s>"
    assert write(tmp_path / "several", {"chat_template": named}).render(HELLO) == "a<s>"
    assert write(tmp_path / "file", {"chat_template": "x"}, {"chat_template.jinja": "y"}).render(HELLO) == "y"
    both = {"additional_chat_templates/rag.jinja": "z", "chat_template.jinja": "y"}
    assert write(tmp_path / "files", None, both).render(HELLO) == "y"
    assert write(tmp_path / "other", None, {"additional_chat_templates/rag.jinja": "z"}) is None


def test_templates_are_saved_with_the_model_and_read_by_the_reference(tmp_path):
    folder = tiny_decoder(tmp_path / "model", TEXTS, chat_template=CHATML)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "rag.jinja").write_text("{{ documents }}")

    zoo.load(folder).save_pretrained(tmp_path / "again")

    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "again")
    assert again.chat_template == {"default": CHATML, "rag": "{{ documents }}"}
    assert zoo.load(tmp_path / "again").chat_template.source == CHATML


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{{ raise_exception('Not like this.') }}", "refuses the messages: Not like this."),
        ("{{ messages[9].content + 'x' }}", "fails: list object has no element 9"),
        ("{{ 1 / 0 }}", "fails: ZeroDivisionError"),
        ("{{ ''.__class__.__mro__ }}", "tries what the sandbox forbids"),
        ("{{ messages.append(1) }}", "tries what the sandbox forbids"),
        ("{{ messages[0].update(role='x') }}", "tries what the sandbox forbids"),
        ("{% for n in range(10**9) %}x{% endfor %}", "fails: OverflowError"),
        ("{{ cycler.__init__.__globals__.os.system('true') }}", "tries what the sandbox forbids"),
        ("{{ namespace(__class__=1) }}", "tries what the sandbox forbids"),
        ("{% include 'config.json' %}", "fails: TypeError"),
        ("{{ dict.__subclasses__() }}", "has no attribute '__subclasses__'"),
    ],
)
def test_a_template_that_fails_or_tries_to_escape(source, told):
    with pytest.raises(TemplateError, match=told):
        ChatTemplate(source).render(HELLO)


def test_a_template_that_is_none(tmp_path):
    with pytest.raises(zoo.ZooError, match=r"The chat template of .* is not valid.\n  - line 1"):
        write(tmp_path / "broken", {"chat_template": "{% for %}"})
    with pytest.raises(zoo.ZooError, match="is no text: 3"):
        write(tmp_path / "number", {"chat_template": [{"name": "default", "template": 3}]})


def test_the_plain_template_is_sound():
    template = ChatTemplate(PLAIN_TEMPLATE, {"bos_token": "<bos>", "eos_token": "<eos>"})
    text, marked = template.marked([Message("system", " a "), *HELLO])
    assert text == "<bos><|system|> a <eos><|user|>Hello<eos><|assistant|>Hi<eos>"
    assert [text[start:end] for start, end in marked] == ["Hi<eos>"]
    assert template.render(HELLO[:1], add_generation_prompt=True) == "<bos><|user|>Hello<eos><|assistant|>"


@pytest.mark.parametrize(
    "source", ["{% for m in messages %}" * 25 + "{% endfor %}" * 25, "{{ " + "(" * 3000 + ")" * 3000]
)
def test_a_template_beyond_python_s_limits_is_refused(source):
    with pytest.raises(ZooError, match="chat template of the checkpoint"):
        ChatTemplate(source)
