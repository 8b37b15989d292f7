"""EfficientNet, lite and version 2 against timm's on the same random weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from zoo_efficientnet.config import EfficientNetConfig

import zoo
from tests.references.compiled import outputs, timm_shapes, trainer
from tests.references.timm_models import (
    BatchNormAct2d,
    Conv2dSame,
    SqueezeExcite,
    every_day,
    read_back,
    saved,
    timm,
)
from tests.references.torch_images import calibrated, channels_first, close, images, randomise
from zoo.errors import ZooError

EVERY_NAME = [
    *(f"{tf}efficientnet_b{n}" for tf in ("", "tf_") for n in range(9)),
    *(f"{tf}efficientnet_l2" for tf in ("", "tf_")),
    *(f"{tf}efficientnet_lite{n}" for tf in ("", "tf_") for n in range(5)),
    *(f"{tf}efficientnetv2_{size}" for tf in ("", "tf_") for size in ("s", "m", "l", "xl")),
    *(f"tf_efficientnetv2_b{n}" for n in range(4)),
    *("efficientnetv2_rw_t", "efficientnetv2_rw_s", "efficientnetv2_rw_m"),
]
# One of each plan and kind of padding, at other sizes than those that are computed.
EVERY_DAY = [
    *("efficientnet_b5", "tf_efficientnet_b7", "tf_efficientnet_l2", "efficientnet_lite4", "tf_efficientnet_lite0"),
    *("efficientnetv2_s", "tf_efficientnetv2_xl", "tf_efficientnetv2_b3", "efficientnetv2_rw_m"),
]
# Every plan there is, with either kind of padding, scaled and not; the other names have no path of their own.
COMPUTED = [
    pytest.param("efficientnet_b0", marks=pytest.mark.optimized),
    *("efficientnetv2_rw_t", "tf_efficientnet_b1", "tf_efficientnet_lite1"),
    *("tf_efficientnetv2_s", "tf_efficientnetv2_b0"),
]


def reference(name, **args):
    torch.manual_seed(7)
    return randomise(timm.create_model(name, num_classes=5, **args))


@pytest.mark.parametrize("name", COMPUTED)
def test_at_full_depth_logits_and_the_maps_of_every_stage_are_timm_s(name, tmp_path):
    told = calibrated(reference(name), images((72, 72), batch=8))
    saved(told, tmp_path)
    model = zoo.load(tmp_path)
    for size in ((64, 64), (61, 45)):
        x = images(size, batch=2)
        logits, ours = outputs(model, x)
        with torch.no_grad():
            maps = told.forward_intermediates(channels_first(x), intermediates_only=True)
            close(logits, told(channels_first(x)), tolerance=1e-4)
        assert len(ours) == len(maps)
        for mine, theirs in zip(ours, maps, strict=True):
            close(mine, theirs, tolerance=1e-4)


@pytest.mark.parametrize("name", ["efficientnet_b0", "tf_efficientnetv2_b0"])
def test_training_mode_moves_the_statistics_as_timm_does_and_timm_reads_the_result(name, tmp_path):
    told = reference(name)
    saved(told, tmp_path / "given")
    model = zoo.load(tmp_path / "given")
    told.train()
    train = trainer(model)
    for step in range(2):
        x = images((40, 33), batch=8) + step
        close(train(x), told(channels_first(x)), tolerance=1e-4)
    model.save_pretrained(tmp_path / "saved")
    again = read_back(tmp_path / "saved")
    expected = told.eval().state_dict()
    for key, tensor in again.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            np.testing.assert_allclose(tensor.numpy(), expected[key].numpy(), atol=1e-4, err_msg=key)
    x = images((64, 48))
    with torch.no_grad():
        close(outputs(model, x)[0], again(channels_first(x)), tolerance=1e-4)


def pads(convolution):
    """How a convolution of timm's pads, as `Conv2D` has it."""
    if isinstance(convolution, Conv2dSame):
        return "same"
    assert convolution.padding == tuple(n // 2 for n in convolution.kernel_size)
    return None


@pytest.mark.parametrize("name", every_day(EVERY_DAY, EVERY_NAME))
def test_every_name_has_timm_s_variables_strides_paddings_and_activations(name):
    """Shapes, names and settings only: nothing this large is computed."""
    with torch.device("meta"):
        told = timm.create_model(name)
    expected = {k: tuple(v.shape) for k, v in told.state_dict().items() if not k.endswith("num_batches_tracked")}
    config, found = timm_shapes(name)
    assert found == expected
    blocks = [block for stage in told.blocks for block in stage]
    ours = [block for stage in config.plan.stages for block in stage]
    for theirs, mine in zip(blocks, ours, strict=True):
        assert mine.adds == theirs.has_skip
        convolutions = [m for m in theirs.modules() if isinstance(m, torch.nn.Conv2d)]
        assert max(m.stride[0] for m in convolutions) == mine.stride
        assert all(pads(m) == mine.padding for m in convolutions if m.stride[0] > 1)
        assert all(pads(m) is None for m in convolutions if m.stride[0] == 1)  # where "same" is the same
    assert pads(told.conv_stem) == config.plan.stem_padding
    acts = {type(m.act) for m in told.modules() if isinstance(m, BatchNormAct2d)}
    acts |= {type(m.act1) for m in told.modules() if isinstance(m, SqueezeExcite)}
    assert acts - {torch.nn.Identity} == {{"silu": torch.nn.SiLU, "relu6": torch.nn.ReLU6}[config.plan.act]}
    norms = {m.eps for m in told.modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert norms == {config.plan.epsilon}


def test_drop_rates_of_the_arguments_are_taken(tmp_path):
    saved(reference("efficientnet_b0"), tmp_path, drop_rate=0.2, drop_path_rate=0.1)
    plan = zoo.load(tmp_path).config.plan
    assert plan.dropout == 0.2
    assert plan.stages[0][0].drop == 0
    assert plan.stages[-1][-1].drop == pytest.approx(0.1 * 15 / 16)


def test_a_network_that_pools_nothing_is_read():
    source = {"architecture": "efficientnet_b0", "num_classes": 0, "model_args": {"global_pool": ""}}
    assert EfficientNetConfig.read(source, "the test").plan.pooling == "mean"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"architecture": "efficientnet_b9"}, ["efficientnet_b9"]),
        ({"architecture": "efficientnet_b0_gn"}, ["efficientnet_b0_gn"]),
        (
            {"architecture": "efficientnet_b0", "model_args": {"aa_layer": "blur", "global_pool": "max"}},
            ["aa_layer", "max"],
        ),
        (
            {"architecture": "efficientnet_b0", "model_args": {"drop_rate": 1.0, "drop_path_rate": 2}},
            ["drop_rate = 1.0 is not in [0, 1)", "drop_path_rate = 2"],
        ),
        ({"architecture": "efficientnet_b0", "model_args": ["x"]}, ["model_args = ['x'] is not a table"]),
        (
            {"architecture": "efficientnet_b0", "pretrained_cfg": {"global_pool": "max"}},
            ["pretrained_cfg.global_pool"],
        ),
        ({"architecture": "efficientnet_b0", "pretrained_cfg": {"input_size": ["x"]}}, ["input_size"]),
    ],
)
def test_networks_that_zoo_does_not_build_are_refused_by_name(source, words):
    with pytest.raises(ZooError) as told:
        EfficientNetConfig.read(source, "the test")
    for word in words:
        assert word in str(told.value)


def test_the_config_is_written_back_as_it_was(tmp_path):
    saved(reference("efficientnet_b0"), tmp_path / "given")
    zoo.load(tmp_path / "given").save_pretrained(tmp_path / "saved")
    given, written = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("given", "saved"))
    assert written == given
