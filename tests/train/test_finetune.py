"""zoo.train.finetune: from a recipe to a run directory, or to an error and nothing at all."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import zoo
from tests.train.listeners import Heard
from zoo.errors import ZooError
from zoo.train.finetune import finetune
from zoo.train.recipe import Recipe

# What a run reaches and leaves


def test_it_learns_what_can_be_learned(run):
    losses = [record["loss"] for record in run.history if "learning_rate" in record]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert run.metrics["accuracy"] >= 0.95  # two thirds are good reviews


def test_the_records_of_a_run(run):
    history = run.history
    training = [record for record in history if "learning_rate" in record]
    assert [record["step"] for record in training] == list(range(1, 55))
    assert [record["epoch"] for record in history if record.get("split") == "validation"][:6] == [1, 2, 3, 4, 5, 6]
    best = max((r for r in history[:-1] if "accuracy" in r), key=lambda record: record["accuracy"])
    assert history[-1] == {**best, "final": True}


def test_transformers_loads_the_model_with_equal_logits(run):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    texts = ["a superb film", "the plot was dull and very grim", "story"]
    folder = run.path / "model"
    reference = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokens = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
    model = run.model()
    arrays = model.preprocess(texts)
    np.testing.assert_array_equal(arrays["input_ids"], tokens["input_ids"])
    with torch.no_grad():
        expected = reference(**tokens).logits.numpy()
    np.testing.assert_allclose(model(arrays), expected, atol=1e-5)
    assert tuple(reference.config.id2label.values()) == model.labels
    assert reference.config.label2id == {"bad": 0, "good": 1}


def test_the_recipe_of_a_run_makes_the_same_run_again(run, tmp_path):
    again = finetune(run.recipe, output=tmp_path / "again")
    one, other = (load_file(path / "model" / "model.safetensors") for path in (run.path, again.path))
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    assert again.metrics == run.metrics
    assert again.recipe.written() | {"output": {}} == run.recipe.written() | {"output": {}}


def test_another_seed_makes_another_run(short):
    heads = []
    for seed in (0, 1):
        recipe = short.replace("train", seed=seed).replace("output", dir=f"{short.output.dir}-{seed}")
        heads.append(load_file(finetune(recipe).path / "model" / "model.safetensors")["classifier.weight"])
    assert not np.array_equal(*heads)


def test_a_listener_hears_of_everything(short):
    heard = Heard()
    finetune(short, listener=heard)
    assert heard.stages == [
        *("reading data", "loading the model", "compiling the step"),
        *("training", "evaluating", "writing the run"),
    ]
    assert heard.facts == {
        "columns": ["text = 'review', label = 'stars'"],
        "rows": ["72 train, 18 validation"],
        "classes": ["2, the largest 'good' with 66.7%, the smallest 'bad' with 33.3%"],
        "new": [f"head/classifier/kernel, head/classifier/bias; the rest as in {short.model.preset}"],
        "trained": ["20,770 of 20,770 weights (100.0%)"],
    }
    assert heard.total == 9
    assert heard.steps == list(range(1, 10))
    assert heard.baseline == ("good", pytest.approx(2 / 3))


def test_a_preset_and_a_file_are_enough(tiny_bert, csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for expected in ("runs/reviews", "runs/reviews-2"):
        run = zoo.finetune(str(tiny_bert), data=csv, overrides=["train.epochs=1", "train.batch_size=64"])
        assert str(run.path) == expected
        assert (run.recipe.data.text, run.recipe.data.label) == ("review", "stars")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]


def test_rows_from_python_are_data_too(tiny_bert, tmp_path, monkeypatch):
    import pandas

    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    frame = pandas.DataFrame({"review": ["a superb film", "dull and grim"] * 8, "stars": ["good", "bad"] * 8})
    run = zoo.finetune(str(tiny_bert), data=frame, overrides=["train.epochs=1", "data.validation=0"])
    assert run.path.name == "data"
    assert run.recipe.data.train.endswith("data.parquet")
    assert run.model().labels == ("bad", "good")
    again = zoo.finetune(run.recipe, output=tmp_path / "again")
    assert again.metrics == run.metrics


# What is refused once the data or the files are read: nothing is written


def refused(recipe: Recipe) -> str:
    with pytest.raises(ZooError) as caught:
        finetune(recipe)
    assert caught.value.exit_code == 2
    assert not Path(recipe.output.dir).parent.exists()
    return str(caught.value)


def test_a_multi_label_checkpoint_is_not_trained_as_another_kind(run, short, tmp_path):
    folder = tmp_path / "multi"
    run.model().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "problem_type": "multi_label_classification"}))
    with pytest.raises(ZooError, match="multi"):
        finetune(short.replace("model", preset=str(folder)))
    assert not Path(short.output.dir).exists()


def test_texts_longer_than_the_model_allows(short):
    told = refused(short.replace("data", max_length=49))
    assert "max_length = 49 cannot be: the model takes 3 to 48 tokens" in told


@pytest.mark.parametrize("damage", ["truncated", "altered header", "empty", "missing"])
def test_weights_that_are_damaged(short, tiny_bert, tmp_path, damage):
    folder = tmp_path / "damaged"
    folder.mkdir()
    for path in tiny_bert.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    if damage == "missing":
        weights.unlink()
    else:
        changed = {"truncated": content[:-100], "altered header": b"\xff" + content[1:], "empty": b""}
        weights.write_bytes(changed[damage])
    told = refused(short.replace("model", preset=str(folder)))
    assert "model.safetensors" in told
    assert str(folder) in told


def test_a_directory_that_is_no_checkpoint(short, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    assert "is not a checkpoint: it has no config.json" in refused(short.replace("model", preset=str(folder)))


def test_a_checkpoint_without_a_tokenizer(short, tiny_bert, tmp_path):
    folder = tmp_path / "arrays_only"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_bytes((tiny_bert / name).read_bytes())
    assert "tokenizer" in refused(short.replace("model", preset=str(folder)))


def test_class_weights_of_labels_that_are_not_there_stop_before_anything_is_written(recipe, output):
    weighed = dataclasses.replace(recipe, output=output).replace("train", class_weights={"goood": 2.0, "bad": 1.0})
    with pytest.raises(ZooError, match=r"'goood'[.] Did you mean 'good'"):
        finetune(weighed)
    assert not Path(output.dir).exists()


def test_class_weights_stand_in_the_order_of_the_labels(recipe):
    from zoo.train.setup import class_weights
    from zoo.train.splits import read_splits

    weighed = recipe.replace("train", class_weights={"good": 3.0})
    assert class_weights(weighed, read_splits(recipe).train, ["bad", "good"]) == [1.0, 3.0]
