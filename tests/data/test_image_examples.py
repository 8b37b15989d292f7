"""zoo.data.image_examples: what becomes of pictures that have faults."""

from __future__ import annotations

import pytest

from zoo.data.examples import Examples
from zoo.data.image_examples import without_faulty
from zoo.errors import ZooError

SEVERAL = "multi_label_classification"


def examples(labels, problem=SEVERAL):
    paths = [f"photos/{n}.jpg" for n in range(len(labels))]
    return Examples(paths, labels, range(1, len(labels) + 1), "photos.csv", problem)


def test_pictures_that_are_left_out_are_counted_and_named():
    notes = []
    kept = without_faulty(examples([("a",), ("a", "b"), ("b",)]), {1: "torn"}, "skip", notes)
    assert (kept.inputs, kept.labels) == (["photos/0.jpg", "photos/2.jpg"], [("a",), ("b",)])
    assert notes == ["1 of 'photos.csv' cannot be read and are left out: 'photos/1.jpg'"]


def test_a_label_of_which_no_picture_is_left_is_named():
    with pytest.raises(ZooError, match=r"No picture of b in 'photos\.csv' can be read"):
        without_faulty(examples([("a",), ("a", "b")]), {1: "torn"}, "skip", [])


def test_numbers_are_no_labels_that_could_be_lost():
    kept = without_faulty(examples([0.5, 1.5, 2.5], "regression"), {1: "torn"}, "skip", [])
    assert kept.labels == [0.5, 2.5]
