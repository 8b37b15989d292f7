"""Pictures that cannot be read, and what networks for pictures do not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.pictures import picture
from zoo.errors import ZooError
from zoo.loading import build, described

CONFIG = {
    "architecture": "resnet10t",
    "model_args": {"channels": [8, 8, 8, 8], "stem_width": 8},
    "pretrained_cfg": {"input_size": [3, 32, 32], "crop_pct": 1.0},
}


@pytest.fixture(scope="module")
def model():
    return build(described("resnet", CONFIG), task="image-classification", labels=["a", "b"], weights="random")


def test_all_pictures_that_cannot_be_read_are_named(model, tmp_path):
    good, torn, empty = (tmp_path / name for name in ("good.png", "torn.png", "empty.jpg"))
    picture(40, 40).save(good)
    torn.write_bytes(good.read_bytes()[:300])
    empty.touch()
    with pytest.raises(ZooError) as told:
        model.classify([good, torn, good, empty, tmp_path / "lost.png"])
    assert told.value.what == "3 of the pictures cannot be read."
    assert [Path(why.split("'")[1]).name for why in told.value.why] == ["torn.png", "empty.jpg", "lost.png"]
    with pytest.raises(ZooError, match=r"torn\.png' is damaged") as told:
        model.classify([good, torn, good])
    assert told.value.fix == "Save it anew, or leave it out."


def test_a_folder_is_no_picture(model, tmp_path):
    with pytest.raises(ZooError, match="is a folder, and one picture is needed"):
        model.classify(tmp_path)


def test_a_network_without_linear_layers_takes_no_adapter(model):
    with pytest.raises(ZooError, match="has no linear layers"):
        model.adapters.add(rank=4)
