"""Runs on pictures: learning, the same bits again, what is frozen, tables, averages, and the page they leave."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

import zoo
from tests.references.torch_images import channels_first, close
from tests.train.coloured import COLOURS, QUICK
from tests.train.listeners import CutError, Cutting
from zoo.errors import RunError, ZooError
from zoo.train.checkpoints import saved_steps
from zoo.train.evaluate import evaluate
from zoo.train.finetune import finetune


@pytest.fixture(scope="module")
def run(tiny_resnet, pictures, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "colours"
    return finetune(
        str(tiny_resnet),
        data=pictures,
        output=output,
        overrides=(*QUICK, "train.ema=0.5", "data.augment.jitter=0.1"),
    )


def test_a_folder_of_pictures_is_learned(run):
    assert run.recipe.model.task == "image-classification"
    assert run.metrics["accuracy"] >= 0.9
    assert evaluate(run, run.recipe.data.train + "/val")["accuracy"] == run.metrics["accuracy"]


def test_the_model_of_a_run_is_transformers_s_too(run, pictures):
    model = run.model()
    assert sorted(model.labels) == sorted(COLOURS)
    processor = ConvNextImageProcessorPil.from_pretrained(run.path / "model")
    told = transformers.AutoModelForImageClassification.from_pretrained(run.path / "model").eval()
    image = Image.open(pictures / "val/red/0.jpg").convert("RGB")
    pixels = model.preprocess(image)["pixel_values"]
    np.testing.assert_array_equal(pixels[0], processor(image)["pixel_values"][0].transpose(1, 2, 0))
    with torch.no_grad():
        close(model({"pixel_values": pixels}), told(channels_first(pixels)).logits)
    assert model.classify(pictures / "val/red/0.jpg")[0]["label"] == "red"


def test_the_report_shows_the_worst_mistakes_as_pictures(tiny_resnet, pictures, tmp_path):
    how = ("train.epochs=1", "train.learning_rate=1e-9", "train.batch_size=4", "train.accumulate=2")
    run = finetune(str(tiny_resnet), data=pictures, output=tmp_path / "run", overrides=how)
    page = run.report.read_text()
    assert "4 examples at a time, not all of a step" in page
    assert page.count('src="data:image/jpeg;base64,') == page.count("<figcaption><b>") > 0


def test_two_runs_are_bit_for_bit_the_same_and_workers_change_nothing(tiny_resnet, pictures, tmp_path):
    how = (*QUICK, "data.augment.randaugment=2", "data.augment.mixup=0.2", "data.augment.cutmix=1.0")
    weights = []
    for name, more in {"a": (), "b": (), "c": ("data.workers=2",)}.items():
        run = finetune(
            str(tiny_resnet), data=pictures, output=tmp_path / name, overrides=(*how, *more, "train.epochs=1")
        )
        weights.append((run.path / "model/model.safetensors").read_bytes())
    assert weights[0] == weights[1] == weights[2]


def test_a_run_that_is_cut_off_in_an_epoch_ends_at_the_same_weights(tiny_resnet, pictures, tmp_path):
    how = (*QUICK, "train.epochs=2", "train.ema=0.9", "data.augment.mixup=0.4", "data.augment.cutmix=1.0")
    how = (*how, "data.augment.randaugment=1", "train.checkpoint_steps=3")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    finetune(str(tiny_resnet), data=pictures, output=whole, overrides=how)

    cutting = Cutting(cut, {4: 3, 6: 5, 8: 6})  # of ten steps, five an epoch
    with pytest.raises(CutError):
        finetune(str(tiny_resnet), data=pictures, output=cut, overrides=how, listener=cutting)
    assert saved_steps(cut / "checkpoints")[0] == 6
    assert finetune(resume=cut).finished
    for name in ("model/model.safetensors", "model/config.json"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("what", ["norm", "backbone"])
@pytest.mark.parametrize("ema", [0, 0.9])
def test_what_is_frozen_stays_as_it_was(tiny_resnet, pictures, tmp_path, what, ema):
    asked = (*QUICK, f"train.freeze={what}", f"train.ema={ema}")
    run = finetune(str(tiny_resnet), data=pictures, output=tmp_path / "run", overrides=asked)
    before, after = zoo.load(tiny_resnet, labels=list(COLOURS)), run.model()
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
def test_normalisations_that_see_a_part_of_a_step_are_told_of(tiny_resnet, pictures, how, told):
    assert ("normalised" in zoo.check(str(tiny_resnet), data=pictures, overrides=how).data) == told


@pytest.fixture
def reviews_file(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\n" + "".join(f"the film was {w},{w}\n" for w in ("good", "bad") * 8))
    return path


# Tables


def test_csv_with_paths_and_parquet_with_bytes_train_alike(tiny_resnet, pictures, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as parquet

    files = sorted((pictures / "train").rglob("*.*"))
    (pictures / "table.csv").write_text(
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
    for name in (pictures / "table.csv", tmp_path / "t.parquet"):
        run = finetune(
            str(tiny_resnet),
            data=name,
            output=tmp_path / f"run{len(weights)}",
            overrides=(*QUICK, "train.epochs=1"),
        )
        weights.append((run.path / "model/model.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert run.recipe.data.image == "image"


def test_where_the_loss_is_no_number_the_pictures_are_named(tiny_resnet, pictures, tmp_path):
    how = (*QUICK, "train.learning_rate=1e30")
    with pytest.raises(RunError, match="diverged") as told:
        finetune(str(tiny_resnet), data=pictures, output=tmp_path / "run", overrides=how)
    assert f"the step saw '{pictures / 'train'}/" in told.value.why[0]


# From random weights


def test_an_architecture_trains_from_a_config_of_the_recipe_s_own(pictures, tmp_path):
    config = {
        "architecture": "resnet18",
        "model_args": {"channels": [8, 8, 16, 16], "layers": [1, 1, 1, 1]},
        "pretrained_cfg": {"input_size": [3, 32, 32], "crop_pct": 1.0},
    }
    file = tmp_path / "scratch.toml"
    file.write_text(
        f'[model]\narchitecture = "resnet"\nconfig = {_inline(config)}\n[data]\ntrain = "{pictures}"\n'
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


# On the command line


def test_predict_takes_pictures_folders_and_tables(run, pictures, zoo_process):
    code, out, err = zoo_process(
        "predict", str(run.path), str(pictures / "val/red"), str(pictures / "val/blue/0.jpg"), "--json"
    )
    assert code == 0, err
    rows = json.loads(out)
    assert len(rows) == 5
    assert rows[0]["output"]["label"] == "red"
    code, out, err = zoo_process("predict", str(run.path), "nowhere.png")
    assert code == 2
    assert "nowhere.png" in err
