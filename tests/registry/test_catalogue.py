"""zoo.registry.catalogue"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.errors import ZooError
from zoo.registry.catalogue import Preset, read_catalogue
from zoo.registry.manifest import Manifest

REQUIRED = {
    "architecture": "'toy'",
    "task": "'feature-extraction'",
    "description": "'A toy'",
    "license": "'mit'",
    "source": "'hf://a/b'",
}
WRONG = {
    **{key: ["1", "''", "['a']"] for key in REQUIRED},
    "layout": ["1", "''"],
    "mirrors": ["'pkg://a/b'", "[1]", "2"],
    "parameters": ["'many'", "-1", "1.5", "true"],
}


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "toy_presets"
    folder.mkdir()
    (folder / "__init__.py").touch()
    manifest = Manifest("toy", "zoo-toy 1.0", tmp_path / "zoo.toml", "zoo_toy")

    def from_text(text: str) -> list[Preset]:
        (folder / "p.toml").write_text(text, encoding="utf-8")
        return read_catalogue("toy_presets:p.toml", manifest)

    return from_text


def _table(name: str, keys: dict[str, str]) -> str:
    return f"['{name}']\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def test_a_preset_is_read_with_its_defaults(read):
    (preset,) = read("schema = 1\n" + _table("tiny", REQUIRED))
    assert (preset.name, preset.qualified, preset.plugin) == ("tiny", "toy:tiny", "toy")
    assert (preset.mirrors, preset.layout, preset.parameters) == ((), "transformers", 0)
    assert preset.catalogue.name == "p.toml"


def test_every_key_is_read(read):
    more = {"layout": "'timm'", "mirrors": "['pkg://a/b', 'file://c']", "parameters": "12"}
    (preset,) = read("schema = 1\n" + _table("tiny", REQUIRED | more))
    assert (preset.mirrors, preset.layout, preset.parameters) == (("pkg://a/b", "file://c"), "timm", 12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_all_faults_of_all_presets_are_told_at_once(read, data):
    expected, text = set(), "schema = 1\n"
    for name in ("one", "two"):
        missing = data.draw(st.sets(st.sampled_from(sorted(REQUIRED)), max_size=2))
        wrong = data.draw(st.sets(st.sampled_from(sorted(WRONG)), max_size=3)) - missing
        unknown = data.draw(st.sets(st.sampled_from(["licence", "task_", "url"])))
        keys = {key: value for key, value in REQUIRED.items() if key not in missing}
        keys |= {key: data.draw(st.sampled_from(WRONG[key])) for key in sorted(wrong)}
        text += _table(name, keys | dict.fromkeys(unknown, "0"))
        expected |= {f"{name}.{key} is" for key in missing | wrong | unknown}
    if not expected:
        assert [preset.name for preset in read(text)] == ["one", "two"]
        return
    with pytest.raises(ZooError) as caught:
        read(text)
    assert len(caught.value.why) == len(expected)
    assert all(any(fault.startswith(start) for fault in caught.value.why) for start in expected)


@pytest.mark.parametrize("name", ["", "a b", "hf://a", "a/b", "a:b", "-a", "ä"])
def test_a_name_must_be_one_that_can_be_typed_and_qualified(read, name):
    with pytest.raises(ZooError, match="is not a name"):
        read("schema = 1\n" + _table(name, REQUIRED))


@pytest.mark.parametrize("text", ["", "schema = 2", "schema = 1\ntiny = 5"])
def test_what_is_no_catalogue_is_refused(read, text):
    with pytest.raises(ZooError, match="The preset catalogue of plugin 'toy' is not valid"):
        read(text)


def test_a_key_with_a_slip_gets_the_right_one(read):
    with pytest.raises(ZooError) as caught:
        read("schema = 1\n" + _table("tiny", REQUIRED | {"mirror": "[]"}))
    assert caught.value.why == ["tiny.mirror is not a key of a preset. Did you mean 'mirrors'?"]


METRIC = {"name": "'accuracy'", "value": "80.5", "dataset": "'d'", "source": "'s'"}


def _inline(keys: dict[str, str]) -> dict[str, str]:
    return REQUIRED | {"metric": "{ " + ", ".join(f"{key} = {value}" for key, value in keys.items()) + " }"}


def test_a_metric_is_read_and_says_what_was_measured_and_how(read):
    (preset,) = read("schema = 1\n" + _table("tiny", _inline(METRIC | {"settings": "'224 px'"})))
    assert (preset.metric.value, preset.metric.source) == (80.5, "s")
    assert str(preset.metric) == "accuracy 80.5 on d (224 px)"
    (plain,) = read("schema = 1\n" + _table("tiny", _inline(METRIC | {"value": "80"})))
    assert str(plain.metric) == "accuracy 80 on d"
    assert read("schema = 1\n" + _table("tiny", REQUIRED))[0].metric is None


@pytest.mark.parametrize("value", ["true", "nan", "inf", "'80'"])
def test_a_metrics_value_is_a_finite_number(read, value):
    with pytest.raises(ZooError) as caught:
        read("schema = 1\n" + _table("tiny", _inline(METRIC | {"value": value})))
    assert caught.value.why == ["tiny.metric.value is not a number"]


def test_all_faults_of_a_metric_are_told_at_once(read):
    keys = {"nam": "'a'", "value": "1", "dataset": "''", "source": "5", "settings": "3"}
    with pytest.raises(ZooError) as caught:
        read("schema = 1\n" + _table("tiny", _inline(keys)))
    assert caught.value.why == [
        "tiny.metric.name is missing",
        "tiny.metric.dataset is not a string, or an empty one",
        "tiny.metric.nam is not a key of a metric. Did you mean 'name'?",
        "tiny.metric.settings is not a string, or an empty one",
        "tiny.metric.source is not a string, or an empty one",
    ]
    with pytest.raises(ZooError) as caught:
        read("schema = 1\n" + _table("tiny", REQUIRED | {"metric": "80"}))
    assert caught.value.why == ["tiny.metric is not a table"]
