"""zoo.data.labels"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.examples import Examples
from zoo.data.labels import check_known, label_order, majority
from zoo.errors import ZooError

LABELS = st.lists(st.text(max_size=5) | st.integers().map(str), max_size=10)


def test_integers_are_ordered_as_numbers_and_words_as_words():
    assert label_order(["10", "9", "-1", "9"]) == ["-1", "9", "10"]
    assert label_order(["10", "9", "x"]) == ["10", "9", "x"]
    assert label_order(["b", "a", "B"]) == ["B", "a", "b"]
    assert label_order(["1", "01", "+1"]) == ["+1", "01", "1"]
    assert label_order(["9" * 5000, "1"]) == ["1", "9" * 5000]


def test_the_checkpoint_decides_only_if_it_has_the_same_labels():
    assert label_order(["neg", "pos", "neg"], ["pos", "neg"]) == ["pos", "neg"]
    assert label_order(["neg", "pos"], ["pos", "neutral", "neg"]) == ["neg", "pos"]
    assert label_order(["neg", "pos", "odd"], ["pos", "neg"]) == ["neg", "odd", "pos"]


@given(LABELS, st.randoms())
def test_the_order_depends_on_the_set_alone(labels, random):
    shuffled = [*labels, *labels]
    random.shuffle(shuffled)
    order = label_order(labels)
    assert order == label_order(shuffled)
    assert sorted(order) == sorted(set(labels))


@given(st.lists(st.text(max_size=5), unique=True), st.randoms())
def test_the_checkpoints_order_is_kept(checkpoint, random):
    seen = [*checkpoint, *checkpoint]
    random.shuffle(seen)
    assert label_order(seen, checkpoint) == checkpoint


@given(st.lists(st.integers(-(10**17), 10**17), unique=True))
def test_integers_come_in_ascending_order(numbers):
    assert label_order(map(str, numbers)) == [str(number) for number in sorted(numbers)]


def test_unknown_labels_are_named_with_their_rows():
    examples = Examples(["a", "b", "c", "d"], ["odd", "good", "new", "odd"], [3, 4, 8, 9], "test.csv")
    with pytest.raises(ZooError, match=r"'test\.csv' has labels that the run 'runs/x' does not have") as caught:
        check_known(examples, ["bad", "good"], "the run 'runs/x'")
    assert caught.value.why == ["'new' in row 8", "'odd' in rows 3, 9", "Known are 'bad', 'good'."]


def test_unknown_labels_of_a_folder_are_named_with_their_files():
    paths = [f"val/{name}/1.jpg" for name in ("cat", "new", "odd")]
    examples = Examples(paths, ["cat", "new", "odd"], [1, 2, 3], "val", named=True).select([0, 2])
    with pytest.raises(ZooError) as caught:
        check_known(examples, ["cat", "dog"], "the run 'runs/x'")
    assert caught.value.why == ["'odd' in 'val/odd/1.jpg'", "Known are 'cat', 'dog'."]


def test_known_labels_and_no_labels_pass():
    check_known(Examples(["a"], ["good"], [1], "s"), ["bad", "good"], "runs/x")
    check_known(Examples(["a"], None, [1], "s"), ["bad", "good"], "runs/x")


def test_majority_is_the_most_frequent_and_the_first_on_ties():
    assert majority(["b", "a", "b"]) == ("b", 2 / 3)
    assert majority(["b", "a", "a", "b"]) == ("a", 0.5)
    assert majority(["10", "9"]) == ("9", 0.5)
