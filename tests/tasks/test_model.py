"""The model that zoo.load returns, whatever its task: raw inputs, and Keras' own files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import zoo

LABELS = ("bad", "good", "odd")
ARRAYS = {"input_ids": np.array([[2, 5, 6, 3], [2, 7, 3, 0]]), "attention_mask": np.array([[1] * 4, [1, 1, 1, 0]])}


@pytest.fixture(scope="module")
def classifier(checkpoint):
    return checkpoint("BertForSequenceClassification", LABELS)


def test_without_a_tokenizer_only_raw_inputs_are_refused(classifier, tmp_path):
    folder = shutil.copytree(classifier, tmp_path / "copy")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    model = zoo.load(folder)

    assert model(ARRAYS).shape == (2, 3)
    for use in (model.classify, lambda text: model.dataset(text, ["bad"]), lambda text: model.preprocess(text)):
        with pytest.raises(zoo.ZooError, match="came without tokenizer files"):
            use(["a"])


def test_another_tasks_verb_is_told_with_its_task(checkpoint, classifier):
    model = zoo.load(checkpoint("BertModel"))

    with pytest.raises(zoo.ZooError, match="loaded for feature-extraction, which has no fill_mask") as caught:
        model.fill_mask("a [MASK]")
    assert "task='fill-mask')" in caught.value.fix
    with pytest.raises(zoo.ZooError, match=r"task='text-classification', labels=\[...\]\)"):
        model.classify("a")
    with pytest.raises(zoo.ZooError, match="task='feature-extraction'"):
        zoo.load(classifier).embed("a")
    assert not hasattr(model, "fill_mask")
    for name in ("embedd", "generate", "feature_maps"):  # misspelt, and what BERT has no head or pixels for
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'") as plain:
            getattr(model, name)
        assert not isinstance(plain.value, zoo.ZooError)


def test_training_needs_compile_first(classifier):
    model = zoo.load(classifier)

    for run in (model.fit, model.evaluate):
        with pytest.raises(zoo.ZooError, match="not compiled"):
            run(ARRAYS, np.zeros(2))


def test_a_keras_file_comes_back_whole(classifier, tmp_path):
    model = zoo.load(classifier, labels=["yes", "no"])
    model.save(tmp_path / "model.keras")

    again = zoo.load(tmp_path / "model.keras")

    np.testing.assert_array_equal(again(ARRAYS), model(ARRAYS))
    assert again.classify(["a b", ("c", "d")]) == model.classify(["a b", ("c", "d")])
    again.save_pretrained(tmp_path / "saved")
    assert zoo.load(tmp_path / "saved").labels == ("yes", "no")


def test_a_keras_file_opens_in_a_new_process(classifier, tmp_path):
    model = zoo.load(classifier)
    model.save(tmp_path / "model.keras")
    program = "import json, sys, zoo; print(json.dumps(zoo.load(sys.argv[1]).classify(['a b'])))"

    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "model.keras"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    [row] = json.loads(done.stdout)
    [expected] = model.classify(["a b"])
    assert row == {"label": expected["label"], "score": pytest.approx(expected["score"], abs=1e-6)}


def test_training_goes_on_where_it_stopped(classifier, tmp_path):
    texts, labels = ["a b", "c", "d e f", "g"], ["bad", "good", "odd", "bad"]
    model = zoo.load(classifier)
    model.compile()
    model.fit(model.dataset(texts, labels, batch_size=2), verbose=0)
    model.save(tmp_path / "model.keras")

    again = zoo.load(tmp_path / "model.keras")

    for one in (model, again):
        one.fit(one.dataset(texts, labels, batch_size=2, seed=5), verbose=0)
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) == 4
    np.testing.assert_array_equal(again(ARRAYS), model(ARRAYS))


def test_pooling_comes_along(minilm, tmp_path):
    model = zoo.load(minilm)
    model.save(tmp_path / "model.keras")

    again = zoo.load(tmp_path / "model.keras")

    np.testing.assert_array_equal(again.embed(["a text"]), model.embed(["a text"]))


@pytest.mark.parametrize(
    ("kind", "settings", "task"),
    [
        ("BertForMaskedLM", {"tie_word_embeddings": False}, "fill-mask"),
        ("BertForTokenClassification", {}, "feature-extraction"),
    ],
)
def test_what_only_the_tensors_tell_comes_along(kind, settings, task, checkpoint, tmp_path):
    model = zoo.load(checkpoint(kind, **settings), task=task)
    model.save(tmp_path / "model.keras")

    np.testing.assert_array_equal(zoo.load(tmp_path / "model.keras")(ARRAYS), model(ARRAYS))


def test_another_models_keras_file(tmp_path):
    keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "model.keras")

    with pytest.raises(zoo.ZooError, match="not one of zoo's"):
        zoo.load(tmp_path / "model.keras")


def test_a_damaged_keras_file(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"nothing")

    with pytest.raises(zoo.ZooError, match="not a sound Keras file"):
        zoo.load(tmp_path / "model.keras")
