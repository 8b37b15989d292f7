"""ResNet v1 and v2 against timm's on the same random weights, in every shape its names stand for."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from zoo_resnet.config import ResNetConfig

import zoo
from tests.data.pictures import picture
from tests.references.compiled import outputs, timm_shapes, trainer
from tests.references.timm_models import every_day, read_back, saved, timm
from tests.references.torch_images import calibrated, channels_first, close, images, randomise
from zoo.errors import ZooError

TINY = {"layers": [2, 1, 2], "channels": [16, 24, 32]}
NAMES = [
    *("resnet18", "resnet18d", "resnet26t", "resnet50", "resnet50c", "resnet50d", "resnet50s", "resnet50t"),
    *("wide_resnet50_2", "resnext50_32x4d", "resnext50d_32x4d", "resnext101_64x4d"),
    *("resnetv2_18", "resnetv2_34d", "resnetv2_50", "resnetv2_50d", "resnetv2_50t"),
]
EVERY_NAME = [
    *("resnet10t", "resnet14t", "resnet18", "resnet18d", "resnet26", "resnet26d", "resnet26t", "resnet34"),
    *("resnet34d", "resnet50", "resnet50c", "resnet50d", "resnet50s", "resnet50t", "resnet101", "resnet101c"),
    *("resnet101d", "resnet101s", "resnet152", "resnet152c", "resnet152d", "resnet152s", "resnet200", "resnet200d"),
    *("wide_resnet50_2", "wide_resnet101_2", "resnext50_32x4d", "resnext50d_32x4d", "resnext101_32x4d"),
    *("resnext101_32x8d", "resnext101_32x16d", "resnext101_32x32d", "resnext101_64x4d"),
    *("resnetv2_18", "resnetv2_18d", "resnetv2_34", "resnetv2_34d", "resnetv2_50", "resnetv2_50d", "resnetv2_50t"),
    *("resnetv2_101", "resnetv2_101d", "resnetv2_152", "resnetv2_152d"),
]
# One of each kind of stem, block and shortcut, at other depths than those that are computed.
EVERY_DAY = [
    *("resnet10t", "resnet26d", "resnet34", "resnet101s", "resnet200d", "wide_resnet101_2", "resnext101_32x8d"),
    *("resnetv2_34", "resnetv2_152d"),
]


def tiny(name):
    """Arguments that make a network of this name small; v1's three stages take their widths before expansion."""
    args = dict(TINY)
    if name.startswith("resnetv2_") and "18" not in name and "34" not in name:
        args["channels"] = [width * 4 for width in args["channels"]]
    return args


def reference(name, **args):
    torch.manual_seed(7)
    return randomise(timm.create_model(name, **args))


@pytest.mark.parametrize("name", NAMES)
def test_logits_and_the_maps_of_every_stage_are_timm_s(name, tmp_path):
    args = tiny(name)
    if not name.startswith("resnetv2_"):
        args = {"layers": [2, 1, 2, 1], "channels": [16, 24, 32, 48]}  # v1 always has four stages
    told = reference(name, num_classes=5, **args)
    saved(told, tmp_path, **args)
    model = zoo.load(tmp_path)
    assert model.layout == "timm"
    assert model.task == "image-classification"
    for size in ((64, 64), (61, 45)):
        x = images(size)
        logits, ours = outputs(model, x)
        with torch.no_grad():
            maps = told.forward_intermediates(channels_first(x), intermediates_only=True)[1:]
            close(logits, told(channels_first(x)))
        assert len(ours) == len(maps)
        for mine, theirs in zip(ours, maps, strict=True):
            close(mine, theirs)


@pytest.mark.parametrize("name", ["resnet50d", "resnetv2_50d"])
def test_training_mode_moves_the_statistics_as_timm_does_and_timm_reads_the_result(name, tmp_path):
    args = {"layers": [1, 1, 1, 1], "channels": [16, 16, 32, 32]}
    told = reference(name, num_classes=3, **args)
    saved(told, tmp_path / "given", **args)
    model = zoo.load(tmp_path / "given")
    told.train()
    train = trainer(model)
    for step in range(3):
        x = images((40, 33), batch=4) + step
        close(train(x), told(channels_first(x)))
    model.save_pretrained(tmp_path / "saved")
    again = read_back(tmp_path / "saved")
    expected = told.eval().state_dict()
    for name, tensor in again.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            np.testing.assert_allclose(tensor.numpy(), expected[name].numpy(), atol=1e-5, err_msg=name)
    x = images((64, 48))
    with torch.no_grad():
        close(outputs(model, x)[0], again(channels_first(x)))


