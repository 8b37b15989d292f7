"""Pictures that cannot be read, and what networks for pictures do not have."""

from __future__ import annotations

import io
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


class Pipe(io.RawIOBase):
    """What comes once."""

    def __init__(self, content):
        self.content = content

    def read(self, size=-1):
        content, self.content = self.content, b""
        return content


@pytest.mark.parametrize("opened", [io.BytesIO, Pipe])
def test_a_faulty_picture_makes_no_other_open_file_faulty(model, tmp_path, opened):
    picture(40, 40).save(tmp_path / "good.png")
    good = (tmp_path / "good.png").read_bytes()
    with pytest.raises(ZooError) as told:
        model.classify([opened(good[:60]), *(opened(good) for _ in range(70)), opened(good[:60])])
    assert told.value.what == "2 of the pictures cannot be read."
    assert [why[:10] for why in told.value.why] == ["Picture 1 ", "Picture 72"]


def test_an_open_file_is_read_from_its_beginning_and_as_bytes(model, tmp_path):
    path = tmp_path / "good.png"
    picture(40, 40).save(path)
    with path.open("rb") as file:
        assert model.classify(file) == model.classify(file) == model.classify(path)
    with pytest.raises(ZooError) as told:
        model.classify(io.StringIO(str(path)))
    assert "open it with 'rb'" in str(told.value)


def test_a_folder_is_no_picture(model, tmp_path):
    with pytest.raises(ZooError, match="is a folder, and one picture is needed"):
        model.classify(tmp_path)


def test_a_network_without_linear_layers_takes_no_adapter(model):
    with pytest.raises(ZooError, match="has no linear layers"):
        model.adapters.add(rank=4)
