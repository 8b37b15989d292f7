"""zoo.registry.presets"""

from __future__ import annotations

import json

import pytest

from zoo.errors import ZooError
from zoo.registry.presets import Lock, PinnedFile, find_preset, is_preset, presets, read_lock

MANIFEST = 'schema = 1\nmodule = "zoo_{0}"\npresets = ["zoo_{0}:presets.toml"]\n'
PRESET = """
[{0}]
architecture = "bert"
task = "feature-extraction"
description = "A toy"
license = "mit"
source = "hf://toys/tiny"
"""
LOCK = {"tiny": {"commit": "c" * 40, "files": {"config.json": {"size": 2, "sha256": "s"}, "b": {"git_oid": "g"}}}}


@pytest.fixture
def publish(install):
    """`publish("toy", "tiny", lock)`: a plugin with one preset."""

    def write(plugin: str, name: str = "tiny", lock: object = LOCK) -> None:
        files = {"presets.toml": "schema = 1\n" + PRESET.format(name)}
        if lock is not None:
            files["presets.lock.json"] = lock if isinstance(lock, str) else json.dumps(lock)
        install(plugin, MANIFEST.format(plugin), files=files)

    return write


def test_presets_are_found_plain_and_qualified(publish):
    publish("toy")
    assert find_preset("tiny") == find_preset("toy:tiny")
    assert find_preset("tiny").plugin == "toy"
    assert is_preset("tiny")
    assert is_preset("toy:tiny")
    assert not is_preset("bert:tiny")
    assert not is_preset("tin")


def test_all_presets_come_in_the_order_of_names(publish):
    publish("toy")
    names = [preset.name for preset in presets()]
    assert names == sorted(names)
    assert {"tiny", "bert_base", "minilm_l6"} <= set(names)


@pytest.mark.parametrize(
    ("word", "meant"), [("bert_bse", "bert_base"), ("minilm_16", "minilm_l6"), ("bge-small", "bge_small")]
)
def test_a_slip_gets_the_right_name(word, meant):
    with pytest.raises(ZooError, match=f"There is no preset '{word}'[.] Did you mean '{meant}'") as caught:
        find_preset(word)
    assert "zoo list" in caught.value.fix


def test_nothing_near_suggests_nothing():
    with pytest.raises(ZooError) as caught:
        find_preset("whale")
    assert caught.value.what == "There is no preset 'whale'."


def test_a_name_that_two_plugins_offer_needs_its_plugin(publish):
    publish("toy")
    publish("rival")
    assert is_preset("tiny")
    with pytest.raises(ZooError, match="Several plugins have a preset 'tiny'") as caught:
        find_preset("tiny")
    assert caught.value.why == ["rival:tiny from zoo-rival 1.0", "toy:tiny from zoo-toy 1.0"]
    assert find_preset("toy:tiny").plugin == "toy"
    assert find_preset("rival:tiny").plugin == "rival"


def test_a_plugin_left_out_takes_its_presets_along(publish, monkeypatch):
    monkeypatch.setenv("ZOO_DISABLE_PLUGINS", "bert,efficientnet,gemma,llama,resnet")
    publish("toy")
    assert [preset.name for preset in presets()] == ["tiny"]


def test_a_preset_listed_twice_by_one_plugin_is_that_plugins_fault(install):
    catalogue = "schema = 1\n" + PRESET.format("tiny")
    manifest = 'schema = 1\nmodule = "zoo_toy"\npresets = ["zoo_toy:a.toml", "zoo_toy:b.toml"]\n'
    install("toy", manifest, files={"a.toml": catalogue, "b.toml": catalogue})
    assert not is_preset("tiny")
    assert is_preset("bert_base")


def test_a_lock_is_read_only_when_it_is_asked_for(publish):
    publish("toy", lock="not json")
    preset = find_preset("tiny")
    with pytest.raises(ZooError, match="Preset 'tiny' is not locked"):
        read_lock(preset)


def test_a_lock_says_commit_size_and_hashes(publish):
    publish("toy")
    assert read_lock(find_preset("tiny")) == Lock(
        "c" * 40, {"config.json": PinnedFile(2, "s"), "b": PinnedFile(None, None, "g")}
    )


NO_LOCKS = [
    None,
    "",
    "[]",
    "{}",
    '{"tiny": []}',
    '{"tiny": {}}',
    '{"tiny": {"commit": "c"}}',
    '{"tiny": {"files": {}}}',
    '{"tiny": {"commit": "c", "files": []}}',
    '{"tiny": {"commit": "c", "files": {"a": 1}}}',
    '{"tiny": {"commit": 5, "files": {}}}',
    '{"tiny": {"commit": "c", "files": {"a": {"size": "1"}}}}',
    '{"tiny": {"commit": "c", "files": {"a": {"sha265": "s"}}}}',
    '{"tiny": {"commit": "c", "files": {}, "commit": "d"}}',
]


@pytest.mark.parametrize("lock", NO_LOCKS)
def test_a_lock_that_pins_nothing_is_the_authors_fault(publish, lock):
    publish("toy", lock=lock)
    with pytest.raises(ZooError, match="Preset 'tiny' is not locked") as caught:
        read_lock(find_preset("tiny"))
    assert "plugin 'toy' (zoo-toy 1.0); tell its author" in caught.value.fix
    assert "presets.lock.json" in caught.value.why[0]
