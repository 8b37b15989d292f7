"""zoo.train.check: what a recipe would do, before any weight is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest

import zoo
from zoo.backend import abstractly
from zoo.errors import ZooError
from zoo.train import check as module
from zoo.train.check import check
from zoo.train.footprint import footprint


@pytest.fixture(scope="module")
def bare(tiny_bert, tmp_path_factory) -> Path:
    """The tiny checkpoint without its weights."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tiny_bert / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def found(recipe, bare, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checked")
    found = zoo.check(recipe.replace("model", preset=str(bare)).replace("output", dir=str(folder / "run")))
    assert list(folder.iterdir()) == []
    return found


def test_it_needs_no_weights_and_tells_of_data_and_step(found, tiny_bert):
    assert found.rows == {"train": 72, "validation": 18}
    assert found.classes == {"bad": 24, "good": 48}
    assert found.data["classes"] == "2, the largest 'good' with 66.7%, the smallest 'bad' with 33.3%"
    assert found.data["packing"].startswith("saves ")
    assert found.steps == 54
    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    assert found.parameters == found.trainable == model.count_params()
    # Three copies at least: the weights, and AdamW's two moments.
    assert 3 * 4 * found.parameters < found.peak_bytes < found.memory_bytes
    assert found.seconds_per_step > 0
    assert found.seconds_per_step * found.steps * 0.2 < found.seconds < found.seconds_per_step * found.steps * 3
    assert json.loads(json.dumps(found.written()))["steps"] == 54


def test_the_arithmetic_is_that_of_forward_and_backward(found, recipe, tiny_bert):
    """Matrix products alone: twice their weights for each token forward, and twice that backward."""
    dim, wide, layers = 32, 64, 2
    rows, length = 8, 32
    products = layers * (4 * dim * dim + 2 * dim * wide)
    attention = layers * 2 * length * dim
    most = 6 * rows * length * (products + attention)
    assert 0.2 * most < found.flops_per_step < 2.5 * most


def test_the_compiled_step_is_the_one_that_trains(recipe, tiny_bert):
    """The program made of shapes gives, on the real values, what the run's own step gives."""
    from zoo.train.feeds import make_batches
    from zoo.train.finetune import resolve
    from zoo.train.setup import make_model, trainer_for
    from zoo.train.splits import read_splits

    recipe = resolve(recipe)
    splits = read_splits(recipe)

    def make(weights=None):
        model = make_model(recipe, splits, weights)
        batches = make_batches(recipe, model, splits)
        return batches, trainer_for(recipe, model, len(batches), splits.train)[0]

    (batches, trainer), shapes = abstractly(lambda: make("random"), lambda made: made[1].start())
    assert all(isinstance(x, jax.ShapeDtypeStruct) for x in jax.tree.leaves(shapes))
    batch = batches.batch(batches.largest)
    step = footprint(trainer, shapes, batch)
    _, real = make()
    start, frozen = real.start()  # both steps give the state's buffers away
    state, loss = step.compiled(jax.tree.map(lambda x: x.copy(), start), frozen, *batch)
    again, same = real.step(start, frozen, *batch)
    assert float(loss) == float(same)
    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_step_that_does_not_fit_is_stopped_with_what_would(recipe, bare, monkeypatch):
    recipe = recipe.replace("model", preset=str(bare))
    needed = check(recipe).peak_bytes
    monkeypatch.setattr("zoo.train.preflight.device_memory", lambda held=0: int(needed * 1.01))
    with pytest.raises(ZooError, match="does not fit in memory") as caught:
        check(recipe)
    assert caught.value.fix.startswith("train.batch_size = ")
    size = int(caught.value.fix.split()[2])
    assert 1 <= size < recipe.train.batch_size


def test_a_model_beyond_any_memory_is_never_allocated(recipe, bare, tmp_path):
    """Fifty billion weights: the shapes are enough to see that they do not fit."""
    folder = tmp_path / "huge"
    folder.mkdir()
    for path in bare.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    config = json.loads((bare / "config.json").read_text())
    huge = {"hidden_size": 65536, "intermediate_size": 4 * 65536, "num_hidden_layers": 1}
    (folder / "config.json").write_text(json.dumps(config | huge))
    with pytest.raises(ZooError, match="does not fit in memory: it takes") as caught:
        check(recipe.replace("model", preset=str(folder)))
    assert "No batch fits beside these weights" in caught.value.fix


def test_what_data_is_refused_for_is_refused_here(recipe, bare, tmp_path):
    file = tmp_path / "one.csv"
    file.write_text("review,stars\nsuperb,good\nfine,good\n")
    with pytest.raises(ZooError, match="has one class only"):
        check(recipe.replace("model", preset=str(bare)), data=file)


def rows(tmp_path, rows) -> str:
    file = tmp_path / "rows.csv"
    file.write_text("review,stars\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return str(file)


def advised(recipe, bare, data, **keys) -> str:
    recipe = recipe.replace("model", preset=str(bare)).replace("data", train=data, **keys)
    return module.check(recipe).advice


def test_advice_on_texts_that_are_cut_off(recipe, bare, tmp_path):
    data = rows(tmp_path, [(f"the film {'was ' * (15 + n)}fine", "good" if n % 2 else "bad") for n in range(16)])
    assert advised(recipe, bare, data, max_length=16).startswith("data.max_length = 48: 100% of the texts lose")


def test_advice_on_padding(recipe, bare, tmp_path):
    some = [("the film " + "was " * (n % 3), "good" if n % 2 else "bad") for n in range(15)]
    data = rows(tmp_path, [*some, ("story " * 44, "good")])
    assert advised(recipe, bare, data, packing=False, validation=0).startswith("data.packing = true: ")


def test_advice_on_a_rare_class_and_on_nothing(recipe, bare, tmp_path):
    plain = [(f"the film was {word} {'very ' * (n % 5)}", "good") for n, word in enumerate(["fine", "great"] * 20)]
    data = rows(tmp_path, [*plain, ("dull and grim", "bad"), ("poor", "bad")])
    told = advised(recipe, bare, data, validation=0)
    assert told == "more rows of 'bad': it has 2, the largest class 40"
    even = [(f"the film was {word} {'very ' * (n % 5)}", word) for n, word in enumerate(["fine", "dull"] * 20)]
    assert advised(recipe, bare, rows(tmp_path, even), validation=0) == ""


def test_free_memory_is_what_the_kernel_and_the_container_leave(tmp_path, monkeypatch):
    from zoo.train import footprint as measured

    (tmp_path / "meminfo").write_text("MemTotal: 4000 kB\nMemAvailable:    2000 kB\n")
    monkeypatch.setattr(measured, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(measured, "_CGROUP", tmp_path)
    assert measured.host_memory() == 2000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    assert measured.host_memory() == 2000 * 1024
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert measured.host_memory() == 600000
    (tmp_path / "memory.stat").write_text("anon 90000\nfile 310000\ninactive_file 200000\nactive_file 100000\n")
    assert measured.host_memory() == 900000  # files that are held are given back
