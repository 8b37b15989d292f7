"""Pictures that are damaged, thin, twice there or of no known class: refused by name, or left out and counted."""

from __future__ import annotations

import pytest
from PIL import Image

import zoo
from tests.train.coloured import QUICK, write_folder
from tests.train.listeners import Heard
from zoo.errors import RunError, ZooError
from zoo.train.finetune import finetune


@pytest.fixture
def faulty(tmp_path):
    root = tmp_path / "faulty"
    write_folder(root / "train", 5)
    write_folder(root / "val", 2, seed=1)
    (root / "train/red/empty.png").write_bytes(b"")
    (root / "train/blue/text.jpg").write_text("no picture")
    whole = (root / "train/green/1.png").read_bytes()
    (root / "train/green/torn.png").write_bytes(whole[: len(whole) // 2])
    return root


def test_faulty_pictures_are_refused_by_name_and_nothing_is_written(tiny_resnet, faulty, tmp_path):
    with pytest.raises(ZooError) as told:
        finetune(str(tiny_resnet), data=faulty, output=tmp_path / "run", overrides=QUICK)
    for name in ("empty.png", "text.jpg"):
        assert name in str(told.value)
    assert not (tmp_path / "run").exists()


def test_damage_that_only_decoding_finds_ends_the_run_by_name(tiny_resnet, faulty, tmp_path):
    (faulty / "train/red/empty.png").unlink()
    (faulty / "train/blue/text.jpg").unlink()
    with pytest.raises(ZooError, match=r"torn\.png"):
        finetune(str(tiny_resnet), data=faulty, output=tmp_path / "run", overrides=QUICK)


@pytest.mark.parametrize("batch_size", [1, 17])
def test_all_that_is_damaged_is_told_where_one_is_found(tiny_resnet, faulty, tmp_path, batch_size):
    (faulty / "train/red/empty.png").unlink()
    (faulty / "train/blue/text.jpg").unlink()
    whole = (faulty / "train/blue/0.jpg").read_bytes()
    (faulty / "train/blue/half.jpg").write_bytes(whole[:-200])
    how = (*QUICK, "train.epochs=1", f"train.batch_size={batch_size}")
    with pytest.raises(ZooError, match="2 training pictures cannot be decoded") as told:
        finetune(str(tiny_resnet), data=faulty, output=tmp_path / "run", overrides=how)
    assert [name in str(told.value) for name in ("torn.png", "half.jpg", "1.png")] == [True, True, False]
    assert 'data.faulty = "skip"' in told.value.fix
    # What was not in the batch that is looked at before the first step is found while it runs.
    assert isinstance(told.value, RunError) == (tmp_path / "run").exists() == (batch_size == 1)


def test_or_they_are_left_out_and_counted(tiny_resnet, faulty, tmp_path):
    told = Heard()
    how = (*QUICK, "data.faulty=skip")
    run = finetune(str(tiny_resnet), data=faulty, output=tmp_path / "run", overrides=how, listener=told)
    page = run.report.read_text()
    assert "2 of" in page
    assert "1 could not be decoded and were not trained on" in page
    assert "torn.png" in told.facts["damaged"][-1]


def test_files_that_are_no_pictures_by_their_names_are_told_of(tiny_resnet, tmp_path):
    write_folder(tmp_path / "photos", 5)
    (tmp_path / "photos/red/9.heic").write_bytes(b"a picture that Pillow alone does not read")
    found = zoo.check(str(tiny_resnet), data=tmp_path / "photos", overrides=QUICK)
    assert f"what is no picture by its name in '{tmp_path / 'photos'}': 1 .heic" in found.data["left out"]


def test_a_class_of_which_nothing_is_left_is_named(tiny_resnet, faulty, tmp_path):
    for path in (faulty / "train/red").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ZooError, match=r"No picture of red in .* can be read"):
        finetune(str(tiny_resnet), data=faulty, output=tmp_path / "run", overrides=(*QUICK, "data.faulty=skip"))
    assert not (tmp_path / "run").exists()


def test_a_damaged_picture_that_is_held_out_is_found_before_anything_is_trained(tiny_resnet, faulty, tmp_path):
    for name in ("red/empty.png", "blue/text.jpg"):
        (faulty / "train" / name).unlink()
    (faulty / "train/green/torn.png").rename(faulty / "val/green/torn.png")
    with pytest.raises(ZooError, match=r"torn\.png"):
        finetune(str(tiny_resnet), data=faulty, output=tmp_path / "run", overrides=QUICK)
    assert not (tmp_path / "run").exists()


def test_so_is_one_of_a_share_that_is_split_off(tiny_resnet, faulty, tmp_path):
    for name in ("red/empty.png", "blue/text.jpg"):
        (faulty / "train" / name).unlink()
    with pytest.raises(ZooError, match=r"torn\.png"):
        finetune(
            str(tiny_resnet),
            data=faulty / "train",
            output=tmp_path / "run",
            overrides=(*QUICK, "data.validation=0.7"),
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("size", "fault"),
    [
        ((3_000, 2), "is 3,000 x 2: the crop of an evaluation shows 0.1% of it"),
        ((5, 900_000), "resized to 35 pixels on one edge it would have 6,300,000 on the other"),
        ((1, 1), "is 1 x 1: there is nothing to see in it"),
    ],
)
def test_a_picture_too_thin_to_judge_by_is_told_before_anything_is_trained(size, fault, tiny_resnet, tmp_path):
    root = tmp_path / "pictures"
    write_folder(root / "train", 3)
    write_folder(root / "val", 2, seed=1)
    Image.new("RGB", size, "red").save(root / "val/red/thin.png")

    with pytest.raises(ZooError) as told:
        finetune(str(tiny_resnet), data=root, output=tmp_path / "run", overrides=QUICK)
    assert "thin.png" in told.value.why[0]
    assert fault in told.value.why[0]
    assert 'data.faulty = "skip"' in told.value.fix
    assert not (tmp_path / "run").exists()
    found = zoo.check(str(tiny_resnet), data=root, overrides=(*QUICK, "data.faulty=skip"))
    assert found.rows == {"train": 9, "validation": 6}
    assert f"1 of '{root / 'val'}' cannot be" in found.data["left out"]


def test_a_thin_picture_is_trained_on_unless_it_is_cropped_as_in_evaluations(tiny_resnet, tmp_path):
    root = tmp_path / "pictures"
    write_folder(root / "train", 3)
    write_folder(root / "val", 2, seed=1)
    Image.new("RGB", (3_000, 2), "red").save(root / "train/red/thin.png")

    assert zoo.check(str(tiny_resnet), data=root, overrides=QUICK).rows["train"] == 10
    for asked in ("data.augment.crop=1", "data.validation=0"):
        with pytest.raises(ZooError, match=r"pictures? that cannot be cropped for an evaluation"):
            zoo.check(str(tiny_resnet), data=root / "train", overrides=(*QUICK, asked))


def test_the_same_picture_in_training_and_validation_is_refused_or_left_out(tiny_resnet, tmp_path):
    root = tmp_path / "same"
    write_folder(root / "train", 5)
    write_folder(root / "val", 2, seed=1)
    (root / "val/red/again.jpg").write_bytes((root / "train/red/0.jpg").read_bytes())
    with pytest.raises(ZooError, match=r"train/red/0\.jpg' is '.*val/red/again\.jpg"):
        finetune(str(tiny_resnet), data=root, output=tmp_path / "run", overrides=QUICK)
    run = finetune(str(tiny_resnet), data=root, output=tmp_path / "run", overrides=(*QUICK, "data.dedupe=true"))
    assert "1 that are held out, too, are left out of training" in run.report.read_text()


def test_a_picture_of_two_classes_is_named_by_its_paths(tiny_resnet, tmp_path):
    root = write_folder(tmp_path / "photos", 5)
    (root / "red/again.jpg").write_bytes((root / "blue/0.jpg").read_bytes())
    (told,) = zoo.check(str(tiny_resnet), data=root, overrides=(*QUICK, "data.validation=0")).warnings
    assert f"such as '{root / 'blue/0.jpg'}', '{root / 'red/again.jpg'}'" in told


def test_a_class_that_training_never_saw_is_named(tiny_resnet, tmp_path):
    root = tmp_path / "classes"
    write_folder(root / "train", 3)
    write_folder(root / "val", 2, seed=1)
    (root / "val/red").rename(root / "val/violet")
    with pytest.raises(ZooError, match="'violet'"):
        finetune(str(tiny_resnet), data=root, output=tmp_path / "run", overrides=QUICK)
