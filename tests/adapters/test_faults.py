"""Adapters that do not fit: one error with both sides, and nothing half-loaded."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import zoo
from zoo.errors import ZooError

QUERY = "base_model.model.bert.encoder.layer.0.attention.self.query"


@pytest.fixture
def adapter(bert, tmp_path):
    """An adapter of rank 4 that fits."""
    model = zoo.load(bert)
    model.adapters.add(rank=4, targets="query")
    model.adapters.save(tmp_path / "adapter")
    return tmp_path / "adapter"


def change_tensors(adapter, change) -> None:
    file = adapter / "adapter_model.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)


def change_config(adapter, **keys) -> None:
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))


def refused(base, adapter) -> ZooError:
    """The error, once it is sure that the model it met is as it was."""
    model = zoo.load(base)
    paths = [variable.path for variable in model.variables]
    before = [np.asarray(variable.value) for variable in model.variables]
    with pytest.raises(ZooError) as caught:
        model.adapters.load(adapter)
    assert not model.adapters
    assert [variable.path for variable in model.variables] == paths
    assert all(variable.trainable for variable in model.weights)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.value, value)
    with pytest.raises(ZooError, match="adapter"):
        zoo.load(base, adapter=adapter)
    return caught.value


def test_missing_and_extra_tensors_are_told_together(bert, adapter):
    def change(tensors):
        del tensors[f"{QUERY}.lora_B.weight"]
        tensors["base_model.model.bert.encoder.layer.7.output.dense.lora_A.weight"] = np.zeros((4, 8), np.float32)

    change_tensors(adapter, change)
    error = refused(bert, adapter)
    assert "does not fit" in error.what
    assert any("layer.7" in why and "to nothing in the model" in why for why in error.why)
    assert any("layer.0.attention.self.query.lora_B.weight" in why and "not there" in why for why in error.why)
    assert str(bert) in error.fix


@pytest.mark.parametrize("targets", [["query", "key"], r".*\.(query|key)"])
def test_a_layer_that_the_config_names_and_the_tensors_lack_is_missing(targets, bert, adapter):
    change_config(adapter, target_modules=targets)
    assert any("attention.self.key.lora_A.weight" in why for why in refused(bert, adapter).why)
    for excluded in (["key"], r".*\.key"):
        change_config(adapter, exclude_modules=excluded)
        assert zoo.load(bert, adapter=adapter).adapters


@pytest.mark.parametrize("targets", [["query"], r".*\.query"])
def test_an_adapter_of_a_model_of_fewer_layers(targets, bert, adapter):
    def change(tensors):
        for name in [name for name in tensors if "layer.1" in name]:
            del tensors[name]

    change_config(adapter, target_modules=targets)
    change_tensors(adapter, change)
    assert any("layer.1.attention.self.query.lora_A.weight" in why for why in refused(bert, adapter).why)


def test_another_rank(bert, adapter):
    change_config(adapter, r=8)
    why = refused(bert, adapter).why
    assert len(why) == 4  # two layers, and both of their matrices
    assert any("(4, 32)" in line and "(8, 32)" in line for line in why)


def test_another_model(gemma, adapter):
    assert any("to nothing in the model" in why for why in refused(gemma, adapter).why)


def test_half_of_a_module_that_is_kept_whole(bert, adapter):
    change_tensors(adapter, lambda tensors: tensors.pop("base_model.model.classifier.bias"))
    assert any("classifier.bias" in why for why in refused(bert, adapter).why)


def test_dora_without_magnitudes_and_magnitudes_without_dora(bert, adapter):
    change_config(adapter, use_dora=True)
    assert any("lora_magnitude_vector" in why and "not there" in why for why in refused(bert, adapter).why)
    change_config(adapter, use_dora=False)
    vector = np.ones(32, np.float32)
    change_tensors(adapter, lambda tensors: tensors.update({f"{QUERY}.lora_magnitude_vector": vector}))
    assert any(
        "lora_magnitude_vector" in why and "to nothing in the model" in why for why in refused(bert, adapter).why
    )


def test_a_tensor_that_is_no_number_is_refused_before_anything_is_put_on(bert, adapter):
    change_tensors(adapter, lambda tensors: tensors[f"{QUERY}.lora_A.weight"].fill(np.nan))
    assert "NaN" in refused(bert, adapter).what


def test_every_fault_of_a_config_at_once(bert, adapter):
    change_config(
        adapter,
        r=0,
        lora_alpha="much",
        use_dora=1,
        target_modules={"query": 1},
        exclude_modules="(",
        rank_pattern={"(query|key)+": 3},
        bias="all",
        layer_replication=[[0, 1]],
        init_lora_weights="pissa",
        modules_to_save="classifier",
    )
    told = "\n".join(refused(bert, adapter).why)
    for key in ("r", "lora_alpha", "use_dora", "target_modules", "rank_pattern", "bias", "layer_replication"):
        assert f"{key} = " in told, key
    assert "exclude_modules = '(': a list of module names or a regular expression is needed" in told
    assert "init_lora_weights = 'pissa': the base model was changed" in told
    assert "modules_to_save = " in told


@pytest.mark.parametrize("kind", ["IA3", None])
def test_another_kind_of_adapter(kind, bert, adapter):
    change_config(adapter, peft_type=kind)
    assert "is not LoRA" in refused(bert, adapter).what


def test_a_head_that_the_adapter_knows_otherwise(llama, tmp_path):
    """Of a changed head PEFT writes the base's matrix along."""
    folder, model = tmp_path / "adapter", zoo.load(llama)
    model.adapters.add(rank=4, targets="lm_head")
    model.adapters.save(folder)
    name = "base_model.model.lm_head.base_layer.weight"
    theirs = np.asarray(zoo.load(llama).head.decoder.kernel)

    change_tensors(folder, lambda tensors: tensors.update({name: theirs}))
    zoo.load(llama, adapter=folder)
    change_tensors(folder, lambda tensors: tensors.update({name: theirs + 1}))
    error = refused(llama, folder)
    assert "for another base" in error.what
    assert "lm_head.base_layer.weight' differs" in str(error)
    change_tensors(folder, lambda tensors: tensors.update({name: theirs[1:]}))
    assert "has shape (99, 32)" in str(refused(llama, folder))


