"""Token classification: spans as transformers' pipeline finds them, and training on words and their labels."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import transformers

import zoo
from zoo.tasks.labelled import NO_LABEL
from zoo.tasks.token_classification import _spans

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TEXTS = ["ann lives in paris.", "", "ann's film", "Ann and annabel, very bad paris in paris paris", "xyz " * 60]


@pytest.fixture(scope="module")
def folder(checkpoint):
    return checkpoint("BertForTokenClassification", LABELS, initializer_range=0.3)


@pytest.fixture(scope="module")
def model(folder):
    return zoo.load(folder)


def test_spans_are_the_pipelines_by_first_token(model, folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, model_max_length=40)
    pipeline = transformers.pipeline(
        "token-classification", model=str(folder), tokenizer=tokenizer, aggregation_strategy="first"
    )

    found = model.tag(TEXTS)

    assert {span["entity"] for spans in found for span in spans} == {"PER", "LOC"}
    for text, ours in zip(TEXTS, found, strict=True):
        theirs = pipeline(text) if text else []
        assert [(s["entity"], s["start"], s["end"]) for s in ours] == [
            (s["entity_group"], s["start"], s["end"]) for s in theirs
        ]
        assert [s["score"] for s in ours] == pytest.approx([s["score"] for s in theirs], abs=1e-5)
        assert [s["word"] for s in ours] == [text[s["start"] : s["end"]] for s in theirs]


def test_of_a_pair_the_first_text_is_tagged(model):
    [spans] = model.tag(("ann lives in paris.", "ann lives in paris."))

    assert all(span["word"] == "ann lives in paris."[span["start"] : span["end"]] for span in spans)


@pytest.mark.parametrize(
    ("labels", "spans"),
    [
        ("O O O", []),
        ("B-X I-X O", [("X", "a b")]),
        ("B-X B-X I-X", [("X", "a"), ("X", "b c")]),
        ("I-X I-X B-X", [("X", "a b"), ("X", "c")]),
        ("B-X I-Y I-Y", [("X", "a"), ("Y", "b c")]),
        ("I-X O I-X", [("X", "a"), ("X", "c")]),
        ("X X Y", [("X", "a b"), ("Y", "c")]),
    ],
)
def test_how_labels_form_spans(labels, spans):
    words = [(label, 0.5, 2 * n, 2 * n + 1) for n, label in enumerate(labels.split())]

    found = _spans("a b c", words)

    assert [(span["entity"], span["word"]) for span in found] == spans
    assert all(span["score"] == 0.5 for span in found)


@pytest.fixture
def sentences():
    words = [
        [name, "lives", "in", place, "."] for name in ("ann", "zoe", "bob") for place in ("paris", "rome", "ulm")
    ]
    return words, [["B-PER", "O", "O", "B-LOC", "O"]] * len(words)


def test_a_words_first_token_carries_its_label(model):
    data = model.dataset([["ann", "xyz", "paris"], ["in"]], [["B-PER", "O", "B-LOC"], [0]], batch_size=2)

    arrays, targets = data[0]

    long, short = np.argsort(-arrays["attention_mask"].sum(1))
    tokens = [model.preprocess.tokenizer.id_to_token(n) for n in arrays["input_ids"][long][:7]]
    assert tokens == ["[CLS]", "ann", "x", "##y", "##z", "paris", "[SEP]"]
    assert targets[long][:7].tolist() == [NO_LABEL, 1, 0, NO_LABEL, NO_LABEL, 3, NO_LABEL]
    assert targets[short][:3].tolist() == [NO_LABEL, 0, NO_LABEL]
    assert (targets[short][3:] == NO_LABEL).all()


def test_fit_learns_to_tag(checkpoint, sentences):
    model = zoo.load(checkpoint("BertModel"), task="token-classification", labels=LABELS, seed=1)
    model.compile(optimizer=keras.optimizers.AdamW(5e-3))
    data = model.dataset(*sentences, batch_size=3)

    loss = model.fit(data, epochs=8, verbose=0).history["loss"]

    assert loss[-1] < loss[0] / 4
    assert model.evaluate(data, verbose=0, return_dict=True)["accuracy"] == 1.0
    [spans] = model.tag(["zoe lives in ulm."])
    assert [(span["entity"], span["word"]) for span in spans] == [("PER", "zoe"), ("LOC", "ulm")]


def test_loss_and_accuracy_are_means_over_the_labelled_tokens(model, sentences):
    model.compile()
    data = model.dataset([["ann", "xyz", "paris"], ["in"]], [["B-PER", "O", "B-LOC"], ["O"]], batch_size=2)
    arrays, targets = data[0]
    logits = np.asarray(model(arrays), np.float64)
    trained = targets != NO_LABEL

    scores = model.evaluate(data, verbose=0, return_dict=True)

    chosen = logits[trained]
    losses = np.log(np.exp(chosen).sum(1)) - chosen[np.arange(4), targets[trained]]
    assert scores["loss"] == pytest.approx(losses.mean(), abs=1e-5)
    assert scores["accuracy"] == pytest.approx((chosen.argmax(1) == targets[trained]).mean())


def test_words_beyond_the_limit_are_left_out(model):
    arrays, targets = model.dataset([["a"] * 60], [["O"] * 60])[0]

    assert arrays["input_ids"].shape == (1, 40)
    assert (targets != NO_LABEL).sum() == 38


@pytest.mark.parametrize(
    ("words", "labels", "message"),
    [
        (["a text"], [["O"]], "Input 1 needs a list of words"),
        ([["a"], ["a", "b"]], [["O"], ["O"]], "Input 2 needs a list of words"),
        ([["a", 5]], [["O", "O"]], "Input 1 needs a list of words"),
        ([["a"]], ["O"], "Input 1 needs a list of words"),
        ([["a"]], [["O"], ["O"]], "1 inputs and 2 lists of labels"),
        ([["a"]], [["B-ORG"]], "no label 'B-ORG'"),
        ([], [], "nothing to train on"),
    ],
)
def test_a_data_set_that_cannot_be(words, labels, message, model):
    with pytest.raises(zoo.ZooError, match=message):
        model.dataset(words, labels)
