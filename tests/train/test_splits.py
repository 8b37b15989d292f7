"""zoo.train.splits: the rows a recipe trains on, chooses by and is tested on."""

from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa
import pytest

from zoo.data.table import Table
from zoo.errors import ZooError
from zoo.train.readers import has_split
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


def test_rows_that_are_held_out_too_are_told_of(files):
    file, other = files("x.csv"), files("v.csv", [("This is  the text of ROW 4", "a"), ("one of its own", "b")])
    found = splits(train=file, validation=other)
    assert len(found.train) == 20
    (warning,) = found.warnings
    assert "1 training row is held out, too, such as row 5, which is row 1 of" in warning
    assert "data.dedupe = true" in warning


def test_and_left_out_where_the_recipe_says_so(files):
    file, other = files("x.csv"), files("v.csv", ROWS[:3])
    found = splits(train=file, validation=other, dedupe=True)
    assert found.train.rows == list(range(4, 21))
    assert len(found.validation) == 3
    assert found.notes == ["3 that are held out, too, are left out of training"]
    assert found.warnings == []


def test_what_is_held_out_of_doubled_rows(files):
    found = splits(train=files("x.csv", ROWS * 2), validation=0.25, dedupe=True)
    assert not set(found.train.inputs) & set(found.validation.inputs)
    assert found.train.rows


def test_nothing_left_to_learn_from(files):
    file = files("x.csv")
    with pytest.raises(ZooError, match="Every training row is held out, too"):
        splits(train=file, validation=file, dedupe=True)


def test_one_text_with_two_labels(files):
    file = files("x.csv", [*ROWS, ("this is the text of row 4", "b")])
    assert splits(train=file, validation=0).warnings == [
        f"1 input has more than one label, such as rows 5, 21 of '{file}': at most one of them is right"
    ]


def test_a_limit_keeps_the_shares_of_the_classes(files):
    rows = [(f"text number {n}", "a" if n % 4 else "b") for n in range(80)]
    found = splits(train=files("x.csv", rows), validation=0, limit=20)
    assert len(found.train) == 20
    assert found.train.labels.count("b") == 5
    again = splits(train=files("x.csv", rows), validation=0, limit=20)
    assert again.train.rows == found.train.rows != list(range(1, 21))
    assert len(splits(train=files("x.csv", rows), validation=0, limit=500).train) == 80


def test_a_limit_keeps_as_many_rows_as_it_says_and_every_class(files):
    rows = [(f"text number {n}", f"class {n % 40}") for n in range(200)] + [("the only one", "rare")]
    found = splits(train=files("x.csv", rows), validation=0, limit=190)
    assert len(found.train) == 190
    assert "rare" in found.train.labels


def test_a_share_need_not_be_stratified(files):
    rows = [(f"text number {n}", "a" if n else "b") for n in range(30)]
    file = files("x.csv", [*rows, *((f"more of it {n}", "b") for n in range(3))])

    def held(stratify: bool) -> set[int]:
        found = [
            read_splits(
                Recipe(data=DataKeys(train=file, validation=0.4, stratify=stratify)).replace("train", seed=s)
            )
            for s in range(8)
        ]
        return {one.validation.labels.count("b") for one in found}

    assert len(held(True)) == 1
    assert len(held(False)) > 1


def test_labels_that_cannot_be_learned_from(files):
    rows = [(text, f"id {n}") for n, (text, _) in enumerate(ROWS)]
    with pytest.raises(ZooError, match="a class for every row"):
        splits(train=files("x.csv", rows), text="text", label="label")
    with pytest.raises(ZooError, match="one input only, 20 times"):
        splits(train=files("x.csv", [("the same text", label) for _, label in ROWS]))


@pytest.mark.parametrize(
    ("kept_back", "has"),
    [({"text": ["x"], "label": ["a"]}, True), ({"text": ["x"], "label": [None]}, False), ({"text": ["x"]}, False)],
)
def test_a_split_of_the_hub_whose_labels_are_kept_back_is_left_out(kept_back, has, monkeypatch):
    found = SimpleNamespace(splits={"train": ("a.csv",), "test": ("b.csv",)})
    monkeypatch.setattr("zoo.train.readers.find_data", lambda name: found)
    monkeypatch.setattr(
        "zoo.train.readers.read_hub_data", lambda name, split: Table(f"{name} ({split})", pa.table(kept_back))
    )
    name, notes = "hf://datasets/toys/reviews", []
    assert has_split(name, "test", "label", notes) == has
    assert notes == ([] if has else [f"'{name} (test)' has no labels"])
    assert has_split(name, "test", None, [])
    assert not has_split(name, "validation", "label", notes)