def test_what_is_no_adapter(bert, adapter, tmp_path):
    assert "There is no adapter" in refused(bert, tmp_path / "nowhere").what
    (tmp_path / "empty").mkdir()
    assert "is not an adapter" in refused(bert, tmp_path / "empty").what
    assert "zoo.load(" in refused(bert, bert).why[0]
    with pytest.raises(ZooError, match=r"zoo\.load\(BASE, adapter="):
        zoo.load(adapter)
    (adapter / "adapter_model.safetensors").unlink()
    assert "adapter_model.safetensors" in refused(bert, adapter).what


def test_a_torn_file(bert, adapter):
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-5])
    assert "not a sound safetensors file" in refused(bert, adapter).what


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        ("attenton", "Did you mean 'attention'?"),
        ("query,*/nothing/*", "'*/nothing/*' means none"),
        (" , ", "nothing is named"),
    ],
)
def test_targets_that_mean_no_layer(targets, told, bert):
    model = zoo.load(bert)
    with pytest.raises(ZooError) as caught:
        model.adapters.add(targets=targets)
    assert any(told in why for why in caught.value.why)
    assert "backbone/layer_0/attention/query" in caught.value.fix
    assert not model.adapters


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({"rank": 0}, ["rank = 0: a positive whole number is needed"]),
        ({"rank": -1, "dropout": 1.5}, ["rank = -1: a positive whole number", "dropout = 1.5: a share below 1"]),
        ({"rank": 2.0, "alpha": float("nan")}, ["rank = 2.0: a positive whole number", "alpha = nan: a number"]),
    ],
)
def test_numbers_that_cannot_be(numbers, told, bert):
    model = zoo.load(bert)
    before = [variable.path for variable in model.variables]
    with pytest.raises(ZooError) as caught:
        model.adapters.add(**numbers)
    assert [line[: len(start)] for line, start in zip(caught.value.why, told, strict=True)] == told
    assert not model.adapters
    assert [variable.path for variable in model.variables] == before
    assert all(variable.trainable for variable in model.weights)


def test_nothing_is_written_where_something_is_already(bert, adapter):
    before = {path.name: path.read_bytes() for path in adapter.iterdir()}
    model = zoo.load(bert, adapter=adapter)
    with pytest.raises(ZooError, match="is already there"):
        model.adapters.save(adapter)
    assert {path.name: path.read_bytes() for path in adapter.iterdir()} == before
