"""An adapter knows the chat template that it was trained with."""

from __future__ import annotations

import pytest
import transformers

import zoo
from tests.chat.templates import CHATML, LLAMA3, TEMPLATES


def test_an_adapter_carries_its_template_and_refuses_another(made, tmp_path):
    model = zoo.load(made("chatml"))
    model.adapters.add(rank=2)
    model.adapters.save(tmp_path / "adapter")

    assert (tmp_path / "adapter" / "chat_template.jinja").read_text() == CHATML
    zoo.load(made("chatml"), adapter=tmp_path / "adapter")
    with pytest.raises(zoo.ZooError, match="was trained with another chat template than the model has"):
        zoo.load(made("llama3"), adapter=tmp_path / "adapter")


def test_a_template_that_writes_the_same_is_no_other(made, tmp_path):
    model = zoo.load(made("chatml"))
    model.adapters.add(rank=2)
    model.adapters.save(tmp_path / "adapter")
    template = tmp_path / "adapter" / "chat_template.jinja"
    template.write_text("{# noted #}" + CHATML)

    zoo.load(made("chatml"), adapter=tmp_path / "adapter")
    template.write_text(CHATML.replace("assistant", "model"))  # after a question alone
    with pytest.raises(zoo.ZooError, match="another chat template"):
        zoo.load(made("chatml"), adapter=tmp_path / "adapter")


@pytest.mark.parametrize("name", ["gemma", "llama3"])
def test_a_template_that_names_the_model_s_tokens_is_no_other(name, made, tmp_path):
    model = zoo.load(made(name))
    model.adapters.add(rank=2)
    model.use_chat_template("{# noted #}" + TEMPLATES[name])
    model.adapters.save(tmp_path / "adapter")

    assert not (tmp_path / "adapter" / "tokenizer_config.json").exists()
    zoo.load(made(name), adapter=tmp_path / "adapter")
    template = tmp_path / "adapter" / "chat_template.jinja"
    template.write_text(template.read_text().replace("bos_token", "eos_token"))
    with pytest.raises(zoo.ZooError, match="another chat template"):
        zoo.load(made(name), adapter=tmp_path / "adapter")


def test_a_model_without_a_template_takes_the_adapter_s(made, tmp_path):
    model = zoo.load(made(""))
    model.adapters.add(rank=2)
    model.use_chat_template(LLAMA3)
    model.adapters.save(tmp_path / "adapter")

    bare = zoo.load(made(""), adapter=tmp_path / "adapter")

    assert bare.chat_template.source == LLAMA3
    bare.adapters.merge()
    bare.save_pretrained(tmp_path / "merged")
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "merged").chat_template == LLAMA3
