"""Runs of token classification: a tag for every word, from the file to the saved model."""

from __future__ import annotations

import dataclasses
import json
import random

import numpy as np
import pytest

import zoo
from zoo.data.entities import entities
from zoo.data.examples import Examples
from zoo.data.problems import TOKENS
from zoo.errors import ZooError
from zoo.train.baselines import constant
from zoo.train.batches import Batches
from zoo.train.evaluate import evaluate
from zoo.train.finetune import finetune
from zoo.train.intervals import interval
from zoo.train.recipe import Recipe, TrainKeys
from zoo.train.token_scores import TokenScores

GOOD, BAD = ["superb", "lovely", "great", "fine"], ["awful", "dull", "poor", "grim"]
PLAIN = ["the", "film", "story", "plot", "was", "with", "some"]
LABELS = ["B-BLAME", "B-PRAISE", "I-BLAME", "I-PRAISE", "O"]


def sentences(count: int = 80) -> list[dict[str, list[str]]]:
    """Sentences in which runs of words of praise or blame are entities."""
    chance, found = random.Random(0), []
    for _ in range(count):
        words, tags = [], []
        for _ in range(chance.randint(1, 3)):
            words.append(chance.choice(PLAIN))
            tags.append("O")
            kind, source = chance.choice([("PRAISE", GOOD), ("BLAME", BAD)])
            for place in range(chance.randint(0, 2)):
                words.append(chance.choice(source))
                tags.append(f"{'I' if place else 'B'}-{kind}")
        found.append({"words": words, "ner_tags": tags})
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("tokens") / "sentences.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in sentences()))
    return str(path)


@pytest.fixture(scope="module")
def keys(recipe, file) -> Recipe:
    recipe = recipe.replace("model", task="token-classification")
    recipe = recipe.replace("data", train=file, text=None, label=None)
    return dataclasses.replace(recipe, train=TrainKeys(epochs=60, batch_size=8, learning_rate=5e-3))


@pytest.fixture(scope="module")
def run(keys, tmp_path_factory):
    return finetune(keys, output=tmp_path_factory.mktemp("runs") / "tags")


def test_tags_are_learned(run, file):
    assert (run.recipe.data.tokens, run.recipe.data.label) == ("words", "ner_tags")
    assert list(run.metrics) == ["f1", "accuracy", "loss"]
    assert run.metrics["f1"] > 0.9
    assert run.model().labels == tuple(LABELS)
    assert evaluate(run, file)["f1"] > 0.9


def test_the_spans_of_a_text(run):
    (spans,) = run.model().tag(["the film was superb fine with awful plot"])
    assert [(span["entity"], span["word"]) for span in spans] == [("PRAISE", "superb fine"), ("BLAME", "awful")]


