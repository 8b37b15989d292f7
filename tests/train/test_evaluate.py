"""zoo.train.evaluate: scoring a run on a file it has not seen."""

from __future__ import annotations

import shutil

import pytest

from zoo.errors import ZooError
from zoo.train.evaluate import evaluate
from zoo.train.run import Run


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes, name: str = "test.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_scores_of_a_file(run, write):
    file = write("id,stars,review\n1,good,a superb film\n2,bad,dull and grim\n3,bad,lovely and great\n")
    found = evaluate(run, file)
    assert set(found) == {"accuracy", "macro_f1", "loss"}
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx(2 / 3)
    assert found["loss"] > 0
    assert evaluate(str(run.path), str(file)) == evaluate(Run(run.path), file) == found


def test_columns_of_other_names(run, write):
    rows = "a superb film,good\ndull and grim,bad\nlovely and great,bad\n"
    expected = evaluate(run, write(f"review,stars\n{rows}"))

    found = evaluate(run, write(f"body,mood\n{rows}"), overrides=['data.text="body"', "data.label=mood"])

    assert found == expected


def test_what_cannot_be_changed(run, write):
    with pytest.raises(ZooError) as caught:
        evaluate(run, write("review,stars\nfine,good\n"), overrides=["train.epochs=3", "model.preset=x"])
    assert "--set train.epochs=3: the model is trained" in str(caught.value)
    assert "--set model.preset=x" in str(caught.value)
    with pytest.raises(ZooError) as caught:
        evaluate(run, "gone.csv", overrides=["data.txt=body", "train.epochs=3"], answers=["exact_match"])
    told = str(caught.value)
    assert "data.txt is not a key of a recipe" in told
    assert "--set train.epochs=3: the model is trained" in told
    assert "gone.csv" in told
    assert "answers nothing" in told


@pytest.mark.parametrize("key", ["limit=2", "max_length=8", "augment.crop=0.5", "train=other.csv"])
def test_what_would_change_nothing_is_refused(run, write, key):
    with pytest.raises(ZooError) as caught:
        evaluate(run, write("review,stars\nfine,good\n"), overrides=[f"data.{key}"])
    assert "is about training, and changes nothing here" in str(caught.value)


def test_a_file_of_one_class_can_be_scored(run, write):
    assert evaluate(run, write("review,stars\na superb film,good\n"))["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("review,stars\nfine,good\nso so,middling\nmeh,middling\n", "'middling' in rows 2, 3"),
        ("review,stars\nfine,good\ngrim,\n", "Without a label (column 'stars'): row 2."),
        ("text,stars\nfine,good\n", "there is no column 'review'"),
        ("review\nfine\n", "there is no column 'stars'"),
        ("review,stars\n", "has no rows"),
        ("", "is empty"),
        (b"review,stars\nfine,good\n\xe9t\xe9,bad\n", "Line 3 is the first that is not."),
    ],
)
def test_data_that_cannot_be_scored(run, write, content, why):
    with pytest.raises(ZooError) as caught:
        evaluate(run, write(content))
    assert why in str(caught.value)


def test_data_that_is_not_there(run, write):
    write("review,stars\n", "tests.csv")
    with pytest.raises(ZooError, match="There is no file") as caught:
        evaluate(run, write("", "x.csv").parent / "test.csv")
    assert "Did you mean 'tests.csv'?" in str(caught.value)


def test_what_is_not_a_run(tmp_path, write):
    with pytest.raises(ZooError, match="is not a run"):
        evaluate(tmp_path / "nowhere", write("review,stars\nfine,good\n"))


@pytest.mark.parametrize("keep", [0, 7, -1])
def test_a_run_whose_weights_were_cut_off(run, write, tmp_path, keep):
    shutil.copytree(run.path, tmp_path / "cut")
    weights = tmp_path / "cut" / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(ZooError, match=r"model\.safetensors"):
        evaluate(tmp_path / "cut", write("review,stars\nfine,good\n"))


def test_a_run_that_never_finished(run, write, tmp_path):
    (tmp_path / "stopped").mkdir()
    shutil.copy(run.path / "recipe.toml", tmp_path / "stopped")
    with pytest.raises(ZooError) as caught:
        evaluate(tmp_path / "stopped", write("review,stars\nfine,good\n"))
    assert "has not finished" in str(caught.value)
