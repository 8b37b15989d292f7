"""zoo.data.examples"""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from zoo.data.columns import Columns
from zoo.data.examples import Examples, read_examples
from zoo.data.problems import MULTI, REGRESSION, SINGLE, check_learnable
from zoo.data.table import Table
from zoo.errors import ZooError


def _table(**columns) -> Table:
    return Table("reviews.csv", pa.table(columns))


def test_texts_and_labels_keep_their_order_and_rows():
    examples = read_examples(_table(a=["x ", "NA"], b=["1", "0"]), Columns("a", None, "b"))
    assert examples == Examples(["x ", "NA"], ["1", "0"], [1, 2], "reviews.csv")
    assert len(examples) == 2


def test_pairs_without_labels():
    examples = read_examples(_table(a=["x"], b=["y"]), Columns("a", "b"))
    assert examples == Examples([("x", "y")], None, [1], "reviews.csv")


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([3, -1], ["3", "-1"]),
        ([True, False], ["true", "false"]),
        ([1.0, -2.0], ["1", "-2"]),
        ([0.5, math.inf], ["0.5", "inf"]),
        (pa.array(["b", "a"]).dictionary_encode(), ["b", "a"]),
    ],
)
def test_labels_become_strings(values, labels):
    assert read_examples(_table(a=["x", "y"], b=values), Columns("a", None, "b")).labels == labels


def test_rows_that_are_not_whole_are_named_all_at_once():
    table = _table(
        a=["x", None, "", " \n", "y"],
        b=["x", "x", "x", "x", "\t"],
        c=[None, "1", " ", "2", None],
    )
    with pytest.raises(ZooError, match=r"'reviews\.csv' has rows that are not whole") as caught:
        read_examples(table, Columns("a", "b", "c"))
    assert caught.value.why == [
        "Without a text (column 'a'): rows 2, 3, 4.",
        "Without a text (column 'b'): row 5.",
        "Without a label (column 'c'): rows 1, 3, 5.",
    ]


def test_many_rows_are_cut_short_and_nan_is_no_label():
    table = _table(a=["x"] * 20, b=[1.0] + [math.nan] * 19)
    with pytest.raises(ZooError) as caught:
        read_examples(table, Columns("a", None, "b"))
    assert caught.value.why == ["Without a label (column 'b'): rows 2, 3, 4, 5, 6, 7, 8, 9, ... (11 more)."]


def test_a_column_with_nothing_in_it_is_named_by_its_rows():
    with pytest.raises(ZooError, match="rows 1, 2"):
        read_examples(_table(a=pa.nulls(2)), Columns("a"))


def test_select_takes_places_in_any_order():
    examples = Examples(["a", "b", "c"], ["1", "2", "3"], [1, 2, 3], "s")
    assert examples.select([2, 0]) == Examples(["c", "a"], ["3", "1"], [3, 1], "s")
    assert Examples([("a", "b")], None, [7], "s").select(iter([0, 0])) == Examples(
        [("a", "b"), ("a", "b")], None, [7, 7], "s"
    )
    assert len(examples.select([])) == 0


@pytest.mark.parametrize(
    ("labels", "problem", "told"),
    [
        (["good", "good"], SINGLE, "'s' has one class only: 'good'"),
        (["a", "b", "c"], SINGLE, "'s' has a class for every row"),
        ([("a",), ("a",)], MULTI, "'s' says the same of every row"),
        ([("a",), ()], MULTI, "'s' has one label only: 'a'"),
        ([2.5, 2.5], REGRESSION, "'s' says the same of every row: 2.5"),
    ],
)
def test_labels_that_nothing_can_be_learned_from(labels, problem, told):
    with pytest.raises(ZooError, match=told):
        check_learnable(labels, problem, "s")


def test_labels_that_something_can_be_learned_from():
    check_learnable(["good", "bad"], SINGLE, "s")
    check_learnable([], SINGLE, "s")
    check_learnable([("a",), ("a", "b")], MULTI, "s")
    check_learnable([1.0, 2.5], REGRESSION, "s")
