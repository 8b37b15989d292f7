"""Runs on pictures with several labels each, or with a number."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.errors import ZooError

CONFIG = {"model_type": "resnet", "architectures": ["ResNetForImageClassification"], "layer_type": "basic"}
CONFIG |= {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}
PROCESSOR = {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32}, "crop_pct": 1.0}
TRAIN = {"epochs": 12, "batch_size": 16, "learning_rate": 0.01, "warmup": 0}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """What a tiny ResNet is told by; its weights are drawn at random."""
    root = tmp_path_factory.mktemp("network")
    (root / "config.json").write_text(json.dumps(CONFIG))
    (root / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures that are red, bright in their upper half, both, or neither; a rating is how red they are."""
    root, rng = tmp_path_factory.mktemp("labelled"), np.random.default_rng(0)
    rows = []
    for n in range(96):
        red, bright, level = n % 2, n // 2 % 2, rng.uniform(0, 1)
        array = rng.integers(0, 40, (32, 32, 3))
        array[..., 0] += int(200 * level)
        array[..., 2] += 180 * red
        array[:16, :, 1] += 180 * bright
        Image.fromarray(array.astype(np.uint8)).save(root / f"{n}.png")
        labels = "|".join(name for name, there in (("blue", red), ("bright", bright)) if there)
        rows.append([f"{n}.png", labels, f"{10 * level:.3f}"])
    for name, label, column in (("several", "labels", 1), ("number", "rating", 2)):
        with (root / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["image", label], *([row[0], row[column]] for row in rows)])
    return root


def recipe(network, path, output, **data):
    model = {"preset": str(network), "weights": "random", "task": "image-classification"}
    data = {"train": str(path), "augment": {"crop": 1.0}, "validation": 0.25, **data}
    return zoo.Recipe.of(model=model, data=data, train=TRAIN, output={"dir": str(output)})


def test_several_labels_of_a_picture_are_learned_and_written(network, folder, tmp_path):
    problem = {"problem_type": "multi_label_classification", "augment": {"crop": 1.0, "mixup": 0.1}}
    run = zoo.finetune(recipe(network, folder / "several.csv", tmp_path / "run", **problem))
    assert run.metrics["micro_f1"] > 0.9
    model = run.model()
    assert (sorted(model.labels), model.problem) == (["blue", "bright"], "multi_label_classification")
    there = [{one["label"] for one in told} for told in model.classify([folder / f"{n}.png" for n in range(4)])]
    assert there == [set(), {"blue"}, {"bright"}, {"blue", "bright"}]
    assert (
        run.report.read_text().count('src="data:image/jpeg;base64,')
        == len(run.report.read_text().split("<figcaption><b>")) - 1
    )


def test_a_number_is_guessed_and_learned(network, folder, tmp_path):
    run = zoo.finetune(recipe(network, folder / "number.csv", tmp_path / "run"))
    assert run.recipe.data.problem_type == "regression"
    assert run.metrics["pearson"] > 0.9


def test_a_folder_by_class_has_one_class_a_picture(network, tmp_path):
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
        for n in range(4):
            Image.new("RGB", (32, 32), (n, 0, 0)).save(tmp_path / "data" / name / f"{n}.png")
    with pytest.raises(ZooError, match="is a folder by class") as told:
        zoo.finetune(
            recipe(network, tmp_path / "data", tmp_path / "run", problem_type="multi_label_classification")
        )
    assert "a column of paths" in told.value.fix
    assert not (tmp_path / "run").exists()
