"""zoo.data.duplicates: what is there twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zoo.data.duplicates import contradictions, same, text_keys
from zoo.data.examples import Examples

KEYS = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=8)


def test_case_and_white_space_make_no_difference_but_where_a_pair_parts_does():
    one, other = text_keys([" A  great\tFilm", "a great film"])
    assert one == other
    assert text_keys([("a b", "c")]) != text_keys([("a", "b c")])
    assert text_keys([("a", "b")]) != text_keys(["a b"])


@given(KEYS, KEYS)
def test_same_finds_every_example_that_is_in_both(train, held_out):
    found = same(train, held_out)
    assert all(train[n] == held_out[other] != "" for n, other in found)
    assert [n for n, _ in found] == [n for n, key in enumerate(train) if key and key in held_out]
    assert all(other == held_out.index(train[n]) for n, other in found)


def test_contradictions_are_inputs_with_several_labels():
    inputs = ["x", "y", "x", "y", "z", "x"]
    examples = Examples(inputs, ["1", "1", "2", "1", "1", "1"], [1, 2, 3, 4, 5, 6], "x.csv")
    assert contradictions(examples, inputs) == [(0, 2, 5)]
    assert contradictions(examples, [""] * 6) == []
