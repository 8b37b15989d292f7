"""zoo.data.in_memory_values: paths and pictures of rows from Python, in a table that lies elsewhere."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.pictures import picture
from zoo.data.columns import ImageColumns, choose_image_columns
from zoo.data.image_examples import read_image_examples
from zoo.data.images import read_image
from zoo.data.in_memory import as_file
from zoo.data.readers import read_table
from zoo.errors import ZooError


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A working directory with two pictures, one of them grey."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    picture(30, 20).save("photos/a.png")
    picture(20, 30, seed=1, mode="L").save("photos/b.png")
    return tmp_path


def examples(data):
    table = read_table(as_file(data))
    return read_image_examples(table, choose_image_columns(table))


def rows(make):
    return [{"image": make(f"photos/{name}.png"), "label": name} for name in "ab"]


KINDS = {
    "relative paths": lambda: rows(str),
    "paths": lambda: rows(Path),
    "absolute paths": lambda: rows(os.path.abspath),
    "PIL images": lambda: rows(Image.open),
    "arrays": lambda: rows(lambda path: np.asarray(Image.open(path))),
    "bytes": lambda: rows(lambda path: Path(path).read_bytes()),
    "a dict of columns": lambda: {"image": [Path("photos/a.png"), Path("photos/b.png")], "label": ["a", "b"]},
    "tuples": lambda: [(Image.open("photos/a.png"), "a"), (Image.open("photos/b.png"), "b")],
    "a data frame": lambda: pytest.importorskip("pandas").DataFrame(rows(str)),
    "a data frame of paths": lambda: pytest.importorskip("pandas").DataFrame(rows(Path)),
    "a data frame of PIL images": lambda: pytest.importorskip("pandas").DataFrame(rows(Image.open)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_row_brings_the_same_pictures_from_anywhere(kind, place, monkeypatch):
    wanted = [read_image(place / f"photos/{name}.png") for name in "ab"]
    data = KINDS[kind]()
    found = examples(data)
    monkeypatch.chdir("/")
    assert found.labels == ["a", "b"]
    for raw, image in zip(found.inputs, wanted, strict=True):
        np.testing.assert_array_equal(read_image(raw), image)


def test_what_a_data_frame_of_objects_lacks_is_missing_and_numbers_stay_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"image": [Path("photos/a.png"), None], "label": [1, 2], "text": ["x", float("nan")]})
    table = read_table(as_file(frame))
    assert table.column("image") == [os.path.abspath("photos/a.png"), None]
    assert table.column("label") == [1, 2]
    assert table.column("text") == ["x", None]


def test_a_camera_s_turn_is_undone_before_the_picture_is_kept():
    exif = Image.Exif()
    exif[0x112] = 6
    buffer = io.BytesIO()
    picture(30, 20).save(buffer, "PNG", exif=exif)
    turned = Image.open(io.BytesIO(buffer.getvalue()))
    kept = examples([(turned, "a"), (turned, "b")]).inputs[0]
    np.testing.assert_array_equal(read_image(kept), read_image(buffer.getvalue()))


def test_paths_are_told_from_texts_by_the_first_and_urls_stay():
    Path("main.py").touch()
    table = read_table(
        as_file(
            {
                "image": [None, "photos/a.png", "photos/lost.png", "https://example.org/c.png"],
                "text": ["photos", "photos/a.png", "x", "y"],
                "name": ["main.py", "setup.py", None, "photos/a.png"],
            }
        )
    )
    paths = [os.path.abspath(f"photos/{name}.png") for name in ("a", "lost")]
    assert table.column("image") == [None, *paths, "https://example.org/c.png"]
    assert table.column("text") == ["photos", "photos/a.png", "x", "y"]
    assert table.column("name") == ["main.py", "setup.py", None, "photos/a.png"]


def test_an_array_that_is_no_picture_is_refused():
    with pytest.raises(ZooError, match=r"is an array of shape \(3, 20, 30\)"):
        as_file([{"image": np.zeros((3, 20, 30), np.uint8), "label": "a"}])


def test_labels_are_read_as_the_problem_says():
    data = [{"image": "photos/a.png", "label": "red|big"}, {"image": "photos/b.png", "label": "red"}]
    table, columns = read_table(as_file(data)), ImageColumns("image", "label")
    assert read_image_examples(table, columns).labels == ["red|big", "red"]
    several = read_image_examples(table, columns, problem="multi_label_classification")
    assert (several.labels, several.problem) == ([("red", "big"), ("red",)], "multi_label_classification")
    lists = [{"image": row["image"], "label": row["label"].split("|")} for row in data]
    assert read_image_examples(read_table(as_file(lists)), columns).labels == several.labels


@pytest.mark.parametrize(
    "data",
    [
        [{"image": np.zeros((8, 8, 3), np.uint8)}, {"image": np.zeros((8, 8, 7), np.uint8)}],
        {"image": [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 7), np.uint8)]},
        [(np.zeros((8, 8, 3), np.uint8), "a"), (np.zeros((8, 8, 7), np.uint8), "b")],
    ],
)
def test_what_is_no_picture_is_named_by_its_row(data):
    with pytest.raises(ZooError, match=r"The picture in row 2 \(column 'image'\) is an array of shape"):
        as_file(data)
