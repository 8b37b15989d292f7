"""ResNet against transformers' on the same random weights: logits, feature maps and running statistics."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import torch
import transformers
from zoo_resnet.config import ResNetConfig
from zoo_resnet.model import ImageHead, ResNetBackbone
from zoo_resnet.weights import transformers_layout

from zoo.errors import ZooError
from zoo.weights import Checkpoint
from zoo.weights.build import build, variable_path
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


class Network(keras.Model):
    """Backbone and head under the names that the layout knows them by."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__(name="model")
        self.backbone = ResNetBackbone(config, name="backbone")
        self.head = ImageHead(config, LABELS, name="head")

    def build(self, input_shape=None):
        self.backbone.build()
        self.head.build()
        self.built = True

    def call(self, arrays, training=False):
        return self.head(self.backbone(arrays, training=training), training=training)


def reference(**settings):
    """A model of transformers, random in every number, running statistics too."""
    torch.manual_seed(7)
    model = transformers.ResNetForImageClassification(transformers.ResNetConfig(num_labels=LABELS, **settings))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                for tensor, mean in ((module.weight, 1.0), (module.bias, 0.0), (module.running_mean, 0.0)):
                    tensor.normal_(mean, 0.1)
                module.running_var.uniform_(0.5, 1.5)
    return model.eval()


def loaded(model, folder: Path):
    model.save_pretrained(folder)
    config = ResNetConfig.read(model.config.to_dict(), "the test")
    layout = transformers_layout(config, "image-classification")
    network, audit = build(
        lambda: _built(config), layout, Checkpoint([folder / "model.safetensors"], str(folder)), seed=0
    )
    assert not audit.fresh
    return network, layout


def _built(config):
    network = Network(config)
    network.build()
    return network


def images(size, channels=3, batch=3):
    return np.random.default_rng(1).normal(size=(batch, *size, channels)).astype(np.float32)


def theirs(x):
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy())


def close(ours, tensor, tolerance=1e-5):
    array = tensor.detach().numpy()
    array = array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
    assert ours.shape == array.shape
    np.testing.assert_allclose(np.asarray(ours), array, atol=tolerance * max(1.0, np.abs(array).max()), rtol=0)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_logits_and_the_maps_of_every_stage_are_the_reference_s(variant, size, tmp_path):
    model = reference(**TINY | variant)
    network, _ = loaded(model, tmp_path)
    x = images(size, variant.get("num_channels", 3))
    with torch.no_grad():
        told = model(theirs(x), output_hidden_states=True)
    close(network({"pixel_values": x}), told.logits)
    maps = network.backbone.feature_maps({"pixel_values": x})
    assert len(maps) == len(told.hidden_states) - 1
    for ours, hidden in zip(maps, told.hidden_states[1:], strict=True):
        close(ours, hidden)


@pytest.mark.parametrize("layer_type", ["basic", "bottleneck"])
def test_training_mode_gives_the_same_logits_and_moves_the_statistics_equally(layer_type, tmp_path):
    model = reference(**TINY, layer_type=layer_type)
    network, layout = loaded(model, tmp_path)
    model.train()
    for step in range(3):
        x = images((40, 33), batch=4) + step
        close(network({"pixel_values": x}, training=True), model(theirs(x)).logits)
    state = model.state_dict()
    for variable in network.weights:
        rule, numbers = layout.rule(variable_path(network, variable))
        tensor = state[next(layout.names(rule, numbers))].numpy()
        np.testing.assert_allclose(rule.op.save(np.asarray(variable)), tensor, atol=1e-5, err_msg=variable.path)


def test_frozen_norms_keep_their_statistics_in_training(tmp_path):
    network, _ = loaded(reference(**TINY), tmp_path)
    network.backbone.trainable = False
    before = [np.asarray(v).copy() for v in network.backbone.weights]
    x = images((40, 40))
    np.testing.assert_array_equal(network({"pixel_values": x}, training=True), network({"pixel_values": x}))
    for variable, value in zip(network.backbone.weights, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)


@pytest.mark.parametrize(
    ("layer_type", "depths", "sizes"),
    [("basic", [2, 2, 2, 2], [64, 128, 256, 512]), ("bottleneck", [3, 4, 6, 3], [256, 512, 1024, 2048])],
    ids=["18", "50"],
)
def test_at_full_depth_the_logits_are_within_1e_4(layer_type, depths, sizes, tmp_path):
    model = reference(layer_type=layer_type, depths=depths, hidden_sizes=sizes)
    network, _ = loaded(model, tmp_path)
    x = images((97, 97), batch=2)
    with torch.no_grad():
        close(network({"pixel_values": x}), model(theirs(x)).logits, tolerance=1e-4)


def test_every_tensor_goes_back_under_its_name_bit_for_bit(tmp_path):
    model = reference(**TINY)
    network, layout = loaded(model, tmp_path)
    written = tensors_of(network, layout)
    state = {name: t for name, t in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    assert set(written) == set(state)
    for name, tensor in written.items():
        np.testing.assert_array_equal(tensor.numbers(), state[name].numpy())


def test_a_config_s_faults_are_told_together():
    source = {"layer_type": "dense", "hidden_sizes": [8, "16"], "depths": [1], "embedding_size": 0}
    with pytest.raises(ZooError) as told:
        ResNetConfig.read(source, "the test")
    for word in ("layer_type", "hidden_sizes", "2 stages", "embedding_size"):
        assert word in str(told.value)
