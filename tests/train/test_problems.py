"""Runs whose labels are numbers, or several at once: learned, scored, and saved as transformers has them."""

from __future__ import annotations

import dataclasses
import json
import random

import numpy as np
import pytest

import zoo
from zoo.data.problems import MULTI, REGRESSION, SINGLE
from zoo.errors import ZooError
from zoo.train.evaluate import evaluate
from zoo.train.finetune import finetune
from zoo.train.recipe import LoraKeys, TrainKeys
from zoo.train.setup import make_model
from zoo.train.splits import read_splits

GOOD, BAD = ["superb", "lovely", "great", "fine"], ["awful", "dull", "poor", "grim"]
LEARN = TrainKeys(epochs=10, batch_size=8, learning_rate=5e-3)


def rows(count: int = 90) -> list[tuple[str, float, list[str]]]:
    """Reviews with how much of them is praise, and which kinds of words they hold."""
    chance, found = random.Random(0), []
    for _ in range(count):
        good, bad = chance.randint(0, 4), chance.randint(0, 4)
        words = chance.choices(GOOD, k=good) + chance.choices(BAD, k=bad) + chance.choices(["the", "film"], k=2)
        chance.shuffle(words)
        kinds = [kind for kind, count in (("praise", good), ("blame", bad)) if count]
        found.append((" ".join(words), (good - bad) / 4 + chance.uniform(-0.05, 0.05), kinds))
    return found


