"""Pixels against the references' own preprocessing, run live: timm's transforms and transformers' processors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from tests.data.pictures import picture
from tests.references.timm_models import timm
from tests.suite.properties import examples
from zoo.data.image_settings import image_preprocessor
from zoo.errors import ZooError
from zoo.hub.files import local_files

SIZES = [(64, 48), (48, 64), (33, 97), (224, 224), (500, 333), (7, 5), (1, 1), (301, 300)]


class Network:
    num_channels = 3

    def __init__(self, source=None):
        self.source = source or {}


def preprocessor(folder, *, config=None, processor=None):
    if processor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return image_preprocessor(local_files(folder), Network(config))


TIMM = {
    "defaults": {"tag": "x"},
    "a1": {"input_size": [3, 224, 224], "crop_pct": 0.95, "interpolation": "bicubic"},
    "bilinear": {"input_size": [3, 75, 75], "crop_pct": 0.875, "interpolation": "bilinear"},
    "squash": {"input_size": [3, 60, 60], "crop_pct": 0.9, "crop_mode": "squash"},
    "border": {"input_size": [3, 61, 61], "crop_pct": 1.0, "crop_mode": "border"},
    "border, cropped": {"input_size": [3, 61, 61], "crop_pct": 0.8, "crop_mode": "border"},
    "not square": {"input_size": [3, 40, 71], "crop_pct": 0.9},
    "whole": {"input_size": [3, 65, 65], "crop_pct": 1.0, "mean": [0.5, 0.4, 0.3], "std": [0.5, 0.25, 0.125]},
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("pretrained", TIMM.values(), ids=TIMM)
def test_pixels_are_timm_s(pretrained, size, tmp_path):
    ours = preprocessor(tmp_path, config={"architecture": "resnet18", "pretrained_cfg": pretrained})
    old = preprocessor(tmp_path, config={"architecture": "resnet18", **pretrained})  # of one table
    assert old.settings == ours.settings
    resolved = timm.data.resolve_data_config(pretrained_cfg=pretrained)
    image = picture(*size)
    expected = timm.data.create_transform(**resolved)(image).numpy().transpose(1, 2, 0)
    np.testing.assert_array_equal(ours(image)["pixel_values"][0], expected)


@pytest.mark.parametrize(
    ("pretrained", "size", "fault"),
    [
        ("a1", (640, 480), ""),
        ("a1", (30_000, 480), ""),
        ("a1", (40_000, 200), "shows 0.5% of it"),
        ("a1", (200, 40_000), "shows 0.5% of it"),
        ("a1", (90_000_000, 1), "resized to 235 pixels on one edge it would have 21,150,000,000 on the other"),
        ("squash", (90_000_000, 1), ""),
        ("border", (5_000, 9), "resized to 0 pixels on one edge it would have 61 on the other"),
        ("border", (5_000, 90), ""),
    ],
)
def test_a_picture_that_is_nothing_to_judge_by(pretrained, size, fault, tmp_path):
    ours = preprocessor(tmp_path, config={"architecture": "resnet18", "pretrained_cfg": TIMM[pretrained]})
    assert fault in ours.fault_of(*size)
    assert bool(ours.fault_of(*size)) == bool(fault)
    if "resized" in fault and max(size) < 9_999:
        with pytest.raises(ZooError, match=f"The picture is {size[0]} x {size[1]}: resized to 0 pixels"):
            ours(picture(*size))


PROCESSORS = {
    "microsoft/resnet-18": (
        ConvNextImageProcessorPil,
        {"crop_pct": 0.875, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "size": 224},
    ),
    "shortest edge": (ConvNextImageProcessorPil, {"size": {"shortest_edge": 97}, "crop_pct": 0.9, "resample": 2}),
    "large, squashed": (ConvNextImageProcessorPil, {"size": {"shortest_edge": 390}}),
    "google/efficientnet-b0": (
        EfficientNetImageProcessorPil,
        {"size": {"height": 224, "width": 224}, "image_std": [0.47853944, 0.4732864, 0.47434163], "resample": 0},
    ),
    "efficientnet, offset": (
        EfficientNetImageProcessorPil,
        {
            "size": {"height": 60, "width": 50},
            "rescale_factor": 1 / 127.5,
            "rescale_offset": True,
            "include_top": False,
        },
    ),
    "efficientnet, cropped": (
        EfficientNetImageProcessorPil,
        {
            "size": {"height": 70, "width": 70},
            "do_center_crop": True,
            "crop_size": {"height": 61, "width": 81},
        },
    ),
    "vit": (ViTImageProcessorPil, {}),
    "vit, not normalised": (ViTImageProcessorPil, {"do_normalize": False, "size": {"height": 31, "width": 33}}),
    "bit": (BitImageProcessorPil, {}),
    "bit, not resized": (BitImageProcessorPil, {"do_resize": False, "crop_size": {"height": 51, "width": 50}}),
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", PROCESSORS.values(), ids=PROCESSORS)
def test_pixels_are_transformers(kind, size, tmp_path):
    make, settings = kind
    reference = make(**settings)
    written = {"image_processor_type": make.__name__.removesuffix("Pil"), **settings}
    ours = preprocessor(tmp_path, processor=written)
    image = picture(*size)
    expected = reference(image)["pixel_values"][0].transpose(1, 2, 0)
    found = ours(image)["pixel_values"][0]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    assert ours.files == {"preprocessor_config.json": json.dumps(written).encode()}


def test_what_transformers_writes_itself_is_read(tmp_path):
    reference = EfficientNetImageProcessorPil(size={"height": 40, "width": 44})
    reference.save_pretrained(tmp_path)
    ours = image_preprocessor(local_files(tmp_path), Network())
    image = picture(50, 70)
    np.testing.assert_array_equal(
        ours(image)["pixel_values"][0], reference(image)["pixel_values"][0].transpose(1, 2, 0)
    )


@settings(max_examples=examples(60), deadline=None)
@given(
    width=st.integers(1, 120),
    height=st.integers(1, 120),
    edge=st.integers(1, 90),
    share=st.floats(0.3, 1.0),
)
def test_any_size_and_share_as_in_timm(width, height, edge, share, tmp_path_factory):
    pretrained = {"input_size": [3, edge, edge], "crop_pct": share, "interpolation": "bilinear"}
    ours = preprocessor(tmp_path_factory.mktemp("cfg"), config={"architecture": "x", "pretrained_cfg": pretrained})
    image = picture(width, height)
    expected = timm.data.create_transform(**timm.data.resolve_data_config(pretrained_cfg=pretrained))(image)
    np.testing.assert_array_equal(ours(image)["pixel_values"][0], expected.numpy().transpose(1, 2, 0))


def test_without_a_word_on_preprocessing_there_is_none(tmp_path):
    assert preprocessor(tmp_path, config={"model_type": "resnet"}) is None


@pytest.mark.parametrize(
    ("config", "processor", "words"),
    [
        ({"pretrained_cfg": {"crop_mode": "zigzag"}}, None, ["zigzag", "squash"]),
        ({"pretrained_cfg": {"interpolation": "random"}}, None, ["random", "bicubic"]),
        ({"pretrained_cfg": {"input_size": "big"}}, None, ["pretrained_cfg"]),
        (None, {"image_processor_type": "SamImageProcessor"}, ["'Sam'", "ConvNext"]),
        (None, {"image_processor_type": "ViTImageProcessor", "size": {"depth": 3}}, ["preprocessor_config.json"]),
        (None, {"image_processor_type": "ViTImageProcessor", "image_mean": "white"}, ["preprocessor_config.json"]),
    ],
)
def test_what_zoo_cannot_do_is_refused_by_name(config, processor, words, tmp_path):
    with pytest.raises(ZooError) as told:
        preprocessor(tmp_path, config=config, processor=processor)
    for word in words:
        assert word in str(told.value)
