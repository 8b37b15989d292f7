"""Runs on pictures: learning, exact batches, what is skipped, averages, mixing, and the page they leave."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

import zoo
from tests.references.torch_images import channels_first, close, randomise
from tests.train.test_resume import CutError, until_saved
from zoo.data.augment import Augmentation
from zoo.data.preprocessing import ImagePreprocessor, ImageSettings
from zoo.errors import RunError, ZooError
from zoo.train.checkpoints import saved_steps
from zoo.train.evaluate import evaluate
from zoo.train.finetune import finetune
from zoo.train.image_batches import ImageBatches
from zoo.train.listener import Silent
from zoo.train.mixing import Mixing
from zoo.train.order import Order

COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (50, 60, 210)}


def write_folder(folder, count, seed=0):
    """Noisy pictures of three colours, by class."""
    rng = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for n in range(count):
            array = np.clip(rng.normal(colour, 30, (rng.integers(20, 60), rng.integers(20, 60), 3)), 0, 255)
            Image.fromarray(array.astype(np.uint8)).save(folder / name / f"{n}.{'png' if n % 2 else 'jpg'}")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    write_folder(root / "train", 12)
    write_folder(root / "val", 4, seed=1)
    return root


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A tiny ResNet for other classes, as transformers writes it."""
    folder = tmp_path_factory.mktemp("resnet")
    torch.manual_seed(1)
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=7
    )
    randomise(transformers.ResNetForImageClassification(config)).save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.9).save_pretrained(folder)
    return folder


QUICK = ("train.epochs=4", "train.batch_size=8", "train.learning_rate=0.01", "train.warmup=0")


@pytest.fixture(scope="module")
def run(tiny, folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "colours"
    return finetune(
        str(tiny), data=folder, output=output, overrides=(*QUICK, "train.ema=0.5", "data.augment.jitter=0.1")
    )


def test_a_folder_of_pictures_is_learned(run):
    assert run.recipe.model.task == "image-classification"
    assert run.metrics["accuracy"] >= 0.9
    assert evaluate(run, run.recipe.data.train + "/val")["accuracy"] == run.metrics["accuracy"]


def test_the_model_of_a_run_is_transformers_s_too(run, folder):
    model = run.model()
    assert sorted(model.labels) == sorted(COLOURS)
    processor = ConvNextImageProcessorPil.from_pretrained(run.path / "model")
    told = transformers.AutoModelForImageClassification.from_pretrained(run.path / "model").eval()
    image = Image.open(folder / "val/red/0.jpg").convert("RGB")
    pixels = model.preprocess(image)["pixel_values"]
    np.testing.assert_array_equal(pixels[0], processor(image)["pixel_values"][0].transpose(1, 2, 0))
    with torch.no_grad():
        close(model({"pixel_values": pixels}), told(channels_first(pixels)).logits)
    assert model.classify(folder / "val/red/0.jpg")[0]["label"] == "red"


def test_the_report_shows_the_worst_mistakes_as_pictures(tiny, folder, tmp_path):
    how = ("train.epochs=1", "train.learning_rate=1e-9", "train.batch_size=4", "train.accumulate=2")
    run = finetune(str(tiny), data=folder, output=tmp_path / "run", overrides=how)
    page = run.report.read_text()
    assert "4 examples at a time, not all of a step" in page
    assert page.count('src="data:image/jpeg;base64,') == page.count("<figcaption><b>") > 0


def test_two_runs_are_bit_for_bit_the_same_and_workers_change_nothing(tiny, folder, tmp_path):
    how = (*QUICK, "data.augment.randaugment=2", "data.augment.mixup=0.2", "data.augment.cutmix=1.0")
    weights = []
    for name, more in {"a": (), "b": (), "c": ("data.workers=2",)}.items():
        run = finetune(str(tiny), data=folder, output=tmp_path / name, overrides=(*how, *more, "train.epochs=1"))
        weights.append((run.path / "model/model.safetensors").read_bytes())
    assert weights[0] == weights[1] == weights[2]


def test_a_run_that_is_cut_off_in_an_epoch_ends_at_the_same_weights(tiny, folder, tmp_path):
    how = (*QUICK, "train.epochs=2", "train.ema=0.9", "data.augment.mixup=0.4", "data.augment.cutmix=1.0")
    how = (*how, "data.augment.randaugment=1", "train.checkpoint_steps=3")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    finetune(str(tiny), data=folder, output=whole, overrides=how)

    class Listener(Silent):
        def step(self, step, loss, examples_per_second):
            if step in (4, 6, 8):  # of ten, five an epoch
                until_saved(cut, {4: 3, 6: 5, 8: 6}[step])
            if step == 8:
                raise CutError

    with pytest.raises(CutError):
        finetune(str(tiny), data=folder, output=cut, overrides=how, listener=Listener())
    assert saved_steps(cut / "checkpoints")[0] == 6
    assert finetune(resume=cut).finished
    for name in ("model/model.safetensors", "model/config.json"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("what", ["norm", "backbone"])
@pytest.mark.parametrize("ema", [0, 0.9])
def test_what_is_frozen_stays_as_it_was(tiny, folder, tmp_path, what, ema):
    asked = (*QUICK, f"train.freeze={what}", f"train.ema={ema}")
    run = finetune(str(tiny), data=folder, output=tmp_path / "run", overrides=asked)
    before, after = zoo.load(tiny, labels=list(COLOURS)), run.model()
    moved = {
        v.path.split("/", 1)[1]
        for v, w in zip(before.weights, after.weights, strict=True)
        if not np.array_equal(v.numpy(), w.numpy())
    }
    assert any("head" in path for path in moved)
    assert not any("norm" in path for path in moved)
    assert any("convolution" in path for path in moved) == (what == "norm")


def test_a_text_model_has_no_batch_norm_to_freeze(tiny_bert, reviews_file, tmp_path):
    with pytest.raises(ZooError, match="no batch normalisation"):
        finetune(str(tiny_bert), data=reviews_file, output=tmp_path / "run", overrides=("train.freeze=norm",))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (("train.batch_size=4", "train.accumulate=2"), True),
        (("train.batch_size=4", "train.accumulate=2", "train.freeze=norm"), False),
        (("train.batch_size=8",), False),
    ],
)
def test_normalisations_that_see_a_part_of_a_step_are_told_of(tiny, folder, how, told):
    assert ("normalised" in zoo.check(str(tiny), data=folder, overrides=how).data) == told


