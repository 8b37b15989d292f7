"""Ways to train, each by what its run reaches and records: data, precision, steps, stopping, and what diverges."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

import zoo
from tests.train.listeners import Heard, until_all_is_saved
from zoo.errors import RunError
from zoo.train.evaluate import evaluate
from zoo.train.finetune import finetune
from zoo.train.listener import Silent
from zoo.train.optimizer import Schedule


def write_rows(path: Path, rows: list[tuple[str, ...]], header: str = "review,stars") -> str:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return str(path)


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


def test_files_of_their_own_for_validation_and_test(short, tmp_path):
    rows = [("a superb film", "good"), ("dull and grim", "bad"), ("lovely", "good")]
    validation = write_rows(tmp_path / "v.csv", rows)
    test = write_rows(tmp_path / "t.csv", rows[:2])
    heard = Heard()
    run = finetune(short.replace("data", validation=validation, test=test), listener=heard)
    assert heard.facts["rows"] == ["90 train, 3 validation, 2 test"]
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
    short = short.replace("train", batch_size=80, epochs=4)  # steps of all examples, whatever their lengths
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
    class Waiting(Silent):
        def step(self, step: int, loss: float, examples_per_second: float) -> None:
            until_all_is_saved()

    # The rate explodes at step 12.
    recipe = short.replace("train", learning_rate=1e-3, epochs=3, checkpoint_steps=2)
    calm = Schedule.__call__
    monkeypatch.setattr(Schedule, "__call__", lambda self, step: jnp.where(step < 12, calm(self, step), 1e30))
    with pytest.raises(RunError, match="diverged") as caught:
        finetune(recipe, listener=Waiting())
    assert re.fullmatch(r"the last good checkpoint is that of step (9|1[012])", caught.value.why[1])


def test_steps_in_place_of_epochs_and_early_stopping(short):
    run = finetune(short.replace("train", steps=13, evaluate_steps=5))
    scored = [record["step"] for record in run.history if record.get("split") == "validation"][:-1]
    assert scored == [5, 9, 10, 13]
    heard = Heard()
    recipe = short.replace("train", epochs=9, early_stopping=1, learning_rate=1e-9)
    run = finetune(recipe.replace("output", dir=f"{short.output.dir}-early"), listener=heard)
    assert heard.facts["stopped"] == ["early, at step 18: 1 evaluations were no better"]
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
