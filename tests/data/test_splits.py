"""zoo.data.splits"""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from zoo.data.splits import draw_indices, split_indices
from zoo.errors import ZooError

ROWS = st.lists(st.sampled_from("abcde"), min_size=2, max_size=80)
FRACTION = st.floats(0, 1, exclude_max=True)


@given(ROWS, FRACTION, st.integers(0, 5))
def test_the_parts_are_ordered_and_make_up_the_whole(labels, fraction, seed):
    assume(len(set(labels)) < len(labels))
    kept, held = split_indices(labels, len(labels), fraction, seed)
    assert kept == sorted(kept)
    assert held == sorted(held)
    assert sorted(kept + held) == list(range(len(labels)))
    assert bool(held) == bool(fraction)
    assert {labels[index] for index in kept} == set(labels)
    assert split_indices(labels, len(labels), fraction, seed) == (kept, held)


@given(st.lists(st.integers(2, 30), min_size=1, max_size=6), st.floats(0, 0.5), st.integers(0, 5))
def test_every_class_gives_its_share_to_within_a_row(numbers, fraction, seed):
    # Classes of one row give none, so that their share falls to others; without them it is exact.
    sizes = {f"class {place}": number for place, number in enumerate(numbers)}
    labels = [label for label, number in sizes.items() for _ in range(number)]
    _, held = split_indices(labels, len(labels), fraction, seed)
    shares = Counter(labels[index] for index in held)
    for label, size in sizes.items():
        exact = size * len(held) / len(labels)
        assert math.floor(exact) <= shares[label] <= math.ceil(exact)


@given(st.integers(2, 300), FRACTION, st.integers(0, 5))
def test_without_labels_the_count_alone_matters(count, fraction, seed):
    kept, held = split_indices(None, count, fraction, seed)
    assert len(kept) + len(held) == count
    wanted = 0 if fraction == 0 else max(1, int(fraction * count + 0.5))
    assert len(held) == min(wanted, count - 1)


def test_the_rows_are_the_same_on_every_machine():
    assert split_indices(None, 20, 0.25, 0)[1] == [4, 7, 9, 15, 18]
    assert split_indices(["a", "b"] * 10, 20, 0.2, 1)[1] == [4, 7, 8, 11]


def test_the_seed_decides_which_rows():
    helds = {tuple(split_indices(None, 100, 0.1, seed)[1]) for seed in range(20)}
    assert len(helds) == 20


def test_held_out_rows_come_from_everywhere():
    _, held = split_indices(None, 10_000, 0.1, 0)
    assert 4800 < sum(held) / len(held) < 5200


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, math.nan])
def test_a_fraction_out_of_range_is_an_error(fraction):
    with pytest.raises(ZooError, match="Cannot hold out the fraction"):
        split_indices(None, 10, fraction, 0)


@pytest.mark.parametrize("labels", [["a"], ["a", "b", "c"]])
def test_classes_of_one_row_cannot_be_held_out(labels):
    with pytest.raises(ZooError, match="No row can be held out"):
        split_indices(labels, len(labels), 0.1, 0)
    assert split_indices(labels, len(labels), 0, 0) == (list(range(len(labels))), [])


@given(ROWS, st.data(), st.integers(0, 5))
def test_as_many_rows_are_drawn_as_are_asked_for_of_every_class_its_share(labels, data, seed):
    number = data.draw(st.integers(1, len(labels)))
    drawn = draw_indices(labels, len(labels), number, seed)
    assert drawn == sorted(set(drawn))
    assert len(drawn) == number
    assert draw_indices(labels, len(labels), number, seed) == drawn
    sizes, shares = Counter(labels), Counter(labels[index] for index in drawn)
    assert len(shares) == len(sizes) or number < len(sizes)
    for label, size in sizes.items():
        exact = size * number / len(labels)
        assert shares[label] <= max(1, math.ceil(exact))  # one of each, though its share may be less


def test_rare_classes_are_drawn_and_small_ones_cost_no_rows():
    labels = [f"class {n % 100}" for n in range(1000)]
    assert len(draw_indices(labels, 1000, 950, 0)) == 950
    rare = ["usual"] * 99 + ["rare"]
    assert 99 in draw_indices(rare, 100, 2, 0)
    assert len(draw_indices(None, 100, 7, 0)) == 7
    assert draw_indices(rare, 100, 5, 0) != draw_indices(rare, 100, 5, 1)