def test_transformers_loads_the_model_with_equal_logits(run):
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    texts = ["the film was superb", "dull story with some grim plot"]
    reference = AutoModelForTokenClassification.from_pretrained(run.path / "model").eval()
    tokens = AutoTokenizer.from_pretrained(run.path / "model")(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = reference(**tokens).logits.numpy()
    model = run.model()
    there = tokens["attention_mask"].numpy().astype(bool)
    np.testing.assert_allclose(np.array(model(model.preprocess(texts)))[there], expected[there], atol=1e-5)
    assert reference.config.id2label == dict(enumerate(LABELS))


def test_the_report_marks_the_words(run):
    page = run.report.read_text()
    assert "most frequent tag, “O”" in page
    assert "5 on " in page


def test_packed_and_padded_rows_have_the_same_loss_and_gradient_as_transformers(tiny_bert):
    import jax
    import torch
    from transformers import AutoModelForTokenClassification

    from zoo.loading import build, locate

    model = build(locate(str(tiny_bert)), task="token-classification", labels=LABELS)
    rows = sentences(6)
    encoded, targets = model.encode_labelled([row["words"] for row in rows], [row["ner_tags"] for row in rows])
    loss = model.objective()

    def loss_and_gradient(packed: bool):
        batch = Batches(encoded, targets, 8, 1, 0, packed, 0, 48).batch(0)
        arrays, wanted, weights = batch
        assert wanted.shape == weights.shape == arrays["input_ids"].shape
        assert weights.sum() == sum(len(row["words"]) for row in rows)
        fixed = [v.value for v in model.non_trainable_variables]

        def mean(trainable):
            outputs, _ = model.stateless_call(trainable, fixed, arrays, training=True)
            total, weight = loss(outputs, wanted, weights)
            return total / weight

        return jax.jit(jax.value_and_grad(mean))([v.value for v in model.trainable_variables])

    (packed, gradient), (padded, other) = loss_and_gradient(True), loss_and_gradient(False)
    assert float(packed) == pytest.approx(float(padded), abs=1e-6)
    for one, two in zip(gradient, other, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)

    reference = AutoModelForTokenClassification.from_pretrained(tiny_bert, num_labels=len(LABELS)).eval()
    with torch.no_grad():
        reference.classifier.weight.copy_(torch.from_numpy(np.array(model.head.classifier.kernel)))
        reference.classifier.bias.copy_(torch.from_numpy(np.array(model.head.classifier.bias)))
    arrays = model.preprocess.pad(encoded)
    labels = np.full(arrays["input_ids"].shape, -100)
    for row, own in enumerate(targets):
        labels[row, : len(own)] = own
    given = {name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()}
    expected = reference(**given, labels=torch.from_numpy(labels)).loss
    assert float(packed) == pytest.approx(expected.item(), abs=1e-5)


def scores(tags: list[list[str]], said: list[list[str]]) -> TokenScores:
    names = tuple(sorted({tag for row in (*tags, *said) for tag in row}))
    places = np.array([(n, k) for n, row in enumerate(tags) for k in range(len(row))])
    targets = np.array([names.index(tag) for row in tags for tag in row])
    outputs = np.eye(len(names))[[names.index(tag) for row in said for tag in row]]
    return TokenScores(outputs * 0.98 + 0.01, targets, places, names)


def test_f1_is_seqevals():
    from seqeval.metrics import accuracy_score, f1_score

    tags = [row["ner_tags"] for row in sentences(40)]
    chance = random.Random(1)
    said = [[chance.choice(LABELS) if chance.random() < 0.2 else tag for tag in row] for row in tags]
    found = scores(tags, said)
    assert found.metrics["f1"] == pytest.approx(f1_score(tags, said))
    assert found.metrics["accuracy"] == pytest.approx(accuracy_score(tags, said))
    low, high = interval(found)
    assert low < found.metrics["f1"] < high


@pytest.mark.parametrize("mark", ["B-", ""])
def test_an_interval_is_of_whole_sentences_whose_tags_are_read_once(mark, monkeypatch):
    from zoo.train import token_scores

    tags = [[f"{mark}{tag[2:]}" if tag != "O" else tag for tag in row["ner_tags"]] for row in sentences(30)]
    chance, names = random.Random(1), sorted({tag for row in tags for tag in row})
    said = [[chance.choice(names) if chance.random() < 0.3 else tag for tag in row] for row in tags]
    drawn = np.random.default_rng(5)
    expected = []
    for _ in range(4):
        chosen = drawn.integers(30, size=30)
        expected.append(scores([tags[n] for n in chosen], [said[n] for n in chosen]).metrics)

    read = []
    monkeypatch.setattr(token_scores, "entities", lambda row: read.append(row) or entities(row))
    found = scores(tags, said)
    for metric in ("f1", "accuracy", "loss"):
        again = found.resampled(metric, np.random.default_rng(5), 4)
        assert again == pytest.approx([one[metric] for one in expected])
    interval(found)
    assert len(read) == (60 if mark else 0)  # what is there and what is said, of 30 sentences


def test_plain_tags_have_the_mean_f1_of_the_tags():
    from sklearn.metrics import f1_score

    tags, said = [["NOUN", "VERB", "NOUN"], ["VERB"]], [["NOUN", "NOUN", "NOUN"], ["VERB"]]
    expected = f1_score(["NOUN", "VERB", "NOUN", "VERB"], ["NOUN", "NOUN", "NOUN", "VERB"], average="macro")
    assert scores(tags, said).metrics["f1"] == pytest.approx(expected)


def test_always_saying_the_commonest_tag_finds_no_entity():
    examples = Examples([("a", "b", "c")], [("O", "B-X", "O")], [1], "x", TOKENS)
    assert constant(examples, examples, ["B-X", "O"]) == ("O", 0.0)


# Faults


def refused(keys, tmp_path, rows: list[dict], **data) -> str:
    file = tmp_path / "x.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ZooError) as caught:
        finetune(keys.replace("data", train=str(file), **data), output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    return str(caught.value)


def test_rows_that_are_not_whole(keys, tmp_path):
    rows = [
        {"words": ["fine", "film"], "ner_tags": ["B-X", "O"]},
        {"words": ["fine"], "ner_tags": ["O", "O"]},
        {"words": [], "ner_tags": []},
        {"words": ["a", " "], "ner_tags": ["O", "B-X"]},
        {"words": ["a"], "ner_tags": [""]},
    ]
    told = refused(keys, tmp_path, rows)
    assert "Without words (column 'words'): row 3." in told
    assert "With more or fewer tags (column 'ner_tags') than words: row 2." in told
    assert "With an empty word: row 4." in told
    assert "With an empty tag: row 5." in told


def test_columns_that_hold_no_lists(keys, tmp_path):
    rows = [{"words": "fine film", "ner_tags": ["O", "O"]}] * 2
    assert "data.tokens: column 'words' holds string, not lists" in refused(keys, tmp_path, rows, tokens="words")
    assert "data.tokens: there is no column 'word'. Did you mean 'words'?" in refused(
        keys, tmp_path, rows, tokens="word"
    )


def test_one_tag_only(keys, tmp_path):
    told = refused(keys, tmp_path, [{"words": ["a", w], "ner_tags": ["O", "O"]} for w in ("film", "plot", "story")])
    assert "has one label only: 'O'" in told


def test_one_sequence_of_tags_for_all_is_enough(keys, tmp_path):
    rows = [{"words": [plain, word], "ner_tags": ["O", "B-X"]} for plain in PLAIN for word in GOOD]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = zoo.check(keys.replace("data", train=str(tmp_path / "x.jsonl")))
    assert found.classes == {"B-X": 22, "O": 22}  # a fifth is held out


def test_words_that_are_cut_off_everywhere(keys):
    from zoo.train.feeds import _check_labelled

    examples = Examples([("a",)], [("O",)], [1], "x.jsonl", TOKENS)
    with pytest.raises(ZooError, match=r"No token of 'x\.jsonl' has a label that is trained"):
        _check_labelled(examples, [np.array([-100, -100], np.int32)])


def test_a_check_of_tags(keys):
    found = zoo.check(keys)
    assert found.data["tags"].startswith("5 on ")
    assert set(found.classes) == set(LABELS)