@pytest.mark.optimized
@pytest.mark.parametrize("name", ["resnet50", "resnet101d", "resnetv2_50", "resnext50_32x4d"])
def test_at_full_depth_the_logits_are_within_1e_4(name, tmp_path):
    """Of torch in double precision; where single precision is not, as with 101 layers, as near as torch in that."""
    told = calibrated(reference(name, num_classes=10), images((97, 97), batch=8))
    saved(told, tmp_path)
    x = images((97, 97), batch=2)
    with torch.no_grad():
        single = told(channels_first(x)).numpy()
        exact = told.double()(channels_first(x).double()).numpy()
    ours = np.asarray(outputs(zoo.load(tmp_path), x)[0])
    assert np.abs(ours - exact).max() < max(1e-4, 2 * np.abs(single - exact).max())


@pytest.mark.parametrize("name", every_day(EVERY_DAY, EVERY_NAME))
def test_every_name_has_timm_s_variables(name):
    """Shapes and names only: nothing this large is computed."""
    with torch.device("meta"):
        expected = {k: tuple(v.shape) for k, v in timm.create_model(name).state_dict().items()}
    expected = {k: shape for k, shape in expected.items() if not k.endswith("num_batches_tracked")}
    _, found = timm_shapes(name)
    assert found == expected


def test_labels_go_to_timm_and_come_back(tmp_path):
    args = {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8]}
    saved(reference("resnet18", num_classes=4, **args), tmp_path / "given", **args)
    model = zoo.load(tmp_path / "given")
    assert model.labels == ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3")
    model.save_pretrained(tmp_path / "same")
    given = json.loads((tmp_path / "given/config.json").read_text())
    assert json.loads((tmp_path / "same/config.json").read_text()) == given

    relabelled = zoo.load(tmp_path / "given", labels=["cat", "dog"])
    assert set(relabelled.audit.fresh) == {"head/classifier/kernel", "head/classifier/bias"}
    relabelled.save_pretrained(tmp_path / "saved")
    assert zoo.load(tmp_path / "saved").labels == ("cat", "dog")
    again = read_back(tmp_path / "saved")
    assert again.num_classes == 2
    assert list(again.pretrained_cfg["label_names"]) == ["cat", "dog"]
    x = images((64, 64))
    with torch.no_grad():
        close(relabelled({"pixel_values": x}), again(channels_first(x)))


def test_features_alone_are_saved_as_timm_s_network_without_a_head(tmp_path):
    args = {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8]}
    told = reference("resnet18", num_classes=4, **args)
    saved(told, tmp_path / "given", **args)
    model = zoo.load(tmp_path / "given", task="feature-extraction")
    model.save_pretrained(tmp_path / "saved")
    assert zoo.load(tmp_path / "saved").task == "feature-extraction"
    again = read_back(tmp_path / "saved")
    x = images((64, 64))
    with torch.no_grad():
        close(model({"pixel_values": x}), again.forward_features(channels_first(x)))
        close(model._pooled(model({"pixel_values": x}), {}), again(channels_first(x)))


def test_features_that_timm_does_not_pool_are_read_and_a_new_head_s_are_pooled(tmp_path):
    args = {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8], "global_pool": ""}
    told = reference("resnet18", num_classes=0, **args)
    saved(told, tmp_path / "given", **args)
    model = zoo.load(tmp_path / "given")
    assert model.task == "feature-extraction"
    x = images((64, 64))
    with torch.no_grad():
        close(model({"pixel_values": x}), told(channels_first(x)))
    model.save_pretrained(tmp_path / "same")
    given, written = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("given", "same"))
    assert written == given

    headed = zoo.load(tmp_path / "given", task="image-classification", labels=["cat", "dog"])
    headed.save_pretrained(tmp_path / "headed")
    again = read_back(tmp_path / "headed")
    with torch.no_grad():
        close(headed({"pixel_values": x}), again(channels_first(x)))


