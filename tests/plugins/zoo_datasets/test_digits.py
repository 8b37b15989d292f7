"""zoo_datasets.digits"""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits
from zoo_datasets import digits

from zoo.data.images import read_image
from zoo.errors import ZooError


def test_every_digit_is_in_one_split_and_every_split_has_every_digit():
    splits = digits.load()
    assert {name: table.num_rows for name, table in splits.items()} == {
        "train": 1258,
        "validation": 180,
        "test": 359,
    }
    for table in splits.values():
        assert set(table["label"].to_pylist()) == set("0123456789")
    pictures = [png for table in splits.values() for png in table["image"].to_pylist()]
    assert len(pictures) == 1797


def test_the_pictures_are_scikit_learn_s():
    told = {
        (np.floor(image * 255 / 16).astype(np.uint8)).tobytes() + str(n).encode()
        for image, n in zip(*_digits(), strict=True)
    }
    for table in digits.load().values():
        for png, label in zip(table["image"].to_pylist()[:50], table["label"].to_pylist(), strict=False):
            assert np.asarray(read_image(png, channels=1)).tobytes() + label.encode() in told


def _digits():
    found = load_digits()
    return found.images, found.target


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ZooError, match=r"keras-zoo\[samples\]"):
        digits.load()