@pytest.fixture
def reviews_file(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\n" + "".join(f"the film was {w},{w}\n" for w in ("good", "bad") * 8))
    return path


# Tables


def test_csv_with_paths_and_parquet_with_bytes_train_alike(tiny, folder, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as parquet

    files = sorted((folder / "train").rglob("*.*"))
    (folder / "table.csv").write_text(
        "file_name,label\n" + "".join(f"train/{f.parent.name}/{f.name},{f.parent.name}\n" for f in files)
    )
    stored = {"bytes": [f.read_bytes() for f in files], "path": [None] * len(files)}
    images = pa.StructArray.from_arrays(
        [pa.array(stored["bytes"]), pa.array(stored["path"], pa.string())], ["bytes", "path"]
    )
    parquet.write_table(
        pa.table({"image": images, "label": [f.parent.name for f in files]}), tmp_path / "t.parquet"
    )
    weights = []
    for name in (folder / "table.csv", tmp_path / "t.parquet"):
        run = finetune(
            str(tiny), data=name, output=tmp_path / f"run{len(weights)}", overrides=(*QUICK, "train.epochs=1")
        )
        weights.append((run.path / "model/model.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert run.recipe.data.image == "image"


# Faulty pictures


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


def test_faulty_pictures_are_refused_by_name_and_nothing_is_written(tiny, faulty, tmp_path):
    with pytest.raises(ZooError) as told:
        finetune(str(tiny), data=faulty, output=tmp_path / "run", overrides=QUICK)
    for name in ("empty.png", "text.jpg"):
        assert name in str(told.value)
    assert not (tmp_path / "run").exists()


def test_damage_that_only_decoding_finds_ends_the_run_by_name(tiny, faulty, tmp_path):
    (faulty / "train/red/empty.png").unlink()
    (faulty / "train/blue/text.jpg").unlink()
    with pytest.raises(ZooError, match=r"torn\.png"):
        finetune(str(tiny), data=faulty, output=tmp_path / "run", overrides=QUICK)


@pytest.mark.parametrize("batch_size", [1, 17])
def test_all_that_is_damaged_is_told_where_one_is_found(tiny, faulty, tmp_path, batch_size):
    (faulty / "train/red/empty.png").unlink()
    (faulty / "train/blue/text.jpg").unlink()
    whole = (faulty / "train/blue/0.jpg").read_bytes()
    (faulty / "train/blue/half.jpg").write_bytes(whole[:-200])
    how = (*QUICK, "train.epochs=1", f"train.batch_size={batch_size}")
    with pytest.raises(ZooError, match="2 training pictures cannot be decoded") as told:
        finetune(str(tiny), data=faulty, output=tmp_path / "run", overrides=how)
    assert [name in str(told.value) for name in ("torn.png", "half.jpg", "1.png")] == [True, True, False]
    assert 'data.faulty = "skip"' in told.value.fix
    # What was not in the batch that is looked at before the first step is found while it runs.
    assert isinstance(told.value, RunError) == (tmp_path / "run").exists() == (batch_size == 1)


def test_or_they_are_left_out_and_counted(tiny, faulty, tmp_path):
    facts = {}

    class Listener(Silent):
        def fact(self, name, value):
            facts[name] = value

    how = (*QUICK, "data.faulty=skip")
    run = finetune(str(tiny), data=faulty, output=tmp_path / "run", overrides=how, listener=Listener())
    page = run.report.read_text()
    assert "2 of" in page
    assert "1 could not be decoded and were not trained on" in page
    assert "torn.png" in facts["damaged"]


def test_files_that_are_no_pictures_by_their_names_are_told_of(tiny, tmp_path):
    write_folder(tmp_path / "photos", 5)
    (tmp_path / "photos/red/9.heic").write_bytes(b"a picture that Pillow alone does not read")
    found = zoo.check(str(tiny), data=tmp_path / "photos", overrides=QUICK)
    assert f"what is no picture by its name in '{tmp_path / 'photos'}': 1 .heic" in found.data["left out"]


def test_a_class_of_which_nothing_is_left_is_named(tiny, faulty, tmp_path):
    for path in (faulty / "train/red").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ZooError, match=r"No picture of red in .* can be read"):
        finetune(str(tiny), data=faulty, output=tmp_path / "run", overrides=(*QUICK, "data.faulty=skip"))
    assert not (tmp_path / "run").exists()


def test_a_damaged_picture_that_is_held_out_is_found_before_anything_is_trained(tiny, faulty, tmp_path):
    for name in ("red/empty.png", "blue/text.jpg"):
        (faulty / "train" / name).unlink()
    (faulty / "train/green/torn.png").rename(faulty / "val/green/torn.png")
    with pytest.raises(ZooError, match=r"torn\.png"):
        finetune(str(tiny), data=faulty, output=tmp_path / "run", overrides=QUICK)
    assert not (tmp_path / "run").exists()


def test_so_is_one_of_a_share_that_is_split_off(tiny, faulty, tmp_path):
    for name in ("red/empty.png", "blue/text.jpg"):
        (faulty / "train" / name).unlink()
    with pytest.raises(ZooError, match=r"torn\.png"):
        finetune(
            str(tiny), data=faulty / "train", output=tmp_path / "run", overrides=(*QUICK, "data.validation=0.7")
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
def test_a_picture_too_thin_to_judge_by_is_told_before_anything_is_trained(size, fault, tiny, tmp_path):
    root = tmp_path / "pictures"
    write_folder(root / "train", 3)
    write_folder(root / "val", 2, seed=1)
    Image.new("RGB", size, "red").save(root / "val/red/thin.png")

    with pytest.raises(ZooError) as told:
        finetune(str(tiny), data=root, output=tmp_path / "run", overrides=QUICK)
    assert "thin.png" in told.value.why[0]
    assert fault in told.value.why[0]
    assert 'data.faulty = "skip"' in told.value.fix
    assert not (tmp_path / "run").exists()
    found = zoo.check(str(tiny), data=root, overrides=(*QUICK, "data.faulty=skip"))
    assert found.rows == {"train": 9, "validation": 6}
    assert f"1 of '{root / 'val'}' cannot be" in found.data["left out"]


def test_a_thin_picture_is_trained_on_unless_it_is_cropped_as_in_evaluations(tiny, tmp_path):
    root = tmp_path / "pictures"
    write_folder(root / "train", 3)
    write_folder(root / "val", 2, seed=1)
    Image.new("RGB", (3_000, 2), "red").save(root / "train/red/thin.png")

    assert zoo.check(str(tiny), data=root, overrides=QUICK).rows["train"] == 10
    for asked in ("data.augment.crop=1", "data.validation=0"):
        with pytest.raises(ZooError, match="pictures that cannot be cropped for an evaluation"):
            zoo.check(str(tiny), data=root / "train", overrides=(*QUICK, asked))


def test_the_same_picture_in_training_and_validation_is_refused_or_left_out(tiny, tmp_path):
    root = tmp_path / "same"
    write_folder(root / "train", 5)
    write_folder(root / "val", 2, seed=1)
    (root / "val/red/again.jpg").write_bytes((root / "train/red/0.jpg").read_bytes())
    with pytest.raises(ZooError, match=r"train/red/0\.jpg' is '.*val/red/again\.jpg"):
        finetune(str(tiny), data=root, output=tmp_path / "run", overrides=QUICK)
    run = finetune(str(tiny), data=root, output=tmp_path / "run", overrides=(*QUICK, "data.dedupe=true"))
    assert "1 that are held out, too, are left out of training" in run.report.read_text()


def test_a_picture_of_two_classes_is_named_by_its_paths(tiny, tmp_path):
    root = write_folder(tmp_path / "photos", 5)
    (root / "red/again.jpg").write_bytes((root / "blue/0.jpg").read_bytes())
    (told,) = zoo.check(str(tiny), data=root, overrides=(*QUICK, "data.validation=0")).warnings
    assert f"such as '{root / 'blue/0.jpg'}', '{root / 'red/again.jpg'}'" in told


def test_where_the_loss_is_no_number_the_pictures_are_named(tiny, folder, tmp_path):
    how = (*QUICK, "train.learning_rate=1e30")
    with pytest.raises(RunError, match="diverged") as told:
        finetune(str(tiny), data=folder, output=tmp_path / "run", overrides=how)
    assert f"the step saw '{folder / 'train'}/" in told.value.why[0]


def test_a_class_that_training_never_saw_is_named(tiny, tmp_path):
    root = tmp_path / "classes"
    write_folder(root / "train", 3)
    write_folder(root / "val", 2, seed=1)
    (root / "val/red").rename(root / "val/violet")
    with pytest.raises(ZooError, match="'violet'"):
        finetune(str(tiny), data=root, output=tmp_path / "run", overrides=QUICK)


# From random weights


def test_an_architecture_trains_from_a_config_of_the_recipe_s_own(folder, tmp_path):
    config = {
        "architecture": "resnet18",
        "model_args": {"channels": [8, 8, 16, 16], "layers": [1, 1, 1, 1]},
        "pretrained_cfg": {"input_size": [3, 32, 32], "crop_pct": 1.0},
    }
    file = tmp_path / "scratch.toml"
    file.write_text(
        f'[model]\narchitecture = "resnet"\nconfig = {_inline(config)}\n[data]\ntrain = "{folder}"\n'
        f'[train]\nepochs = 6\nbatch_size = 8\nlearning_rate = 1e-2\n[output]\ndir = "{tmp_path}/run"\n'
    )
    run = finetune(file)
    assert run.metrics["accuracy"] >= 0.6
    assert run.recipe.model.config == config
    saved = json.loads((run.path / "model/config.json").read_text())
    assert saved["label_names"] == sorted(COLOURS)


@pytest.mark.parametrize("run", [finetune, zoo.check])
def test_a_config_that_does_not_say_how_pictures_are_prepared_is_refused_before_they_are_read(run, tmp_path):
    (tmp_path / "pictures").mkdir()  # in which there is nothing to be read
    keys = {"architecture": "resnet", "task": "image-classification", "config": {"depths": [1, 1, 1, 1]}}
    with pytest.raises(ZooError, match="does not say how pictures are prepared") as told:
        run(zoo.Recipe.of(model=keys, data={"train": str(tmp_path / "pictures")}))
    assert "pretrained_cfg" in str(told.value)


def _inline(config):
    from zoo.train.recipe_file import toml_value

    return toml_value(config)


# Batches


def batches(folder, **changes):
    images = sorted(str(path) for path in (folder / "train").rglob("*.*"))
    preprocess = ImagePreprocessor(ImageSettings(size=(16, 16), resize=(16, 16), fit="exact"))
    settings = {
        "order": Order(len(images), 8, 2, seed=3),
        "images": images,
        "targets": np.arange(len(images), dtype=np.int32) % 3,
        "preprocess": preprocess,
        "augment": Augmentation(randaugment=1),
        "mixup": 0.4,
        "cutmix": 1.0,
    } | changes
    return ImageBatches(**settings)


def test_batch_k_is_the_same_from_the_stream_and_alone(folder):
    made = batches(folder)
    streamed = list(made.stream())
    assert len(streamed) == len(made) == 10
    for k in (0, 4, 9):
        for one, other in zip(jax.tree.leaves(streamed[k]), jax.tree.leaves(made.batch(k)), strict=True):
            np.testing.assert_array_equal(one, other)
    for late, whole in zip(made.stream(7), streamed[7:], strict=True):
        for one, other in zip(jax.tree.leaves(late), jax.tree.leaves(whole), strict=True):
            np.testing.assert_array_equal(one, other)
    assert streamed[4][2].tolist() == [1] * 4 + [0] * 4  # 36 pictures in batches of 8
    assert not np.array_equal(
        streamed[0][0]["pixels"], batches(folder, order=Order(36, 8, 2, seed=4)).batch(0)[0]["pixels"]
    )


def test_mixing_is_the_formula_of_the_papers(folder):
    made = batches(folder)
    mixing = Mixing(made.preprocess, 3)
    kinds = set()
    for k in range(len(made)):
        arrays, targets, _ = made.batch(k)
        ours, shares = mixing(arrays, targets)
        pixels = made.preprocess.normalised(arrays["pixels"])
        others = pixels[arrays["partner"]]
        top, bottom, left, right = arrays["box"]
        expected = pixels.copy()
        if bottom > top:
            kinds.add("cutmix")
            expected[:, top:bottom, left:right] = others[:, top:bottom, left:right]
            assert arrays["kept"] == pytest.approx(1 - (bottom - top) * (right - left) / 256)
        else:
            kinds.add("mixup")
            expected = arrays["kept"] * pixels + (1 - arrays["kept"]) * others
        np.testing.assert_allclose(ours["pixel_values"], expected, atol=1e-5)
        one_hot = np.eye(3)[targets]
        np.testing.assert_allclose(
            shares, arrays["kept"] * one_hot + (1 - arrays["kept"]) * one_hot[arrays["partner"]], atol=1e-6
        )
    assert kinds == {"mixup", "cutmix"}


def test_places_that_lack_a_picture_hold_others_that_nobody_is_mixed_with(folder):
    made = batches(folder)
    arrays, _, weights = made.batch(4)
    counted = np.flatnonzero(weights)

    assert len(counted) == 4
    np.testing.assert_array_equal(arrays["pixels"][4:], arrays["pixels"][:4])
    assert sorted(arrays["partner"][counted]) == counted.tolist()


def test_a_batch_of_damaged_pictures_alone_holds_others_that_do_not_count(folder, tmp_path):
    (tmp_path / "torn.png").write_bytes(b"torn")
    images = [*sorted(map(str, (folder / "train").rglob("*.png")))[:2], str(tmp_path / "torn.png")]
    alone = {"order": Order(3, 1, 2, seed=3), "faulty": "skip", "targets": np.zeros(3, np.int32)}
    made = batches(folder, images=images, **alone)
    for k in range(6):
        arrays, _, weights = made.batch(k)
        assert weights.tolist() == [int(made.members(k)[0] != 2)]
        assert arrays["pixels"].any()
    assert made.skipped == {2}
    with pytest.raises(RunError, match="None of the training pictures can be read"):
        batches(folder, images=[str(tmp_path / "torn.png")] * 3, **alone).batch(0)


def test_without_mixing_the_device_normalises_as_the_host_does(folder):
    made = batches(folder, mixup=0.0, cutmix=0.0)
    arrays, targets, _ = made.batch(1)
    ours, shares = Mixing(made.preprocess, 3)(arrays, targets)
    np.testing.assert_allclose(ours["pixel_values"], made.preprocess.normalised(arrays["pixels"]), atol=1e-5)
    np.testing.assert_array_equal(shares, np.eye(3)[targets])


# On the command line


def test_predict_takes_pictures_folders_and_tables(run, folder, zoo_process):
    code, out, err = zoo_process(
        "predict", str(run.path), str(folder / "val/red"), str(folder / "val/blue/0.jpg"), "--json"
    )
    assert code == 0, err
    rows = json.loads(out)
    assert len(rows) == 5
    assert rows[0]["output"]["label"] == "red"
    code, out, err = zoo_process("predict", str(run.path), "nowhere.png")
    assert code == 2
    assert "nowhere.png" in err