def test_an_old_config_of_one_table_is_read_as_timm_reads_it(tmp_path):
    told = reference("resnet18", num_classes=3)
    saved(told, tmp_path / "old")
    config = json.loads((tmp_path / "old/config.json").read_text())
    pictures = {"input_size": [3, 65, 60], "crop_pct": 0.9, "mean": [0.5, 0.4, 0.3], "interpolation": "bilinear"}
    flat = {"architecture": "resnet18", **config["pretrained_cfg"], **pictures, "labels": ["a", "b", "c"]}
    (tmp_path / "old/config.json").write_text(json.dumps(flat))
    model = zoo.load(tmp_path / "old")
    assert model.labels == ("a", "b", "c")
    reading = timm.data.resolve_data_config(pretrained_cfg=read_back(tmp_path / "old").pretrained_cfg)
    assert tuple(reading["input_size"]) == (3, 65, 60)
    image = picture(90, 70)
    expected = timm.data.create_transform(**reading)(image).numpy().transpose(1, 2, 0)
    np.testing.assert_array_equal(model.preprocess(image)["pixel_values"][0], expected)

    model = zoo.load(tmp_path / "old", labels=["cat", "dog"])
    model.save_pretrained(tmp_path / "new")
    again = read_back(tmp_path / "new")
    assert list(again.pretrained_cfg["label_names"]) == ["cat", "dog"]
    with torch.no_grad():
        close(model({"pixel_values": images((64, 64))}), again(channels_first(images((64, 64)))))


def test_a_keras_file_brings_it_all_back(tmp_path):
    args = {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8]}
    saved(reference("resnet50d", num_classes=2, **args), tmp_path, **args)
    model = zoo.load(tmp_path)
    model.save(tmp_path / "x.keras")
    again = zoo.load(tmp_path / "x.keras")
    picture = np.random.default_rng(0).integers(0, 255, (70, 90, 3), np.uint8)
    assert again.classify(picture) == model.classify(picture)


@pytest.mark.parametrize("name", ["resnet26", "resnetv2_50"])
def test_drop_rates_of_the_arguments_are_taken(name, tmp_path):
    told = reference(name, drop_rate=0.2, drop_path_rate=0.3)
    saved(told, tmp_path, drop_rate=0.2, drop_path_rate=0.3)
    model = zoo.load(tmp_path)
    assert model.head.dropout.rate == 0.2
    theirs = [m.drop_prob for m in told.modules() if type(m).__name__ == "DropPath"]
    ours = [block.dropout.rate for stage in model.backbone.stages for block in stage.blocks]
    assert ours[1:] == pytest.approx(theirs)
    assert ours[0] == 0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"architecture": "resnet51"}, ["resnet51"]),
        ({"architecture": "wide_resnet50"}, ["wide_resnet50"]),
        ({"architecture": "resnet50_gn"}, ["resnet50_gn"]),
        (
            {"architecture": "resnet50", "model_args": {"aa_layer": "blur", "global_pool": "max"}},
            ["aa_layer", "max"],
        ),
        ({"architecture": "resnet50", "model_args": {"layers": "all"}}, ["depths"]),
        (
            {"architecture": "resnet50", "model_args": {"drop_rate": 1.0, "drop_path_rate": -0.1}},
            ["drop_rate = 1.0 is not in [0, 1)", "drop_path_rate = -0.1"],
        ),
        ({"architecture": "resnet50", "model_args": ["layers"]}, ["model_args = ['layers'] is not a table"]),
        (
            {"architecture": "resnet50d", "model_args": {"stem_width": "x", "channels": 64, "drop_rate": "half"}},
            ["stem_width = 'x'", "channels = 64", "drop_rate"],
        ),
        ({"architecture": "resnet50", "pretrained_cfg": {"global_pool": "max"}}, ["pretrained_cfg.global_pool"]),
        ({"architecture": "resnet50", "pretrained_cfg": {"input_size": ["x", 224, 224]}}, ["input_size"]),
        ({"architecture": "resnet50", "pretrained_cfg": "a1_in1k"}, ["pretrained_cfg"]),
    ],
)
def test_networks_that_zoo_does_not_build_are_refused_by_name(source, words):
    with pytest.raises(ZooError) as told:
        ResNetConfig.read(source, "the test")
    for word in words:
        assert word in str(told.value)
