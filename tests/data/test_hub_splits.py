"""zoo.data.hub_splits: which files are which. By their names alone, it is what `datasets` 5.2 finds."""

from __future__ import annotations

import pytest

from zoo.data.dataset_card import Card, Config, read_card
from zoo.data.hub_splits import WHOLE, config_of, splits_of
from zoo.errors import ZooError
from zoo.hub.source import Source

SOURCE = Source("hf", "toys/reviews", kind="dataset")


def splits(names, within="", card=None):
    return splits_of(SOURCE, within, config_of(SOURCE, within, card or Card(), names), names)


def card(*configs: Config) -> Card:
    return Card(configs)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["reviews.csv"], {WHOLE: ("reviews.csv",)}),
        (["a.csv", "b.csv", "README.md", ".gitattributes", "plot.png"], {WHOLE: ("a.csv", "b.csv")}),
        (["train.csv", "dev.csv"], {"train": ("train.csv",), "validation": ("dev.csv",)}),
        (["train.csv", "eval.csv", "extra.csv"], {"train": ("train.csv",), "test": ("eval.csv",)}),
        (["my_train.csv", "trainer.csv"], {"train": ("my_train.csv",)}),
        (["train/a.csv", "test/train.csv"], {"train": ("train/a.csv",), "test": ("test/train.csv",)}),
        (["en/train/0.csv", "de/train/0.csv"], {"train": ("de/train/0.csv", "en/train/0.csv")}),
        (
            ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "test.csv"],
            {"train": ("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet")},
        ),
        (
            ["data/train_sft-00000-of-00001.parquet", "data/test-00000-of-00001-0a1b.parquet"],
            {
                "train_sft": ("data/train_sft-00000-of-00001.parquet",),
                "test": ("data/test-00000-of-00001-0a1b.parquet",),
            },
        ),
    ],
)
def test_by_the_names_of_files(names, found):
    assert splits(names) == found


def test_a_readme_has_the_last_word():
    text = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: "data/t*"}
  - {split: dev, path: [x.csv, "y/*.csv"]}
---
"""
    names = ["data/t1.csv", "data/t2.csv", "test.csv", "x.csv", "y/z.csv", "reviews.py"]
    assert splits(names, card=read_card(text, "x")) == {
        "train": ("data/t1.csv", "data/t2.csv"),
        "validation": ("x.csv", "y/z.csv"),
    }


def test_a_config_by_name_or_by_default():
    both = card(Config("en", folder="en"), Config("de", folder="de", default=True))
    names = ["en/train.csv", "de/train.csv"]
    assert splits(names, card=both) == {"train": ("de/train.csv",)}
    assert splits(names, "en", both) == {"train": ("en/train.csv",)}
    neither = card(Config("en", folder="en"), Config("de", folder="de"))
    with pytest.raises(ZooError, match="several configs: en, de") as caught:
        splits(names, card=neither)
    assert caught.value.fix.endswith("such as hf://datasets/toys/reviews/en")


def test_the_hubs_own_conversion_has_a_config_a_folder():
    names = [".gitattributes", "en/train/0000.parquet", "en/test/0000.parquet", "de/train/0000.parquet"]
    assert splits(names, "en") == {"train": ("en/train/0000.parquet",), "test": ("en/test/0000.parquet",)}
    with pytest.raises(ZooError, match="several configs: en, de"):
        splits(names)


def test_a_folder_a_file_and_a_pattern():
    names = ["en/train.csv", "en/test.csv", "de/train.csv", "reviews.py"]
    assert splits(names, "en") == {"train": ("en/train.csv",), "test": ("en/test.csv",)}
    assert splits(names, "en/test.csv") == {WHOLE: ("en/test.csv",)}
    assert splits(names, "*/train.csv") == {WHOLE: ("de/train.csv", "en/train.csv")}


@pytest.mark.parametrize(
    ("names", "within", "told"),
    [
        (["reviews.py", "README.md"], "", "a script of its own, which zoo does not run: reviews.py"),
        (["train.csv", "reviews.py"], "", "a script of its own"),
        (["train.csv.gz"], "", "not, or not all, what zoo reads"),
        (["train.csv", "train.arrow"], "", "'train' of .* not all, what zoo reads"),
        (["train.csv", "train.jsonl"], "", "'train' of .* is of several formats"),
        (["README.md"], "", "not, or not all, what zoo reads"),
        (["cats/1.jpg", "dogs/2.jpg", "metadata.csv"], "", "not, or not all, what zoo reads"),
        (["train_test.csv"], "", "not clear whether 'train_test.csv' of .* is for test or train"),
        (["english/train.csv"], "englisch", r"no config, folder or files 'englisch'\. Did you mean 'english'\?"),
        (["en/train.csv"], "*.csv", "no config, folder or files"),
    ],
)
def test_what_cannot_be_read_is_told(names, within, told):
    with pytest.raises(ZooError, match=told) as caught:
        splits(names, within)
    if "Did" not in told and "clear" not in told and not within:
        assert "hf://datasets/toys/reviews@refs/convert/parquet" in caught.value.fix


def test_a_config_that_zoo_would_read_otherwise():
    with pytest.raises(ZooError, match="in a way that zoo does not know: sep"):
        splits(["train.csv"], card=card(Config("default", {"train": ("train.csv",)}, unknown=("sep",))))


def test_a_misspelled_config_is_told_with_the_nearest():
    with pytest.raises(ZooError, match="Did you mean 'german'"):
        splits(["train.csv"], "germann", card(Config("german", {"train": ("train.csv",)})))


def test_files_of_a_config_that_are_not_there():
    with pytest.raises(ZooError, match="names files that are not there") as caught:
        splits(["train.csv"], card=card(Config("default", {"train": ("train.csv",), "test": ("test-*",)})))
    assert caught.value.why == ["test: test-*"]
