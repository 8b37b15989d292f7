"""zoo.data.rows: rows that are made when they are asked for."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.data import rows
from zoo.data.rows import Rows

CHUNKS = st.lists(st.lists(st.text("ab", max_size=3) | st.none(), max_size=5), min_size=1, max_size=6)


def made(chunks, name: str = "") -> tuple[Rows, list[tuple]]:
    column = pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks])
    numbers = pa.chunked_array([pa.array(range(len(column)))])
    return Rows(lambda text, n: (text, n), [column, numbers]), list(
        zip(column.to_pylist(), range(len(column)), strict=True)
    )


@given(CHUNKS, st.data())
def test_rows_are_those_of_a_list(chunks, data):
    found, expected = made(chunks)
    assert len(found) == len(expected)
    assert list(found) == expected
    for n in range(-len(expected), len(expected)):
        assert found[n] == expected[n]
    part = data.draw(st.slices(len(expected)))
    assert list(found[part]) == expected[part]
    if expected:
        places = data.draw(st.lists(st.integers(0, len(expected) - 1), max_size=12))
        chosen = found.select(places)
        assert list(chosen) == [expected[n] for n in places]
        again = list(range(0, len(places), 2))
        assert list(chosen.select(again)) == [expected[places[n]] for n in again]


def test_more_rows_than_are_made_at_once(monkeypatch):
    monkeypatch.setattr(rows, "_BLOCK", 3)
    found, expected = made([["a", "b"], [], ["c"] * 7])
    assert list(found) == expected
    assert list(found.select([8, 0, 1, 5])) == [expected[n] for n in (8, 0, 1, 5)]


def test_a_place_beyond_the_rows_is_an_error():
    found, _ = made([["a"]])
    with pytest.raises(IndexError):
        found[1]
