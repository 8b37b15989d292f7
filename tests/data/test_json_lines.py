"""zoo.data.json_lines, through read_table"""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.suite.properties import examples
from zoo.data.readers import read_table
from zoo.errors import ZooError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def _read(path, content: str):
    path.write_text(content, encoding="utf-8")
    return read_table(path)


def test_values_keep_their_types_and_text_stays_text(tmp_path):
    table = _read(
        tmp_path / "a.jsonl",
        '{"text": "2020-01-01", "n": 1, "x": 0.5, "ok": true, "tags": ["a"]}\n'
        "\n"
        '{"text": "NA", "n": null, "ok": false}\r\n',
    )
    assert table.columns == ["text", "n", "x", "ok", "tags"]
    assert table.column("text") == ["2020-01-01", "NA"]
    assert table.column("n") == [1, None]
    assert table.column("x") == [0.5, None]
    assert table.column("ok") == [True, False]
    assert table.column("tags") == [["a"], None]


@pytest.mark.parametrize("indent", [None, 2])
@given(rows=st.lists(st.fixed_dictionaries({"text": TEXT, "n": st.integers(-9, 9)}), min_size=1, max_size=5))
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_list_of_objects_is_the_same_table_as_their_lines(tmp_path, indent, rows):
    lines = _read(tmp_path / "a.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    table = _read(tmp_path / "a.json", f"\n {json.dumps(rows, indent=indent)} \n\n")
    assert table.data.equals(lines.data)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('[{"a": 1}, 2]', "Row 2 is a number, not an object."),
        ('[{"a": 1}, {"a": ]', "Row 2: Expecting value"),
        ('[{"a": 1} {"a": 2}]', "Row 2: Extra data"),
        ('[{"a": 1}', "Row 2: Expecting value"),
        ('[{"a": 1},', "Row 2: Expecting value"),
        ('[{"a": 1},]', "Row 2: Expecting value"),
        ('[{"a": 1}]]', "Row 2: Expecting value"),
    ],
)
def test_a_broken_list_is_refused_where_it_breaks(tmp_path, content, fault):
    with pytest.raises(ZooError) as caught:
        _read(tmp_path / "a.json", content)
    assert caught.value.why[0].startswith(fault)


def test_a_byte_order_mark_does_not_matter(tmp_path):
    assert _read(tmp_path / "a.ndjson", '\ufeff{"text": "x"}\n').columns == ["text"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries({"a": TEXT | st.none(), "b": TEXT}), min_size=1, max_size=6),
    ascii_only=st.booleans(),
)
def test_any_text_comes_back_equal(tmp_path, rows, ascii_only):
    lines = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    table = _read(tmp_path / "a.jsonl", lines)
    assert [{"a": a, "b": b} for a, b in zip(table.column("a"), table.column("b"), strict=True)] == rows


def test_faulty_lines_are_named_by_their_rows(tmp_path):
    good = '{"text": "x"}'
    lines = [good, '{"text": ', "", "null", "[1]", good, "3", '"x"', "true", "{]", "1.5"]
    with pytest.raises(ZooError, match="is not JSON lines") as caught:
        _read(tmp_path / "a.jsonl", "\n".join(lines))
    first, *rest = caught.value.why
    assert first.startswith("Row 2: Expecting value")
    assert rest == [
        "Row 3 is null, not an object.",
        "Row 4 is a list, not an object.",
        "Row 6 is a number, not an object.",
        "Row 7 is text, not an object.",
        "3 more rows.",
    ]


@pytest.mark.parametrize(
    "content",
    ["[" * 99_999, '[1, {"text": "x"}]', "text,label\nx,y\n", '{"a":' + "[" * 99_999],
)
def test_other_files_are_not_json_lines(tmp_path, content):
    with pytest.raises(ZooError, match="is not JSON lines"):
        _read(tmp_path / "a.json", content)


def test_mixed_kinds_are_named_by_their_first_rows(tmp_path):
    with pytest.raises(ZooError, match="Column 'label' of") as caught:
        _read(tmp_path / "a.jsonl", '{"label": null}\n{"label": 1}\n{"label": 2}\n{"label": "x"}\n')
    assert caught.value.why == ["Row 2 has a number.", "Row 4 has text."]


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ([{"role": "user", "content": 5}], ["Row 1 has text as 'content'.", "Row 3 has a number as 'content'."]),
        (
            [{"role": "user", "content": {"text": ["x", True]}}],
            ["Row 1 has text as 'content'.", "Row 3 has an object as 'content'."],
        ),
        (["hello"], ["Row 1 has an object in a list.", "Row 3 has text in a list."]),
        ("hello", ["Row 1 has a list.", "Row 3 has text."]),
    ],
)
def test_mixed_kinds_within_values_are_named_by_their_first_rows(tmp_path, odd, why):
    fine = {"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": None}]}
    with pytest.raises(ZooError, match="Column 'messages' of") as caught:
        _read(tmp_path / "a.jsonl", "\n".join(json.dumps(row) for row in (fine, fine, {"messages": odd}, fine)))
    assert caught.value.why == why


def test_whole_and_broken_numbers_go_together(tmp_path):
    assert _read(tmp_path / "a.jsonl", '{"n": 1}\n{"n": 2.5}\n').column("n") == [1.0, 2.5]


@pytest.mark.parametrize("value", ['"half a pair: \\ud83d"', "99999999999999999999999"])
def test_a_value_that_cannot_be_kept_is_named_by_its_row(tmp_path, value):
    with pytest.raises(ZooError, match="Column 'a'") as caught:
        _read(tmp_path / "a.jsonl", f'{{"a": null}}\n{{"a": {value}}}\n')
    assert caught.value.why[0].startswith("Row 2: ")


def test_no_row_no_key_and_a_key_without_a_name_are_errors(tmp_path):
    for content in ("\n\n", "{}\n{}\n", '{"": "x"}\n'):
        with pytest.raises(ZooError):
            _read(tmp_path / "a.jsonl", content)
