"""Folders of pictures by class, with and without splits, and every way they can be wrong."""

from __future__ import annotations

import pytest

from zoo.data.image_folder import folder_splits, pictures_in, read_image_folder, split_folder
from zoo.errors import ZooError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_directories_are_the_classes_and_order_is_the_paths(tmp_path):
    touch(tmp_path, "dog/b.JPG", "dog/a.png", "cat/deep/er/z.jpeg", "cat/notes.txt", "cat/.hidden.png")
    touch(tmp_path, "__MACOSX/x.png", ".cache/x.png")
    found = read_image_folder(tmp_path)
    assert found.labels == ["cat", "dog", "dog"]
    assert [name.rsplit("/", 1)[1] for name in found.inputs] == ["z.jpeg", "a.png", "b.JPG"]
    assert found.rows == [1, 2, 3]


def test_other_files_are_counted_by_their_endings_and_hidden_ones_are_not(tmp_path):
    touch(tmp_path, "cat/1.jfif", "cat/2.PGM", "cat/3.heic", "cat/4.HEIC", "cat/5.avif", "cat/deep/LICENCE")
    touch(tmp_path, "cat/.DS_Store", "cat/.cache/6.png", "cat/.cache/x.txt", "dog/1.png", "labels.csv")
    notes = []
    found = read_image_folder(tmp_path, notes)
    assert [name.rsplit("/", 1)[1] for name in found.inputs] == ["1.jfif", "2.PGM", "1.png"]
    assert notes == [f"what is no picture by its name in '{tmp_path}': 2 .heic, 1 without an ending, 1 .avif"]


@pytest.mark.parametrize("validation", ["val", "Valid", "validation", "dev"])
def test_splits_are_known_by_their_names(tmp_path, validation):
    touch(tmp_path, "train/a/1.png", f"{validation}/a/2.png", "test/a/3.png")
    assert {k: v.name for k, v in folder_splits(tmp_path).items()} == {
        "train": "train",
        "validation": validation,
        "test": "test",
    }


def test_without_a_train_directory_all_is_one_split(tmp_path):
    touch(tmp_path, "test/1.png", "dev/2.png")  # classes that happen to be called so
    assert folder_splits(tmp_path) == {"train": tmp_path}


def test_splits_without_training_pictures_are_no_classes(tmp_path):
    touch(tmp_path, "trian/a/1.png", "trian/b/1.png", "val/a/2.png", "val/b/2.png")
    with pytest.raises(ZooError, match="classes in 'val' and no directory for training") as told:
        read_image_folder(folder_splits(tmp_path)["train"])
    assert "trian" in str(told.value)


def test_pictures_beside_the_classes_are_named(tmp_path):
    touch(tmp_path, "a/1.png", "b/1.png", "overview.png")
    with pytest.raises(ZooError, match=r"overview\.png: beside the classes, and in none of them"):
        read_image_folder(tmp_path)


def test_two_directories_for_one_split_are_refused(tmp_path):
    touch(tmp_path, "train/a/1.png", "val/a/1.png", "validation/a/1.png")
    with pytest.raises(ZooError, match="two directories for validation"):
        folder_splits(tmp_path)


def test_every_class_without_a_picture_is_named(tmp_path):
    touch(tmp_path, "a/1.png", "b/readme.md", "c/x.pdf")
    with pytest.raises(ZooError) as told:
        read_image_folder(tmp_path)
    assert "class 'b' has no picture" in str(told.value)
    assert "class 'c' has no picture in it, only 1 .pdf" in str(told.value)


def test_loose_pictures_alone_are_no_classes(tmp_path):
    touch(tmp_path, "1.png", "2.png")
    with pytest.raises(ZooError, match="only 2 pictures; each class needs one"):
        read_image_folder(tmp_path)


def test_pictures_for_a_prediction(tmp_path):
    touch(tmp_path, "x/1.png", "x/y/2.png", "x/3.txt")
    assert [p.rsplit("/", 1)[1] for p in pictures_in(str(tmp_path / "x"))] == ["1.png", "2.png"]
    assert pictures_in("anything.bin") == ["anything.bin"]
    (tmp_path / "none").mkdir()
    with pytest.raises(ZooError, match="no picture"):
        pictures_in(str(tmp_path / "none"))


def test_a_split_that_is_not_there_is_not_the_training_pictures(tmp_path):
    for split in ("train", "val"):
        (tmp_path / split / "cat").mkdir(parents=True)

    assert split_folder(tmp_path, "validation") == tmp_path / "val"
    assert split_folder(tmp_path / "val", "test") == tmp_path / "val"
    with pytest.raises(ZooError, match="no pictures of its own for test, only train, val"):
        split_folder(tmp_path, "test")
