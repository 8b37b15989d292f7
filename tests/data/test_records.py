"""zoo.data.records: blocks of rows make the table that all rows make at once."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.suite.properties import examples
from zoo.data import records
from zoo.data.records import UnfitError, table_of_rows

ONE = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([2**53 + 1, 2**63, -(2**63), 0.5, 2.0, "", "a", "\ud83d"])
)
VALUE = st.recursive(
    ONE, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2)
)
KINDS = (
    st.integers(-5, 5) | st.none(),
    st.integers(-5, 5) | st.sampled_from([0.5, None, 2**53 + 1]),
    st.sampled_from(["a", "b", None]),
    st.lists(st.integers(0, 2) | st.none() | st.just(0.5), max_size=2) | st.none(),
    st.lists(st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["a", None]), max_size=3), max_size=2),
    st.dictionaries(st.sampled_from("xyz"), st.lists(st.integers(0, 2), max_size=1), max_size=3) | st.none(),
    VALUE,
)


@st.composite
def blocks(draw):
    """Blocks of rows whose columns hold values that mostly go together."""
    kinds = {name: draw(st.sampled_from(KINDS)) for name in "abc"}
    row = st.fixed_dictionaries({}, optional=kinds)
    return draw(st.lists(st.lists(row, max_size=3), max_size=5))


def told(read):
    """What is read, with its types; or the column that does not go."""
    try:
        found = read()
    except UnfitError as error:
        return error.column
    return found.schema, found.to_pylist()


@settings(max_examples=examples(400), deadline=None)
@given(blocks(), st.sampled_from([0, 1 << 20]))
@example([[{"b": 0}, {"a": None, "c": [], "b": 2**53 + 1}], [{"c": {}, "b": 0.5}]], 0)
@example([[{"b": 0, "c": []}], [{"c": {}}], [{"b": 2**53 + 1}], [{"b": 0.5}]], 0)
def test_blocks_make_the_same_table_as_all_rows(blocks, memory):
    whole = [row for block in blocks for row in block]
    assert told(lambda: table_of_rows(blocks, memory)) == told(lambda: table_of_rows([whole] if whole else []))


@settings(deadline=None)
@given(blocks())
def test_all_rows_make_the_table_that_pyarrow_makes_of_their_columns(blocks):
    whole = [row for block in blocks for row in block]
    names = list(dict.fromkeys(name for row in whole for name in row))

    def plain():
        columns = {}
        for name in names:
            try:
                columns[name] = pa.array([records.with_texts(row.get(name)) for row in whole])
            except records.UNFIT as error:
                raise UnfitError(name) from error
        return pa.table(columns)

    assert told(lambda: table_of_rows([whole] if whole else [])) == told(plain)


def test_columns_and_types_that_come_late():
    found = table_of_rows(
        [[{}], [{"a": 1}], [{"a": 0.5, "b": [{"x": 1}]}], [{"b": [{"y": None}, {"y": "z"}]}], [{}]]
    )
    assert found.schema.names == ["a", "b"]
    assert found.column("a").to_pylist() == [None, 1.0, 0.5, None, None]
    assert found.column("b").to_pylist() == [
        None,
        None,
        [{"x": 1, "y": None}],
        [{"x": None, "y": None}, {"x": None, "y": "z"}],
        None,
    ]


def test_what_does_not_go_is_told_when_all_was_read():
    def rows():
        yield [{"a": 1, "b": 1}]
        yield [{"b": "x"}]
        yield [{"a": "x"}]
        seen.append("all")

    seen: list[str] = []
    with pytest.raises(UnfitError) as caught:
        table_of_rows(rows())
    assert caught.value.column == "a"
    assert seen == ["all"]
