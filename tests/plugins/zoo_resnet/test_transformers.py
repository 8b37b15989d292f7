"""ResNet against transformers' on the same random weights: logits, feature maps and running statistics."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import transformers
from zoo_resnet.config import ResNetConfig

import zoo
from tests.references.compiled import outputs, trainer
from tests.references.torch_images import calibrated, channels_first, close, images, randomise
from zoo.errors import ZooError
from zoo.weights.build import variable_path
from zoo.weights.export import tensors_of

LABELS = 5
TINY = {"embedding_size": 8, "hidden_sizes": [16, 24, 32], "depths": [2, 1, 2]}
VARIANTS = {
    "bottleneck v1.5": {"layer_type": "bottleneck"},
    "bottleneck v1": {"layer_type": "bottleneck", "downsample_in_bottleneck": True},
    "basic": {"layer_type": "basic"},
    "first stage strides": {"layer_type": "basic", "downsample_in_first_stage": True},
    "another activation": {"layer_type": "bottleneck", "hidden_act": "gelu"},
    "another activation, basic": {"layer_type": "basic", "hidden_act": "gelu"},
    "one channel": {"layer_type": "basic", "num_channels": 1},
    "first stage of the stem's width": {"layer_type": "basic", "hidden_sizes": [8, 16, 32]},
}
SIZES = {"square": (64, 64), "odd": (61, 45), "small": (33, 17)}


def reference(**settings):
    torch.manual_seed(7)
    config = transformers.ResNetConfig(num_labels=LABELS, **settings)
    return randomise(transformers.ResNetForImageClassification(config))


def layout_of(model):
    return model.record.layouts[model.layout](model.config, model.task)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_logits_and_the_maps_of_every_stage_are_the_reference_s(variant, tmp_path):
    told = reference(**TINY | variant)
    told.save_pretrained(tmp_path)
    model = zoo.load(tmp_path)
    for size in SIZES.values():
        x = images(size, variant.get("num_channels", 3))
        logits, maps = outputs(model, x)
        with torch.no_grad():
            out = told(channels_first(x), output_hidden_states=True)
        close(logits, out.logits)
        assert len(maps) == len(out.hidden_states) - 1
        for ours, hidden in zip(maps, out.hidden_states[1:], strict=True):
            close(ours, hidden)


@pytest.mark.parametrize("layer_type", ["basic", "bottleneck"])
def test_training_mode_gives_the_same_logits_and_moves_the_statistics_equally(layer_type, tmp_path):
    told = reference(**TINY, layer_type=layer_type)
    told.save_pretrained(tmp_path)
    model = zoo.load(tmp_path)
    layout = layout_of(model)
    told.train()
    train = trainer(model)
    for step in range(3):
        x = images((40, 33), batch=4) + step
        close(train(x), told(channels_first(x)).logits)
    state = told.state_dict()
    for variable in model.weights:
        rule, numbers = layout.rule(variable_path(model, variable))
        tensor = state[next(layout.names(rule, numbers))].numpy()
        np.testing.assert_allclose(rule.op.save(np.asarray(variable)), tensor, atol=1e-5, err_msg=variable.path)


def test_frozen_norms_keep_their_statistics_in_training(tmp_path):
    reference(**TINY).save_pretrained(tmp_path)
    model = zoo.load(tmp_path)
    model.backbone.trainable = False
    before = [np.asarray(v).copy() for v in model.backbone.weights]
    x = images((40, 40))
    np.testing.assert_array_equal(model({"pixel_values": x}, training=True), model({"pixel_values": x}))
    for variable, value in zip(model.backbone.weights, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)


@pytest.mark.parametrize(
    ("layer_type", "depths", "sizes"),
    [("basic", [2, 2, 2, 2], [64, 128, 256, 512]), ("bottleneck", [3, 4, 6, 3], [256, 512, 1024, 2048])],
    ids=["18", "50"],
)
def test_at_full_depth_the_logits_are_within_1e_4(layer_type, depths, sizes, tmp_path):
    told = reference(layer_type=layer_type, depths=depths, hidden_sizes=sizes)
    told = calibrated(told, images((96, 96), batch=8))
    told.save_pretrained(tmp_path)
    x = images((97, 97), batch=2)
    with torch.no_grad():
        close(outputs(zoo.load(tmp_path), x)[0], told(channels_first(x)).logits, tolerance=1e-4)


def test_every_tensor_goes_back_under_its_name_bit_for_bit(tmp_path):
    told = reference(**TINY)
    told.save_pretrained(tmp_path)
    model = zoo.load(tmp_path)
    written = tensors_of(model, layout_of(model))
    state = told.state_dict()
    assert set(written) == set(state)
    for name, tensor in written.items():
        np.testing.assert_array_equal(tensor.numbers(), state[name].numpy())


def test_transformers_reads_what_is_saved_without_a_complaint(tmp_path):
    told = reference(**TINY)
    told.save_pretrained(tmp_path / "given")
    model = zoo.load(tmp_path / "given", labels=["a", "b", "c"])
    model.save_pretrained(tmp_path / "saved")
    again, loading = transformers.AutoModelForImageClassification.from_pretrained(
        tmp_path / "saved", output_loading_info=True
    )
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    assert again.config.id2label == {0: "a", 1: "b", 2: "c"}
    x = images((50, 40))
    with torch.no_grad():
        close(model({"pixel_values": x}), again.eval()(channels_first(x)).logits)


def test_a_bare_model_embeds_as_the_reference_pools(tmp_path):
    told = reference(**TINY)
    told.save_pretrained(tmp_path / "whole")
    told.resnet.save_pretrained(tmp_path / "bare")
    x = images((48, 48))
    with torch.no_grad():
        expected = told.resnet(channels_first(x))
    for folder in ("whole", "bare"):
        model = zoo.load(tmp_path / folder, task="feature-extraction")
        close(model({"pixel_values": x}), expected.last_hidden_state)
        pooled = model._pooled(model({"pixel_values": x}), {})
        close(pooled, expected.pooler_output.flatten(1))
    model.save_pretrained(tmp_path / "saved")
    assert json.loads((tmp_path / "saved/config.json").read_text())["architectures"] == ["ResNetModel"]
    _, loading = transformers.AutoModel.from_pretrained(tmp_path / "saved", output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]


def test_a_config_s_faults_are_told_together():
    source = {"layer_type": "dense", "hidden_sizes": [8, "16"], "depths": [1], "embedding_size": 0}
    with pytest.raises(ZooError) as told:
        ResNetConfig.read(source, "the test")
    for word in ("layer_type", "hidden_sizes", "2 stages", "embedding_size"):
        assert word in str(told.value)
