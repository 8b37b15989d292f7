"""zoo.train.splits: the rows a recipe trains on, chooses by and is tested on."""

from __future__ import annotations

import pytest

from zoo.errors import ZooError
from zoo.train.recipe import DataKeys, Recipe
from zoo.train.splits import read_splits

ROWS = [(f"this is the text of row {n}", "ab"[n % 2]) for n in range(20)]


@pytest.fixture
def files(tmp_path):
    def write(name: str, rows=ROWS, header: str = "text,label") -> str:
        path = tmp_path / name
        path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
        return str(path)

    return write


def splits(**keys):
    return read_splits(Recipe(data=DataKeys(**keys)))


def test_a_tenth_is_held_out_by_default(files):
    found = splits(train=files("x.csv"))
    assert (len(found.train), len(found.validation), found.test) == (18, 2, None)
    assert sorted(found.train.rows + found.validation.rows) == list(range(1, 21))
    assert (found.settled["text"], found.settled["label"]) == ("text", "label")


def test_the_seed_decides_which_rows_are_held_out(files):
    file = files("x.csv")

    def held_out(seed: int) -> list[int]:
        recipe = Recipe(data=DataKeys(train=file, validation=0.25)).replace("train", seed=seed)
        return read_splits(recipe).validation.rows

    assert held_out(1) == held_out(1)
    assert held_out(1) != held_out(2)
    assert len(held_out(1)) == 5


def test_validation_0_trains_on_all(files):
    found = splits(train=files("x.csv"), validation=0)
    assert len(found.train) == 20
    assert found.validation is None


def test_files_of_their_own(files):
    found = splits(train=files("x.csv"), validation=files("v.csv", ROWS[:4]), test=files("t.csv", ROWS[:6]))
    assert [len(part) for part in (found.train, found.validation, found.test)] == [20, 4, 6]


def test_pairs_of_texts(files):
    rows = [(text, f"{text} again", label) for text, label in ROWS]
    file = files("x.csv", rows, "premise,hypothesis,label")
    found = splits(train=file, text="premise", text_pair="hypothesis", validation=0)
    assert found.train.inputs[0] == (rows[0][0], rows[0][1])


@pytest.mark.parametrize("key", ["validation", "test"])
def test_a_label_that_training_does_not_have(files, key):
    other = files("other.csv", [*ROWS[:3], ("one more text", "c")])
    with pytest.raises(ZooError, match=r"has labels that the training data .* does not have") as caught:
        splits(**{"train": files("x.csv"), key: other})
    assert "'c' in row 4" in str(caught.value)


@pytest.mark.parametrize("key", ["validation", "test"])
def test_other_files_need_the_same_columns(files, key):
    other = files("other.csv", header="review,label")
    with pytest.raises(ZooError, match="do not fit") as caught:
        splits(**{"train": files("x.csv"), key: other})
    assert "there is no column 'text'" in str(caught.value)


def test_one_class_only(files):
    with pytest.raises(ZooError, match="has one class only: 'a'"):
        splits(train=files("x.csv", [row for row in ROWS if row[1] == "a"]))


def test_rows_without_a_label_are_named(files):
    with pytest.raises(ZooError) as caught:
        splits(train=files("x.csv", [*ROWS, ("no label", ""), ("none here either", "")]))
    assert "Without a label (column 'label'): rows 21, 22." in str(caught.value)


def test_a_registered_data_set_brings_its_own_splits():
    found = splits(train="docstrings")
    assert found.validation
    assert found.test
    assert {found.train.source, found.validation.source, found.test.source} == {
        "docstrings (train)",
        "docstrings (validation)",
        "docstrings (test)",
    }
    assert splits(train="docstrings", validation=0).validation is None
