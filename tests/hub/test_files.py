"""zoo.hub.files"""

from __future__ import annotations

import json

import pytest

from zoo.errors import ZooError
from zoo.hub.files import CONFIG, WEIGHTS, WEIGHTS_INDEX, Files, local_files, read_weight_map, wanted

SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


def write(folder, **content: str) -> Files:
    paths = {}
    for name, text in content.items():
        paths[name] = folder / name
        paths[name].write_text(text, encoding="utf-8")
    return Files(paths, "the toy")


def test_only_listed_files_can_be_opened(tmp_path):
    files = write(tmp_path, a="{}")
    (tmp_path / "b").write_text("{}")
    assert "a" in files
    assert "b" not in files
    assert files.path("a") == tmp_path / "a"
    for name in ("b", "../a", str(tmp_path / "b")):
        with pytest.raises(ZooError, match="the toy has no file"):
            files.path(name)


def test_json_is_parsed_and_a_mapping_may_be_missing(tmp_path):
    files = write(tmp_path, a='{"x": [1]}', b="[]")
    assert files.json("a") == {"x": [1]}
    assert files.mapping("a") == {"x": [1]}
    assert files.mapping("c") == {}
    with pytest.raises(ZooError, match="b of the toy is not a JSON object"):
        files.mapping("b")
    with pytest.raises(ZooError, match="the toy has no file 'c'"):
        files.json("c")


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "[" * 100_000])
def test_what_is_not_json_is_refused(tmp_path, text):
    with pytest.raises(ZooError, match="a of the toy is not valid JSON"):
        write(tmp_path, a=text).json("a")


def test_bytes_that_are_not_text_and_files_that_are_gone_are_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff{}")
    files = Files({"a": tmp_path / "a", "b": tmp_path / "b"}, "the toy")
    with pytest.raises(ZooError, match="not valid JSON"):
        files.json("a")
    with pytest.raises(ZooError, match="cannot be read"):
        files.json("b")


def test_one_file_of_weights_or_every_shard_of_the_index(tmp_path):
    assert write(tmp_path, **{WEIGHTS: "", WEIGHTS_INDEX: ""}).weights() == [tmp_path / WEIGHTS]
    index = json.dumps({"weight_map": {"a": SHARDS[1], "b": SHARDS[0], "c": SHARDS[1]}})
    files = write(tmp_path, **{WEIGHTS_INDEX: index, SHARDS[0]: "", SHARDS[1]: ""})
    assert files.weights() == [tmp_path / name for name in SHARDS]
    with pytest.raises(ZooError, match="the toy has no weights") as caught:
        write(tmp_path, a="").weights()
    assert "safetensors only" in caught.value.why[0]


def test_a_shard_that_is_not_listed_is_not_opened(tmp_path):
    index = json.dumps({"weight_map": {"a": SHARDS[0]}})
    (tmp_path / SHARDS[0]).touch()
    with pytest.raises(ZooError, match="has no file"):
        write(tmp_path, **{WEIGHTS_INDEX: index}).weights()


@pytest.mark.parametrize(
    "name",
    [
        "../model.safetensors",
        "/etc/model.safetensors",
        "a/b.safetensors",
        "",
        "..",
        ".",
        "model.bin",
        5,
        None,
        ["a"],
    ],
)
def test_an_index_cannot_lead_out_of_its_folder(name):
    with pytest.raises(ZooError, match="names files that are not shards"):
        read_weight_map({"weight_map": {"a": SHARDS[0], "b": name}}, "the toy")


@pytest.mark.parametrize(
    "index", [None, [], "", {}, {"weight_map": {}}, {"weight_map": [SHARDS[0]]}, {"weight_map": 1}]
)
def test_an_index_without_a_map_is_refused(index):
    with pytest.raises(ZooError, match="has no weight_map"):
        read_weight_map(index, "the toy")


def test_of_a_repository_only_what_zoo_reads_is_wanted():
    names = ["README.md", "pytorch_model.bin", "onnx/model.safetensors", "x/model-1-of-2.safetensors", "a.py"]
    assert wanted([*names, "vocab.txt", WEIGHTS, *SHARDS, WEIGHTS_INDEX, CONFIG]) == [CONFIG, WEIGHTS, "vocab.txt"]
    assert wanted([*names, *SHARDS[::-1], WEIGHTS_INDEX, CONFIG]) == [CONFIG, WEIGHTS_INDEX, *SHARDS]
    assert wanted(names) == []
    templates = ["chat_template.jinja", "additional_chat_templates/rag.jinja"]
    assert wanted([*templates, "other/rag.jinja", "additional_chat_templates/a/b.jinja"]) == templates


def test_a_folder_gives_its_files_without_a_search_below(tmp_path):
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in (CONFIG, WEIGHTS, "1_Pooling/config.json", "notes.txt", "deep/er/vocab.txt"):
        (tmp_path / name).touch()
    (tmp_path / "tokenizer.json").mkdir()
    files = local_files(tmp_path)
    assert files.paths == {name: tmp_path / name for name in (CONFIG, WEIGHTS, "1_Pooling/config.json")}
    assert files.origin == str(tmp_path)
