"""zoo.rehearsal: what would stop a plugin's first load is told by `zoo plugins check`"""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from zoo.registry.plugins import manifests
from zoo.rehearsal import rehearsal_faults
from zoo.testing import tiny_decoder

TOY = Path(__file__).parent / "thirdparty" / "zoo_toy" / "zoo_toy"
BOTH = "toy (feature-extraction, text-classification): "


@pytest.fixture
def faults(install):
    """What is told of the toy plugin after a change of its model's source."""

    def examine(old: str = "", new: str = "") -> list[str]:
        source = (TOY / "model.py").read_text()
        assert old in source
        manifest = (TOY / "zoo.toml").read_text().replace('presets = ["zoo_toy:presets.toml"]', "")
        files = {"__init__.py": (TOY / "__init__.py").read_text(), "model.py": source.replace(old, new)}
        install("toy", manifest, files=files)
        (found,) = (manifest for manifest in manifests() if manifest.plugin == "toy")
        return rehearsal_faults(found)

    return examine


def test_a_sound_plugin_has_no_fault(faults):
    assert faults() == []


def test_variables_that_no_rule_names(faults):
    told = faults('Rule("dense.bias", "backbone/dense/bias"),', "")
    assert told == [f"{BOTH}variables without a rule in the layout 'toy': backbone/dense/bias"]


def test_a_head_of_one_task(faults):
    told = faults('Rule("classifier.weight", "head/classifier/kernel")', 'Rule("a", "head/b")')
    assert told == [
        "toy (text-classification): variables without a rule in the layout 'toy': head/classifier/kernel"
    ]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("self.dim = config.hidden_size", "self.dim = config.hidden", "AttributeError: 'ToyConfig' object has no"),
        ("    vocab_size: int = 100", "    vocab_size: int", "TypeError: ToyConfig.__init__() missing 1 required"),
        ("linear(self.dim, ", "linear(config.nothing(), ", "AttributeError: "),
        ("self.words.build(None)", "raise SystemExit(3)", "SystemExit: 3"),
        (
            "class ToyBackbone",
            "    def faults(self):\n        return ['odd']\n\n\nclass ToyBackbone",
            "config.json of the recipe's 'toy:toy' does not describe a model that zoo can build. odd",
        ),
    ],
)
def test_code_that_fails(faults, old, new, why):
    told = faults(old, new)
    assert len(told) >= 1
    assert all(f"its config's defaults build no model: {why}" in fault for fault in told)


def test_the_next_model_is_built_as_if_nothing_had_failed(faults, tmp_path):
    assert faults("self.words.build(None)", "self.words.build(None); 1 / 0")

    folder = tiny_decoder(tmp_path / "tiny", ["a text"])

    assert zoo.load(folder).generate("a", max_new_tokens=2) is not None
