"""docs/plugins.md: what it shows works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.references.decoders import generated, outputs, padded, reference, save_decoder
from zoo.nn import DecoderSpec

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
PROMPTS = [np.random.default_rng(3).integers(3, 100, n) for n in (24, 13, 4)]


def shown(language: str, what: str) -> str:
    """The one block of code of the page that has these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (code,) = (block for block in blocks if what in block)
    return code


@pytest.fixture
def qwen(install, tmp_path):
    """The plugin that is shown, installed, and a checkpoint of transformers' for it."""
    manifest = 'schema = 1\nmodule = "zoo_qwen2"\n' + shown("toml", "[architectures.qwen2]")
    install("qwen2", manifest, files={"__init__.py": shown("python", "DecoderConfig")})
    return save_decoder(tmp_path / "made", "Qwen2")


def test_the_layout_that_is_shown():
    code = shown("python", "Rule(")
    names: dict = {"ToyConfig": object}
    exec(code, names)
    layout = names["layout"](None, "text-classification")
    rule, numbers = layout.rule("backbone/layer_3/proj/kernel")
    assert list(layout.names(rule, numbers)) == ["toy.layers.3.proj.weight", "layers.3.proj.weight"]
    assert rule.op.shape((2, 5)) == (5, 2)
    assert layout.may_be_fresh("head/classifier/kernel")
    assert not layout.may_be_fresh("backbone/layer_3/proj/kernel")


def test_the_fields_that_are_named():
    page = PAGE.read_text()
    for record in (zoo.DataSet, zoo.Tracker, zoo.Tracked, DecoderSpec):
        for field in record.__dataclass_fields__:
            assert f"`{field}`" in page, (record, field)


def test_the_decoder_that_is_shown_gives_the_references_logits_and_tokens(qwen):
    model, theirs, rows = zoo.load(qwen), reference(qwen), padded(PROMPTS)
    biases = {variable.path for variable in model.weights if variable.name == "bias"}

    gap = np.abs(np.asarray(model(rows)) - outputs(theirs, rows))

    assert gap[rows["attention_mask"].astype(bool)].max() <= 1e-5
    assert model.generate(rows, max_new_tokens=64) == generated(theirs, rows, max_new_tokens=64)
    assert {path.split("/")[-2] for path in biases} == {"query", "key", "value"}


def test_the_decoder_that_is_shown_saves_what_the_reference_reads(qwen, tmp_path):
    rows = padded(PROMPTS)

    zoo.load(qwen).save_pretrained(tmp_path / "saved")

    assert (outputs(reference(tmp_path / "saved"), rows) == outputs(reference(qwen), rows)).all()
    before, after = (json.loads((where / "config.json").read_text()) for where in (qwen, tmp_path / "saved"))
    assert before == after


def test_the_decoder_that_is_shown_refuses_what_it_does_not_compute(qwen):
    config = json.loads((qwen / "config.json").read_text()) | {"use_sliding_window": True, "sliding_window": 8}
    (qwen / "config.json").write_text(json.dumps(config))

    with pytest.raises(zoo.ZooError, match="use_sliding_window = True is not supported; it may be False"):
        zoo.load(qwen)
