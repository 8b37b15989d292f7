"""`zoo generate`: the text as it comes, JSON, and requests that cannot be met."""

from __future__ import annotations

import json

import numpy as np
import pytest

import zoo
from tests.generate.conftest import SENTENCES
from zoo.testing import tiny_decoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_decoder(tmp_path_factory.mktemp("cli") / "model", SENTENCES)


def test_text_and_json(folder, zoo_process):
    wanted = zoo.load(folder).generate("The horn", max_new_tokens=6)

    code, shown, _ = zoo_process("generate", str(folder), "The horn", "--max-new-tokens", "6")
    assert (code, shown) == (0, f"The horn{wanted}\n")

    code, shown, _ = zoo_process("generate", str(folder), "The horn", "--max-new-tokens", "6", "--json")
    assert code == 0
    assert json.loads(shown) == [{"prompt": "The horn", "text": wanted, "tokens": 6, "ended": "length"}]


def test_stop_texts_are_the_checkpoints_where_none_is_given(folder, zoo_process, tmp_path):
    wanted = zoo.load(folder).generate("The horn", max_new_tokens=12)
    config = {"stop_strings": [wanted[3:5]], "max_new_tokens": 12, "eos_token_id": 2}
    other = tiny_decoder(tmp_path / "model", SENTENCES, generation_config=config)

    for given, text in (((), wanted[: wanted.find(wanted[3:5])]), (("--stop", "that never comes"), wanted)):
        code, shown, _ = zoo_process("generate", str(other), "The horn", *given)
        assert (code, shown) == (0, f"The horn{text}\n")


def test_an_adapter_is_put_on(folder, zoo_process, tmp_path):
    model = zoo.load(folder)
    base = model.generate("The horn", max_new_tokens=6)
    model.adapters.add("other", rank=2)
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    model.adapters.save(tmp_path / "adapter")
    changed = model.generate("The horn", max_new_tokens=6)
    assert changed != base

    options = ("--max-new-tokens", "6", "--adapter", str(tmp_path / "adapter"))
    code, shown, _ = zoo_process("generate", str(folder), "The horn", *options)
    assert (code, shown) == (0, f"The horn{changed}\n")


def test_a_request_that_cannot_be(folder, zoo_process):
    code, shown, told = zoo_process("generate", str(folder), "The horn", "--top-p", "3")

    assert (code, shown) == (2, "")
    assert "top_p = 3.0 should be a number above 0, up to 1" in told


def test_a_model_that_generates_nothing(minilm, zoo_process):
    code, shown, told = zoo_process("generate", str(minilm), "The horn")

    assert (code, shown) == (2, "")
    assert "cannot do 'text-generation'" in told
    assert told.splitlines()[-1] == "Models that can: zoo list --task text-generation"


def test_names_of_files_are_no_prompts_unless_a_line_says_them(folder, zoo_process):
    code, shown, told = zoo_process("generate", str(folder), "The horn", "prompts.txt", "gone.xlsx")
    assert (code, shown) == (2, "")
    for name in ("prompts.txt", "gone.xlsx"):
        assert f"'{name}' is the name of a file" in told
    assert "- < FILE" in told