@pytest.fixture(scope="module")
def regression(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("regression")
    file = folder / "reviews.csv"
    file.write_text("review,praise\n" + "".join(f"{text},{much:.3f}\n" for text, much, _ in rows()))
    changed = recipe.replace("data", train=str(file), label="praise")
    return finetune(dataclasses.replace(changed, train=LEARN), output=folder / "run")


@pytest.fixture(scope="module")
def several(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    file = folder / "reviews.jsonl"
    file.write_text("".join(json.dumps({"review": text, "kinds": kinds}) + "\n" for text, _, kinds in rows()))
    changed = recipe.replace("data", train=str(file), label="kinds")
    longer = dataclasses.replace(LEARN, epochs=25)
    return finetune(dataclasses.replace(changed, train=longer), output=folder / "run")


def reference_logits(run, texts: list[str]):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    reference = AutoModelForSequenceClassification.from_pretrained(run.path / "model").eval()
    tokens = AutoTokenizer.from_pretrained(run.path / "model")(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return reference, reference(**tokens).logits.numpy()


# Numbers


def test_numbers_are_learned_and_the_lowest_loss_is_kept(regression):
    assert regression.recipe.data.problem_type == REGRESSION
    assert list(regression.metrics) == ["rmse", "pearson", "spearman", "loss"]
    assert regression.metrics["pearson"] > 0.9
    assert regression.metrics["loss"] == pytest.approx(regression.metrics["rmse"] ** 2)
    validated = [r for r in regression.history if r.get("split") == "validation" and not r.get("final")]
    assert regression.metrics["loss"] == min(record["loss"] for record in validated)
    assert evaluate(regression, regression.recipe.data.train)["pearson"] > 0.9


def test_transformers_reads_a_regression_as_one(regression):
    texts = ["the film superb great", "awful grim dull"]
    reference, expected = reference_logits(regression, texts)
    assert reference.config.problem_type == "regression"
    assert reference.config.id2label == {0: "praise"}
    model = regression.model()
    np.testing.assert_allclose(model(model.preprocess(texts)), expected, atol=1e-5)
    answers = model.classify(texts)
    assert [answer["label"] for answer in answers] == ["praise", "praise"]
    np.testing.assert_allclose([answer["score"] for answer in answers], expected[:, 0], atol=1e-5)
    assert answers[0]["score"] > answers[1]["score"]


def test_the_report_tells_of_numbers(regression):
    page = regression.report.read_text()
    assert "mean of training" in page
    assert "95% interval" in page
    assert "from -1" in page


def test_a_regression_can_be_trained_further(regression, tmp_path):
    recipe = regression.recipe.replace("model", preset=str(regression.path)).replace("train", epochs=1)
    again = finetune(recipe.replace("data", label="praise"), output=tmp_path / "run")
    assert again.metrics["pearson"] > 0.9
    assert again.model().labels == ("praise",)


@pytest.mark.parametrize("lora", [False, True])
def test_a_new_head_starts_at_the_mean_of_the_training_rows(recipe, tmp_path, lora):
    """So a few steps at a small rate are no worse than the constant, however far from zero the numbers are."""
    file = tmp_path / "stars.csv"
    file.write_text("review,stars\n" + "".join(f"{text},{40 + 2 * much:.3f}\n" for text, much, _ in rows()))
    keys = recipe.replace("data", train=str(file), label="stars", problem_type=REGRESSION)
    keys = dataclasses.replace(keys, train=TrainKeys(epochs=1, batch_size=16, learning_rate=1e-4))
    keys = keys.replace("model", task="text-classification", lora=LoraKeys(rank=2) if lora else None)
    splits = read_splits(keys)
    model, mean = make_model(keys, splits), np.mean(splits.train.labels)
    np.testing.assert_allclose(model.probabilities(["the film"] * 2), mean, atol=0.5)
    run = finetune(keys, output=tmp_path / "run")
    constant = float(np.sqrt(np.mean((np.array(splits.validation.labels) - mean) ** 2)))
    assert run.metrics["rmse"] < 1.05 * constant
    further = keys.replace("model", preset=str(run.path), lora=None)
    kept = make_model(further, splits)  # a head that was trained stays as it is
    np.testing.assert_array_equal(kept.head.classifier.bias, run.model().head.classifier.bias)
    texts = ["superb film", "dull story"]
    _, expected = reference_logits(run, texts)
    np.testing.assert_allclose(run.model().probabilities(texts), expected, rtol=1e-5)


def test_rows_without_a_number_are_named(recipe, tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("review,stars\nfine,0.5\ngrim,high\ndull,\npoor,nan\ngreat,1\n")
    keys = recipe.replace("data", train=str(file), problem_type=REGRESSION)
    with pytest.raises(ZooError, match="rows that are not whole") as caught:
        finetune(keys, output=tmp_path / "run")
    assert "Without a number (column 'stars'): rows 2, 3, 4." in str(caught.value)


@pytest.mark.parametrize("wrong", ["nan", "inf", "many"])
def test_one_value_that_is_no_number_makes_no_classes_of_the_others(recipe, tmp_path, wrong):
    file = tmp_path / "x.csv"
    file.write_text("review,stars\n" + "".join(f"fine,{n / 7}\n" for n in range(40)) + f"dull,{wrong}\n")
    with pytest.raises(ZooError, match="rows that are not whole") as caught:
        finetune(recipe.replace("data", train=str(file)), output=tmp_path / "run")
    assert caught.value.why == ["Without a number (column 'stars'): row 41."]


# Several labels


def test_several_labels_are_learned(several):
    assert several.recipe.data.problem_type == MULTI
    assert list(several.metrics) == ["micro_f1", "macro_f1", "exact_match", "loss"]
    assert several.metrics["micro_f1"] > 0.9
    assert several.model().labels == ("blame", "praise")


def test_transformers_reads_several_labels_as_such(several):
    texts = ["superb film", "dull and great", "the film"]
    reference, expected = reference_logits(several, texts)
    assert reference.config.problem_type == "multi_label_classification"
    assert reference.config.id2label == {0: "blame", 1: "praise"}
    model = several.model()
    np.testing.assert_allclose(model(model.preprocess(texts)), expected, atol=1e-5)
    scores = {answer["label"]: answer["score"] for answer in model.classify(texts, top_k=2)[1]}
    np.testing.assert_allclose([scores["blame"], scores["praise"]], 1 / (1 + np.exp(-expected[1])), atol=1e-5)


def test_every_label_that_is_likely_is_said(several):
    told = several.model().classify(["superb lovely film", "dull great grim superb", "the film", "awful poor"])
    assert [sorted(one["label"] for one in answer) for answer in told] == [
        ["praise"],
        ["blame", "praise"],
        [],
        ["blame"],
    ]
    assert all(answer == sorted(answer, key=lambda one: -one["score"]) for answer in told)


def test_labels_in_one_string(recipe, tmp_path):
    file = tmp_path / "x.csv"
    text = "".join(f"{text},{' ; '.join(kinds)}\n" for text, _, kinds in rows(30))
    file.write_text("review,kinds\n" + text)
    keys = recipe.replace("data", train=str(file), label="kinds", problem_type=MULTI, separator=";")
    run = finetune(keys.replace("train", epochs=1), output=tmp_path / "run")
    assert run.model().labels == ("blame", "praise")


def test_a_list_where_one_label_is_needed(recipe, tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text('{"review": "fine", "stars": ["a", "b"]}\n{"review": "dull", "stars": ["a"]}\n')
    with pytest.raises(ZooError) as caught:
        finetune(recipe.replace("data", train=str(file), problem_type=SINGLE), output=tmp_path / "run")
    assert "With a list where one label is needed (column 'stars'): rows 1, 2." in str(caught.value)


def test_smoothing_is_for_classes(recipe, several, tmp_path):
    keys = several.recipe.replace("train", label_smoothing=0.1)
    with pytest.raises(ZooError, match="are for one class an input"):
        finetune(keys, output=tmp_path / "run")


# With Keras' own fit


@pytest.mark.parametrize(("problem", "labels"), [(MULTI, ("a", "b")), (REGRESSION, ("much",))])
def test_fit_trains_such_heads_too(tiny_bert, tmp_path, problem, labels):
    from zoo.loading import build, locate

    model = build(locate(str(tiny_bert)), task="text-classification", labels=labels, problem=problem)
    targets = [0.5, -0.5] if problem == REGRESSION else [["a"], ["a", "b"]]
    model.compile()
    history = model.fit(model.dataset(["superb film", "dull story"], targets), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    model.save_pretrained(tmp_path / "saved")
    assert zoo.load(tmp_path / "saved").problem == problem


# Guesses


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["good", "bad"], SINGLE),
        (["1", "2", "3"] * 9, SINGLE),
        ([0.5, 1.0, 1.5] * 9, SINGLE),  # stars with halves
        ([n / 7 for n in range(40)], REGRESSION),
        ([str(n / 7) for n in range(40)], REGRESSION),
        ([n / 7 for n in range(40)] + ["many"], REGRESSION),
        ([n / 7 for n in range(40)] + ["many"] * 5, SINGLE),
        ([n / 7 for n in range(40)] + [float("nan")] * 9, REGRESSION),
        ([str(n / 7) for n in range(40)] + ["nan", "inf", "-Infinity"], REGRESSION),
        ([float("nan")] * 40 + [0.5, 1.5], SINGLE),
        ([["a"], []], MULTI),
        ([None, "", "a"], SINGLE),
        ([], SINGLE),
    ],
)
def test_what_a_column_means_is_guessed(values, problem):
    from zoo.data.problems import guess_problem

    assert guess_problem(values) == problem
