"""zoo.train.finetune: from a recipe to a run directory, or to an error and nothing at all."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

import zoo
from zoo.errors import RunError, ZooError
from zoo.train.evaluate import evaluate
from zoo.train.finetune import finetune
from zoo.train.optimizer import Schedule
from zoo.train.recipe import Recipe, TrainKeys

SHORT = TrainKeys(epochs=1, batch_size=8, learning_rate=1e-3)


class Heard:
    """A listener that remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.facts: dict[str, str] = {}
        self.steps: list[int] = []
        self.total = 0
        self.baseline = ("", 0.0)

    def stage(self, what: str) -> None:
        self.stages.append(what)

    def fact(self, name: str, value: str) -> None:
        self.facts[name] = value

    def training(self, steps: int) -> None:
        self.total = steps

    def step(self, step: int, loss: float, examples_per_second: float) -> None:
        self.steps.append(step)

    def stopping(self) -> None:
        self.stages.append("stopping")

    def result(self, label: str, share: float) -> None:
        self.baseline = (label, share)


@pytest.fixture
def short(recipe, output) -> Recipe:
    """One quick epoch, into a directory that is not there yet."""
    return dataclasses.replace(recipe, train=SHORT, output=output)


def write_rows(path: Path, rows: list[tuple[str, ...]], header: str = "review,stars") -> str:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return str(path)


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
        "columns": "text = 'review', label = 'stars'",
        "rows": "72 train, 18 validation",
        "classes": "2, the largest 'good' with 66.7%, the smallest 'bad' with 33.3%",
        "new": f"head/classifier/kernel, head/classifier/bias; the rest as in {short.model.preset}",
        "trained": "20,770 of 20,770 weights (100.0%)",
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


# Ways to train


def test_validation_0_trains_on_all_and_keeps_the_last_weights(short):
    run = finetune(short.replace("data", validation=0))
    assert [record["split"] for record in run.history if "split" in record] == ["train"]
    assert run.history[-1]["step"] == 12
    assert run.history[-1]["epoch"] == 1


@pytest.mark.parametrize("max_length", [8, None])
def test_a_run_is_used_as_it_was_trained(short, csv, max_length):
    run = finetune(short.replace("data", max_length=max_length, validation=0))
    model = zoo.load(run.path)
    assert model.preprocess.max_length == run.recipe.data.max_length == (max_length or 48)
    assert evaluate(run, csv) == pytest.approx(run.metrics)
    # Keras' own format keeps it too.
    model.save(run.path / "again.keras")
    assert zoo.load(run.path / "again.keras").preprocess.max_length == (max_length or 48)


def test_what_is_new_is_told(short):
    heard = Heard()
    finetune(short, listener=heard)
    assert heard.facts["new"].startswith("head/")


def test_a_multi_label_checkpoint_is_not_trained_as_another_kind(run, short, tmp_path):
    folder = tmp_path / "multi"
    run.model().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "problem_type": "multi_label_classification"}))
    with pytest.raises(ZooError, match="multi"):
        finetune(short.replace("model", preset=str(folder)))
    assert not Path(short.output.dir).exists()


def test_files_of_their_own_for_validation_and_test(short, tmp_path):
    rows = [("a superb film", "good"), ("dull and grim", "bad"), ("lovely", "good")]
    validation = write_rows(tmp_path / "v.csv", rows)
    test = write_rows(tmp_path / "t.csv", rows[:2])
    heard = Heard()
    run = finetune(short.replace("data", validation=validation, test=test), listener=heard)
    assert heard.facts["rows"] == "90 train, 3 validation, 2 test"
    assert run.history[-1]["split"] == "test"
    assert heard.baseline == ("good", 0.5)
    assert evaluate(run, test) == pytest.approx(run.metrics)


def test_pairs_of_texts(short, tmp_path):
    kinds = (("fine", "yes"), ("dull", "no"))
    rows = [(f"the film was {word}", f"story {word} plot", label) for word, label in kinds]
    file = write_rows(tmp_path / "pairs.csv", rows * 8, "first,second,same")
    changed = short.replace("data", train=file, text="first", text_pair="second", label="same", validation=0)
    run = finetune(changed)
    assert run.recipe.data.text_pair == "second"
    (answer,) = run.model().classify([("the film was fine", "story fine plot")])
    assert answer["label"] in ("yes", "no")
    assert run.metrics["accuracy"] == 1 or " / story " in run.report.read_text()


def test_padded_rows_reach_the_same(short):
    short = short.replace("train", batch_size=16)  # for four steps, which are too few to be made by length
    packed = finetune(short)
    padded = finetune(short.replace("data", packing=False).replace("output", dir=f"{short.output.dir}-padded"))
    losses = [[r["loss"] for r in run.history if "learning_rate" in r] for run in (packed, padded)]
    np.testing.assert_allclose(*losses, atol=1e-4)


