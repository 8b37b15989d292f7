"""zoo.registry.manifest"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.errors import ZooError
from zoo.registry.manifest import ArchitectureEntry, Manifest, read_manifest

FULL = """
schema = 1
requires-zoo = ">=0.1,<1"
module = "zoo_toy"
presets = ["zoo_toy:presets.toml"]
[architectures.toy]
model_types = ["toy", "toy2"]
tasks = ["feature-extraction"]
[provides]
datasets = ["letters"]
"""
KNOWN = {"schema", "requires-zoo", "module", "presets", "architectures", "provides"}
VALUES = {
    "schema": ["2", "'1'", "[]"],
    "requires-zoo": ["1", "[]", "{}"],
    "module": ["1", "['zoo_toy']", "{}"],
    "presets": ["1", "'zoo_toy:presets.toml'", "[1]", "{}"],
    "architectures": ["1", "['toy']", "{toy = 1}", "{toy = {tasks = 'a'}}", "{toy = {model_types = [1]}}"],
    "provides": ["1", "['letters']", "{datasets = 'letters'}", "{datasets = [[]]}"],
}
WORD = st.from_regex(r"[a-z][a-z_-]{0,12}", fullmatch=True)


def _read(tmp_path, text: str | bytes) -> Manifest:
    path = tmp_path / "zoo.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_manifest(path, plugin="toy", distribution="zoo-toy 1.0")


def test_a_whole_manifest_is_read(tmp_path):
    assert _read(tmp_path, FULL) == Manifest(
        plugin="toy",
        distribution="zoo-toy 1.0",
        path=tmp_path / "zoo.toml",
        module="zoo_toy",
        requires_zoo=">=0.1,<1",
        presets=("zoo_toy:presets.toml",),
        architectures={"toy": ArchitectureEntry(("toy", "toy2"), ("feature-extraction",))},
        datasets=("letters",),
    )


def test_only_schema_and_module_must_be_there(tmp_path):
    manifest = _read(tmp_path, "schema = 1\nmodule = 'zoo_toy'")
    assert (manifest.presets, manifest.architectures, manifest.datasets) == ((), {}, ())


def test_a_plugin_that_only_lists_presets_needs_no_module(tmp_path):
    assert _read(tmp_path, "schema = 1\npresets = ['toys:presets.toml']").module == ""
    with pytest.raises(ZooError) as caught:
        _read(tmp_path, "schema = 1\n[provides]\ndatasets = ['letters']")
    assert caught.value.why == ["module is missing: the module to import when the plugin is used"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(unknown=st.sets(WORD.filter(lambda word: word not in KNOWN), max_size=4), data=st.data())
def test_every_unknown_key_and_every_wrong_type_is_named_at_once(tmp_path, unknown, data):
    wrong = data.draw(st.sets(st.sampled_from(sorted(VALUES))))
    right = {"schema": "1", "module": "'zoo_toy'"}
    keys = right | {key: data.draw(st.sampled_from(VALUES[key])) for key in sorted(wrong)}
    text = "\n".join(f"{key} = {value}" for key, value in keys.items() | dict.fromkeys(unknown, "0").items())
    if not wrong and not unknown:
        assert _read(tmp_path, text).module == "zoo_toy"
        return
    with pytest.raises(ZooError) as caught:
        _read(tmp_path, text)
    assert f"plugin 'toy' (zoo-toy 1.0) is not valid: {tmp_path / 'zoo.toml'}" in caught.value.what
    for key in unknown | wrong:
        assert any(fault.startswith(key) for fault in caught.value.why), (key, caught.value.why)
    assert len(caught.value.why) == len(unknown | wrong)


def test_faults_come_in_one_order_and_suggest_the_nearest_key(tmp_path):
    with pytest.raises(ZooError) as caught:
        _read(tmp_path, "modul = 'x'\npreset = []\n[architectures.toy]\ntask = []\n[provides]\ndataset = []")
    assert caught.value.why == [
        "modul is not a key of a manifest. Did you mean 'module'?",
        "preset is not a key of a manifest. Did you mean 'presets'?",
        "schema is None; this zoo reads schema 1",
        "module is missing: the module to import when the plugin is used",
        "architectures.toy.task is not a key of a manifest. Did you mean 'tasks'?",
        "provides.dataset is not a key of a manifest. Did you mean 'datasets'?",
    ]


@pytest.mark.parametrize("text", ["schema = ", b"\xff\xfe", "a = 1\na = 2"])
def test_what_is_not_toml_is_refused_with_the_place(tmp_path, text):
    with pytest.raises(ZooError, match=r"zoo\.toml is not valid TOML"):
        _read(tmp_path, text)


def test_a_manifest_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ZooError, match="cannot be read"):
        read_manifest(tmp_path, plugin="toy", distribution="zoo-toy 1.0")
