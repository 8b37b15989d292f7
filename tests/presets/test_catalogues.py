"""The shipped presets: every one pinned, by facts that can be checked"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from zoo.hub.check import check
from zoo.hub.files import CONFIG, wanted
from zoo.hub.source import Source
from zoo.hub.verify import difference
from zoo.registry.code import find_architecture, qualified_architecture, tasks_of
from zoo.registry.plugins import plugins
from zoo.registry.presets import PinnedFile, Preset, find_preset, presets, read_lock
from zoo.tasks import task_model
from zoo.weights.reader import Checkpoint

FOLDER = Path(__file__).parents[2] / "presets"
CATALOGUES = sorted(FOLDER.glob("*.toml"))
SHIPPED = [preset for preset in presets() if preset.catalogue.parent == FOLDER]
# SPDX identifiers, and the two words for what has none.
LICENCES = re.compile(r"[a-z0-9][a-z0-9.+-]*|unknown|other")

LOADABLE = [preset for preset in SHIPPED if tasks_of(preset)]

each = pytest.mark.parametrize("preset", SHIPPED, ids=lambda preset: preset.name)
each_loadable = pytest.mark.parametrize("preset", LOADABLE, ids=lambda preset: preset.name)


def test_every_catalogue_is_used_and_has_a_lock_with_the_same_names():
    assert {preset.catalogue for preset in SHIPPED} == set(CATALOGUES)
    for path in CATALOGUES:
        locked = json.loads(path.with_suffix(".lock.json").read_text(encoding="utf-8"))
        assert set(locked) == {preset.name for preset in SHIPPED if preset.catalogue == path}
    assert {path.name for path in FOLDER.glob("*.lock.json")} == {f"{path.stem}.lock.json" for path in CATALOGUES}


def test_the_promised_presets_are_there_and_no_name_is_there_twice():
    names = [preset.name for preset in SHIPPED]
    assert len(set(names)) == len(names)
    assert set(names) >= {"minilm_l6", "bert_base", "bert_base_cased", "bert_large", "bge_small", "bge_base"}


@pytest.mark.parametrize("row", plugins(), ids=lambda row: row.name)
def test_every_plugin_passes_its_check(row):
    assert check(row).faults == []


@each_loadable
def test_a_preset_names_what_exists(preset: Preset):
    (manifest,) = [row.manifest for row in plugins() if row.name == preset.plugin and row.manifest]
    entry = manifest.architectures[preset.architecture]
    record = find_architecture(qualified_architecture(preset.architecture, preset.plugin))
    assert task_model(preset.task, "text") or task_model(preset.task, "image")
    assert preset.task in entry.tasks
    assert set(record.heads) == set(entry.tasks)
    assert preset.layout in record.layouts


@each
def test_a_preset_tells_where_it_comes_from(preset: Preset):
    assert LICENCES.fullmatch(preset.license)
    assert preset.description
    assert not preset.description.endswith(".")
    assert Source.parse(preset.source).scheme == "hf"
    assert not Source.parse(preset.source).revision
    for mirror in preset.mirrors:
        Source.parse(mirror)


@each
def test_a_lock_pins_a_commit_and_the_files_that_zoo_reads(preset: Preset):
    lock = read_lock(preset)
    names = set(lock.files)
    assert re.fullmatch(r"[0-9a-f]{40}", lock.commit)
    assert names == set(wanted(names))
    if not names:
        return  # those that the Hub lists at the commit
    assert CONFIG in names
    assert any(name.endswith(".safetensors") for name in names)
    if preset.architecture in ("bert", "gemma"):
        assert "tokenizer.json" in names


@each
def test_weights_that_are_pinned_have_the_size_of_the_parameters(preset: Preset):
    for name, file in read_lock(preset).files.items():
        if name == "model.safetensors" and file.size and preset.parameters:
            # Weights are at least half floats, and a header is small beside them.
            assert 2 * preset.parameters < file.size < 4 * preset.parameters + 1_000_000


def test_the_presets_of_each_family_are_there():
    names = {preset.name for preset in SHIPPED}
    assert names >= {"resnet18", "resnet50", "efficientnet_b0", "efficientnetv2_s"}
    assert names >= {"gemma_2b_it", "gemma2_2b", "gemma2_2b_it", "gemma3_270m", "gemma3_1b", "gemma3_1b_it"}
    assert find_preset("resnet50").metric.value == 80.382
    assert {preset.license for preset in SHIPPED if preset.plugin == "gemma"} == {"gemma"}


def test_equal_content_is_pinned_by_equal_hashes():
    pinned = [file for preset in SHIPPED for file in read_lock(preset).files.values()]
    for one in pinned:
        for other in pinned:
            if one.sha256 and one.sha256 == other.sha256:
                assert one.size == other.size
                assert one.git_oid is None or other.git_oid is None or one.git_oid == other.git_oid


def test_the_lock_of_the_real_checkpoint_fits_every_one_of_its_files(minilm: Path):
    preset = find_preset("minilm_l6")
    for name, file in read_lock(preset).files.items():
        assert difference(minilm / name, file) == ""
        if file.git_oid:
            assert difference(minilm / name, PinnedFile(None, None, file.git_oid)) == ""
    weights = Checkpoint([minilm / "model.safetensors"], "MiniLM")
    assert preset.parameters == weights.parameters