def test_bfloat16_computes_in_it_and_keeps_float32_weights(short):
    run = finetune(short.replace("train", precision="bfloat16", learning_rate=5e-3, epochs=8))
    weights = load_file(run.path / "model" / "model.safetensors")
    assert {str(value.dtype) for value in weights.values()} == {"float32"}
    assert run.metrics["accuracy"] > 2 / 3


def test_random_weights_need_no_weight_file(short, tiny_bert, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (bare / name).write_bytes((tiny_bert / name).read_bytes())
    run = finetune(short.replace("model", preset=str(bare), weights="random"))
    assert np.isfinite(run.metrics["loss"])


def test_a_run_can_be_trained_further_under_its_own_labels(run, short):
    further = finetune(short.replace("model", preset=str(run.path)))
    assert further.metrics["accuracy"] >= 0.95
    assert further.model().labels == ("bad", "good")


def test_numbers_are_ordered_as_numbers(short, tmp_path):
    rows = [(f"the film {word}", str(n)) for n, word in ((10, "fine"), (9, "dull"))] * 8
    run = finetune(short.replace("data", train=write_rows(tmp_path / "n.csv", rows)))
    assert run.model().labels == ("9", "10")
    assert json.loads((run.path / "model" / "config.json").read_text())["id2label"] == {"0": "9", "1": "10"}


@pytest.mark.parametrize("epochs", [1, 2])  # seen when the only step is evaluated, or in the next step's loss
def test_a_run_that_diverges_says_so(short, epochs):
    validation = 0.2 if epochs == 1 else 0
    recipe = short.replace("train", learning_rate=1e30, epochs=epochs, warmup=0, batch_size=90)
    recipe = recipe.replace("data", validation=validation)
    with pytest.raises(RunError, match=r"not numbers|diverged") as caught:
        finetune(recipe)
    assert "train.learning_rate" in caught.value.fix
    assert caught.value.exit_code == 1
    seen, last = caught.value.why
    assert seen.startswith("the step saw rows ")
    assert seen.endswith(f"of '{recipe.data.train}'")
    assert last == "there is no checkpoint of before"
    assert not (Path(short.output.dir) / "model").exists()


def test_a_run_that_diverges_late_names_the_last_good_checkpoint(short, monkeypatch):
    class Slow(Heard):
        def step(self, step: int, loss: float, examples_per_second: float) -> None:
            time.sleep(0.2)  # so that the checkpoint is whole

    # The rate explodes at step 12.
    recipe = short.replace("train", learning_rate=1e-3, epochs=3, checkpoint_steps=2)
    calm = Schedule.__call__
    monkeypatch.setattr(Schedule, "__call__", lambda self, step: jnp.where(step < 12, calm(self, step), 1e30))
    with pytest.raises(RunError, match="diverged") as caught:
        finetune(recipe, listener=Slow())
    assert re.fullmatch(r"the last good checkpoint is that of step (9|1[012])", caught.value.why[1])


def test_steps_in_place_of_epochs_and_early_stopping(short):
    run = finetune(short.replace("train", steps=13, evaluate_steps=5))
    scored = [record["step"] for record in run.history if record.get("split") == "validation"][:-1]
    assert scored == [5, 9, 10, 13]
    heard = Heard()
    recipe = short.replace("train", epochs=9, early_stopping=1, learning_rate=1e-9)
    run = finetune(recipe.replace("output", dir=f"{short.output.dir}-early"), listener=heard)
    assert heard.facts["stopped"] == "early, at step 18: 1 evaluations were no better"
    assert run.history[-1]["step"] == 9


@pytest.mark.parametrize(
    "keys",
    [
        {"optimizer": "muon", "layer_decay": 0.7, "schedule": "wsd"},
        {"freeze": "all but 1", "remat": "layers", "class_weights": "balanced", "accumulate": 3},
        {"optimizer": "lion", "remat": "elementwise", "precision": "bfloat16"},
    ],
    ids=lambda keys: "-".join(map(str, keys.values())),
)
def test_ways_to_train_go_together(short, keys):
    run = finetune(short.replace("train", **keys))
    assert np.isfinite(run.metrics["loss"])
    assert run.recipe.train == dataclasses.replace(short.train, **keys)


# What is refused once the data or the files are read: nothing is written


def refused(recipe: Recipe) -> str:
    with pytest.raises(ZooError) as caught:
        finetune(recipe)
    assert caught.value.exit_code == 2
    assert not Path(recipe.output.dir).parent.exists()
    return str(caught.value)


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
