"""`zoo list`, `zoo show` and `zoo plugins`: what is known, without loading anything."""

from __future__ import annotations

import json

import pytest


def test_presets_in_a_table(zoo):
    shown = zoo("list")
    assert shown.code == 0
    header, *rows = shown.out.splitlines()
    assert header.split() == ["PRESET", "TASK", "LICENSE", "DESCRIPTION"]
    names = [row.split()[0] for row in rows]
    assert names == sorted(names)
    assert {"minilm_l6", "bert_base", "bert_base_cased", "bert_large", "bge_small", "bge_base"} <= set(names)


def test_presets_as_json(zoo):
    rows = {row["name"]: row for row in zoo("list", "--json").json}
    row = rows["minilm_l6"]
    assert row["source"] == "hf://sentence-transformers/all-MiniLM-L6-v2"
    assert (row["plugin"], row["architecture"], row["license"]) == ("bert", "bert", "apache-2.0")
    assert row["parameters"] == 22713216
    assert "text-classification" in row["tasks"]
    assert rows["bert_large"]["parameters"] is None


def test_presets_that_can_do_a_task(zoo):
    everything = zoo("list", "--json").json
    assert zoo("list", "--task", "fill-mask", "--json").json == [r for r in everything if "fill-mask" in r["tasks"]]


def test_a_task_that_is_not_there(zoo):
    told = zoo("list", "--task", "text-clasification", "--json")
    assert (told.code, told.out) == (2, "")
    assert "There is no task 'text-clasification'. Did you mean 'text-classification'?" in told.err


def test_what_a_preset_is_pinned_to(zoo):
    facts = zoo("show", "minilm_l6", "--json").json
    assert facts["name"] == "bert:minilm_l6"
    assert len(facts["commit"]) == 40
    assert facts["files"]["model.safetensors"]["size"] == 90868376
    assert len(facts["files"]["model.safetensors"]["sha256"]) == 64
    shown = zoo("show", "bert:minilm_l6")
    assert shown.code == 0
    assert facts["commit"] in shown.out
    assert f"sha256 {facts['files']['model.safetensors']['sha256']}" in shown.out


@pytest.mark.parametrize("command", ["show", "pull"])
def test_a_preset_that_is_not_there(zoo, command):
    told = zoo(command, "bert_bse", "--json")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("error: There is no preset 'bert_bse'. Did you mean 'bert_base'?\n")
    assert "'zoo list' shows them all." in told.err


def test_plugins(zoo):
    rows = {row["name"]: row for row in zoo("plugins", "--json").json}
    assert rows["bert"]["architectures"] == ["bert"]
    assert rows["datasets"]["datasets"] == ["docstrings", "digits", "functions"]
    assert not [row for row in rows.values() if row["error"]]
    shown = zoo("plugins")
    assert shown.out.splitlines()[0].split() == ["PLUGIN", "FROM", "OFFERS"]
    assert "docstrings" in shown.out


@pytest.fixture
def presets_alone(install):
    """A plugin of one preset, `ahead`, whose architecture no plugin has."""
    catalogue = """schema = 1
[ahead]
architecture = "yet_to_come"
task = "text-generation"
description = "of a family that is not there"
license = "unknown"
source = "hf://org/ahead"
"""
    lock = json.dumps({"ahead": {"commit": "a" * 40, "files": {}}})
    files = {"toys.toml": catalogue, "toys.lock.json": lock}
    install("toys", 'schema = 1\npresets = ["zoo_toys:toys.toml"]\n', files=files)


def test_presets_without_an_installed_architecture_are_counted_and_shown_on_request(zoo, presets_alone):
    shown = zoo("list")
    assert "ahead" not in shown.out
    assert "1 more are pinned, and no installed plugin loads them: zoo list --all" in shown.err
    everything = {row["name"]: row for row in zoo("list", "--all", "--json").json}
    assert everything["ahead"]["loadable"] is False
    assert everything["minilm_l6"]["loadable"] is True
    assert {row["name"] for row in zoo("list", "--json").json} == {
        n for n, r in everything.items() if r["loadable"]
    }
    assert "[not loadable yet]" in zoo("list", "--all").out


def test_a_plugin_of_presets_alone_is_a_row_that_counts_them(zoo, presets_alone):
    row = next(row for row in zoo("plugins", "--json").json if row["name"] == "toys")
    assert (row["architectures"], row["presets"]) == ([], ["ahead"])
    assert "1 preset" in zoo("plugins").out


def test_a_missing_architecture_is_a_note(zoo, presets_alone):
    done = zoo("plugins", "check", "toys")
    assert done.code == 0
    assert done.out.startswith("toys (zoo-toys ")
    assert "note: ahead: No installed plugin has an architecture 'yet_to_come'." in done.out


def test_what_is_not_pinned_is_said(zoo):
    shown = zoo("show", "efficientnet_b1").out
    assert "config.json: no hash is known here; the Hub's own record of the commit decides" in shown
    assert "top-1 accuracy 77.592 on ImageNet-1k val (224 px, crop 0.875, bicubic)" in shown
    assert "Every file: no hash is known here" in zoo("show", "gemma_7b").out
    assert zoo("show", "resnet50", "--json").json["metric"]["value"] == 80.382
    assert "tolerance 1e-05" in zoo("show", "minilm_l6").out


def test_an_architecture_that_is_not_installed_is_told_before_anything_is_fetched(presets_alone):
    from zoo.errors import ZooError
    from zoo.loading import load

    with pytest.raises(ZooError, match="No installed plugin has an architecture 'yet_to_come'"):
        load("ahead")
