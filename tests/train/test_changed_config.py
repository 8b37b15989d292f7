"""zoo.train.changed_config: a recipe changes keys of the config of the checkpoint that it starts from."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.errors import ZooError
from zoo.hub.description import PRETRAINED
from zoo.loading import build, described, locate
from zoo.testing import tiny_decoder
from zoo.train.changed_config import own_config, with_changes

CONFIG = {
    "architecture": "resnet10t",
    "num_classes": 2,
    "model_args": {"channels": [8, 8, 8, 8], "stem_width": 8},
    "pretrained_cfg": {"input_size": [3, 64, 64], "crop_pct": 1.0, "mean": [0.5, 0.5, 0.5]},
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "net"
    model = build(described("resnet", CONFIG), task="image-classification", labels=["a", "b"], weights="random")
    model.save_pretrained(folder)
    return folder


def test_tables_are_changed_key_by_key_and_the_rest_stays(checkpoint):
    found = locate(str(checkpoint))
    changes = {"pretrained_cfg": {"input_size": [3, 32, 32]}, "model_args": {"drop_path_rate": 0.2}}
    changed = with_changes(found, changes)
    before, after = found.source, changed.source
    assert after["pretrained_cfg"] == before["pretrained_cfg"] | changes["pretrained_cfg"]
    assert after["model_args"] == before["model_args"] | changes["model_args"]
    model = build(changed)
    assert (model.config.drop_path_rate, model.preprocess.settings.size) == (0.2, (32, 32))
    for one, other in zip(model.weights, build(found).weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_no_changes_are_no_change(checkpoint):
    found = locate(str(checkpoint))
    assert with_changes(found, {}) is found


@pytest.mark.parametrize(
    ("model", "changes", "told"),
    [
        ("timm", {"drop_path_rate": 0.1}, "model.config.drop_path_rate is no key of it."),
        ("timm", {"model_arg": {}}, "Did you mean 'model_args'?"),
        (
            "timm",
            {"pretrained_cfg": {"input_sise": [3, 32, 32]}},
            "model.config.pretrained_cfg.input_sise is no key of it. Did you mean 'input_size'?",
        ),
        ("transformers", {"hiden_act": "relu"}, "Did you mean 'hidden_act'?"),
        ("transformers", {"pretrained_cfg": {"input_size": [3, 32, 32]}}, "pretrained_cfg is no key of it."),
    ],
)
def test_keys_that_would_change_nothing_are_refused(model, changes, told, checkpoint, tmp_path):
    folder = checkpoint
    if model == "transformers":
        folder = tmp_path
        (folder / "config.json").write_text(json.dumps({"model_type": "resnet", "depths": [1]}))
    with pytest.raises(ZooError) as caught:
        with_changes(locate(str(folder), "random"), changes)
    assert any(told in why for why in caught.value.why)


ROPES = {
    "yarn": {
        "factor": 2.0,
        "beta_fast": 32,
        "beta_slow": 1,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
        "truncate": False,
    },
    "llama3": {"factor": 2.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
    "longrope": {"short_factor": [1.0] * 4, "long_factor": [2.0] * 4, "attention_factor": 1.0},
}


@pytest.mark.parametrize("kind", ROPES)
def test_every_key_of_a_rotary_embedding_may_be_changed(kind, tmp_path):
    found = locate(str(tiny_decoder(tmp_path / "model", ["some words"])), "random")
    table = {"rope_type": kind, "rope_theta": 100.0, "original_max_position_embeddings": 64, **ROPES[kind]}
    rope = build(with_changes(found, {"rope_parameters": table}), weights="random").config.ropes["full_attention"]
    assert (rope.kind, rope.theta) == (kind, 100.0)


def test_a_misspelt_key_of_a_rotary_embedding_is_refused(tmp_path):
    found = locate(str(tiny_decoder(tmp_path / "model", ["some words"])), "random")
    for table in ("rope_parameters", "rope_scaling"):
        with pytest.raises(ZooError) as caught:
            with_changes(found, {table: {"rope_type": "linear", "facto": 2.0}})
        assert caught.value.why == [f"model.config.{table}.facto is no key of it. Did you mean 'factor'?"]


@pytest.mark.parametrize(
    ("architecture", "config", "told"),
    [
        ("llama", {"hiden_size": 8, "rope_scaling": {"facto": 2}}, ["hiden_size", "rope_scaling.facto"]),
        (
            "gemma3_text",
            {"rope_parameters": {"sliding_atention": {}, "full_attention": {"facto": 2}, "rope_theta": 9.0}},
            ["rope_parameters.sliding_atention", "rope_parameters.full_attention.facto"],
        ),
        (
            "resnet",
            CONFIG | {"pretrained_cfg": {"men": [0]}, "drop_path_rate": 0.1},
            ["pretrained_cfg.men", "drop_path_rate"],
        ),
    ],
)
def test_all_keys_of_a_new_model_that_nothing_reads_are_told_at_once(architecture, config, told):
    with pytest.raises(ZooError) as caught:
        own_config(architecture, config)
    assert [why.split()[0] for why in caught.value.why] == [f"model.config.{key}" for key in told]


def test_what_every_checkpoint_says_may_stand_in_a_new_model_s_config():
    said = {"model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"], "torch_dtype": "float32"}
    read = {"_sliding_window_pattern": 2, "quantization_config": None, "hidden_size": 8}
    assert own_config("gemma3_text", said | read).source == said | read
    assert own_config("resnet", CONFIG).source == CONFIG
    old = {"architecture": "resnet18", "input_size": [3, 64, 64]}  # before timm had pretrained_cfg
    assert own_config("resnet", old).source == old


def test_what_is_read_of_pretrained_cfg_may_be_changed(checkpoint, monkeypatch):
    read = set()

    class Watched(dict):
        def get(self, key, default=None):
            read.add(key)
            return super().get(key, default)

    found = locate(str(checkpoint))
    config = {"pretrained_cfg": Watched(found.source["pretrained_cfg"])}
    monkeypatch.setattr("zoo.train.changed_config._merged", lambda source, changes: {**source, **changes})
    build(with_changes(found, config))
    assert {"input_size", "crop_mode", "global_pool", "num_classes"} <= read <= {*PRETRAINED}


def test_a_run_trains_and_keeps_the_changed_model(checkpoint, tmp_path):
    for name, colour in {"a": (200, 0, 0), "b": (0, 0, 200)}.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        for n in range(6):
            Image.new("RGB", (40, 40), (*colour[:2], colour[2] + n)).save(tmp_path / "data" / name / f"{n}.png")
    run = zoo.finetune(
        str(checkpoint),
        data=tmp_path / "data",
        output=tmp_path / "run",
        overrides=["model.config.pretrained_cfg.input_size=[3, 32, 32]", "train.steps=1", "train.batch_size=4"],
    )
    assert run.model().preprocess.settings.size == (32, 32)
    assert json.loads((run.path / "model/config.json").read_text())["pretrained_cfg"]["input_size"] == [3, 32, 32]
