"""Text classification: scores as transformers' pipeline gives them, and training as plain Keras."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import torch
import transformers

import zoo
from zoo.tasks.labelled import label_numbers
from zoo.testing import tiny_decoder

LABELS = ("bad", "good", "odd")
TEXTS = ["the film was good.", "", "bad " * 60, "a very, very bad film", "paris", ("a film", "was good")]


@pytest.fixture(scope="module")
def folder(checkpoint):
    return checkpoint("BertForSequenceClassification", LABELS)


@pytest.fixture(scope="module")
def model(folder):
    return zoo.load(folder)


def as_pipeline(text):
    return {"text": text[0], "text_pair": text[1]} if isinstance(text, tuple) else text


@pytest.mark.parametrize("top_k", [1, 2, 3, 9])
def test_scores_are_the_pipelines(top_k, model, folder):
    pipeline = transformers.pipeline("text-classification", model=str(folder), tokenizer=str(folder))
    theirs = [pipeline(as_pipeline(t), top_k=top_k, truncation=True, max_length=40) for t in TEXTS]

    ours = model.classify(TEXTS, top_k=top_k)

    assert [[row["label"] for row in rows] for rows in ours] == [[row["label"] for row in rows] for rows in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert [row["score"] for row in mine] == pytest.approx([row["score"] for row in other], abs=1e-5)
    assert model.classify(TEXTS) == [rows[0] for rows in ours]


@pytest.mark.parametrize(
    ("labels", "settings"),
    [
        (LABELS, {"problem_type": "multi_label_classification"}),
        (LABELS, {"problem_type": "regression"}),
        (LABELS, {"problem_type": "single_label_classification"}),
        (("relevance",), {}),
        (("stars",), {"problem_type": "regression"}),
    ],
)
def test_other_kinds_of_scores_are_the_pipelines_too(labels, settings, checkpoint):
    folder = checkpoint("BertForSequenceClassification", labels, **settings)
    pipeline = transformers.pipeline("text-classification", model=str(folder), tokenizer=str(folder))

    ours = zoo.load(folder).classify(TEXTS, top_k=3)

    for text, rows in zip(TEXTS, ours, strict=True):
        theirs = pipeline(as_pipeline(text), top_k=3, truncation=True, max_length=40)
        assert [row["label"] for row in rows] == [row["label"] for row in theirs]
        assert [row["score"] for row in rows] == pytest.approx([row["score"] for row in theirs], abs=1e-5)


def test_a_head_that_means_something_else_is_not_trained_as_a_classifier(checkpoint, tmp_path):
    folder = checkpoint("BertForSequenceClassification", ("stars",), problem_type="regression")

    assert type(zoo.load(folder).default_loss()).__name__ == "MeanSquaredError"
    with pytest.raises(zoo.ZooError, match="needs a number, and has 'good'"):
        zoo.load(folder).dataset(["a fine film"], ["good"])
    fresh = zoo.load(folder, labels=["bad", "good"])
    fresh.compile()
    fresh.save_pretrained(tmp_path / "saved")
    assert transformers.AutoConfig.from_pretrained(tmp_path / "saved").problem_type is None


@pytest.fixture
def reviews():
    texts = [f"the {a} film was {b} {c}." for a in ("very", "a") for b in ("good", "bad") for c in "abcdefgh"]
    return texts, ["good" if "good" in text else "bad" for text in texts]


def test_fit_is_plain_keras(checkpoint, reviews, tmp_path):
    texts, labels = reviews
    model = zoo.load(checkpoint("BertModel"), task="text-classification", labels=["bad", "good"], seed=3)
    before = {v.path: np.asarray(v.value) for v in model.trainable_variables}
    log, steps = tmp_path / "log.csv", []
    callbacks = [
        keras.callbacks.CSVLogger(str(log)),
        keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: steps.append(logs["loss"])),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss", save_best_only=True),
    ]

    model.compile(optimizer=keras.optimizers.AdamW(3e-3))
    data = model.dataset(texts, labels, batch_size=8)
    history = model.fit(data, epochs=10, verbose=0, callbacks=callbacks).history

    assert history["loss"][-1] < history["loss"][0] / 2
    assert log.read_text().count("\n") == 11
    assert len(steps) == 40
    assert any((before[v.path] != v.value).any() for v in model.trainable_variables)
    scores = model.evaluate(data, verbose=0, return_dict=True)
    assert scores["accuracy"] == 1.0
    assert [row["label"] for row in model.classify(texts)] == labels
    assert [row["label"] for row in zoo.load(tmp_path / "best.keras").classify(texts)] == labels


def test_fit_takes_arrays(model, reviews):
    texts, labels = reviews
    arrays, targets = model.preprocess(texts), np.array(label_numbers(labels, model.labels))
    model.compile()

    scores = model.evaluate(arrays, targets, verbose=0, return_dict=True)

    probabilities = model.probabilities(texts)
    expected = -np.log(probabilities[np.arange(len(texts)), targets]).mean()
    assert scores["loss"] == pytest.approx(expected, abs=1e-5)
    assert scores["accuracy"] == pytest.approx((probabilities.argmax(1) == targets).mean())


@pytest.mark.parametrize(
    "raw", [["a text", "another"], np.array(["a", "b"]), "a text", [("a", "pair")], (["a"], [0])]
)
def test_raw_texts_are_refused(raw, model):
    model.compile()

    for run in (model.fit, model.evaluate):
        with pytest.raises(zoo.ZooError, match="these are raw texts"):
            run(raw)


def test_a_data_set_has_a_new_order_each_epoch_that_the_seed_decides(model, reviews):
    def epoch(data):
        return np.concatenate([data[n][1] for n in range(len(data))]).tolist()

    one, same, other = (model.dataset(*reviews, batch_size=5, seed=seed) for seed in (0, 0, 1))
    first = epoch(one)
    assert len(one) == 7
    assert first == epoch(same) != epoch(other)
    one.on_epoch_end()
    assert epoch(one) != first
    assert sorted(epoch(one)) == sorted(first)


def test_texts_that_fill_the_model_are_padded_no_further(model):
    arrays, _ = model.dataset(["bad " * 60, "good"], ["bad", "good"])[0]

    assert arrays["input_ids"].shape == (2, 40)
    assert np.isfinite(model(arrays)).all()


@pytest.mark.parametrize(
    ("given", "labels", "numbers"),
    [
        (["good", "bad"], ("bad", "good"), [1, 0]),
        ([1, np.int64(0)], ("bad", "good"), [1, 0]),
        (np.array([1, 0]), ("bad", "good"), [1, 0]),
        ([1, "5", 3], ("1", "3", "5"), [0, 2, 1]),
    ],
)
def test_labels_as_names_and_as_numbers(given, labels, numbers):
    assert label_numbers(given, labels) == numbers


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        (["god"], ("bad", "good")),
        ([2], ("bad", "good")),
        ([-1], ("bad", "good")),
        ([None], ("bad", "good")),
        ([0.5], ("bad", "good")),
        ([0], ("1", "2")),
    ],
)
def test_a_label_the_model_lacks(given, labels):
    with pytest.raises(zoo.ZooError, match=f"no label '{given[0]}'") as caught:
        label_numbers(given, labels)

    assert caught.value.why == [f"its labels are {', '.join(labels)}"]


@pytest.mark.parametrize(
    ("texts", "labels", "options", "message"),
    [
        (["a", "b"], ["bad"], {}, "2 inputs and 1 labels"),
        ([], [], {}, "nothing to train on"),
        (["a"], ["bad"], {"batch_size": 0}, "nothing to train on"),
        ([5], ["bad"], {}, "not a text"),
    ],
)
def test_a_data_set_that_cannot_be(texts, labels, options, message, model):
    with pytest.raises(zoo.ZooError, match=message):
        model.dataset(texts, labels, **options)


@pytest.mark.parametrize(("named", "written"), [("<pad>", 0), (None, 2)], ids=str)
def test_a_saved_decoder_names_the_token_that_its_rows_are_padded_with(named, written, tmp_path):
    folder = tiny_decoder(tmp_path / "made", ["the film was good!", "bad"] * 9, initializer_range=0.3)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"pad_token": named}))
    model = zoo.load(folder, task="text-classification", labels=["bad", "good"])
    texts = ["the film was good!", "bad", "!"]

    model.save_pretrained(tmp_path / "saved")

    assert json.loads((tmp_path / "saved" / "config.json").read_text())["pad_token_id"] == written
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    tokenizer.pad_token = named or tokenizer.eos_token
    inputs = tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved").eval()
    with torch.no_grad():
        chances = theirs(**inputs).logits.softmax(dim=-1).numpy()
    np.testing.assert_allclose(model.probabilities(texts), chances, atol=1e-5)
