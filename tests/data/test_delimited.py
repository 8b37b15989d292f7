"""zoo.data.delimited, through read_table"""

from __future__ import annotations

import csv
import weakref

import pyarrow.csv as arrow_csv
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from zoo.data.readers import read_table
from zoo.errors import ZooError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAME = TEXT.filter(str.strip)


def _read(path, content: str | bytes):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


def test_every_column_is_text_and_only_an_empty_cell_is_missing(tmp_path):
    table = _read(tmp_path / "a.csv", "text,label\nNA,1\nnull,1.50\nNone,\n,true\n2020-01-01, nan \n")
    assert table.column("text") == ["NA", "null", "None", None, "2020-01-01"]
    assert table.column("label") == ["1", "1.50", None, "true", " nan "]


def test_quotes_hold_delimiters_line_breaks_and_quotes(tmp_path):
    table = _read(tmp_path / "a.csv", 'text,label\r\n"one, two\r\nthree","say ""so"""\r\n"",x\r\n')
    assert table.column("text") == ["one, two\r\nthree", ""]
    assert table.column("label") == ['say "so"', "x"]


def test_tabs_separate_a_tsv(tmp_path):
    table = _read(tmp_path / "a.tsv", "text\tlabel\none, two\tgood\n")
    assert table.columns == ["text", "label"]
    assert table.column("text") == ["one, two"]


@pytest.mark.parametrize("header", ["text,label", '"text","label"', '\n\n"text",label'])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_byte_order_mark_blank_lines_and_line_ends_do_not_matter(tmp_path, header, mark, end):
    content = f"{header}\nfine,good\n\npoor,bad".replace("\n", end)
    table = _read(tmp_path / "a.csv", mark + content.encode())
    assert table.columns == ["text", "label"]
    assert table.column("label") == ["good", "bad"]


def test_a_row_may_be_longer_than_a_block_of_the_parser(tmp_path):
    long = "word " * 600_000
    table = _read(tmp_path / "a.csv", f'text,label\n"{long}",a\nshort,b\n')
    assert table.column("text") == [long, "short"]


@pytest.mark.parametrize(
    ("end", "fault"),
    [(b"", ""), (b"a\n", "more or fewer cells"), (b"\xff,b\n", "is not UTF-8")],
    ids=["sound", "ragged", "not UTF-8"],
)
@pytest.mark.parametrize("rows", [0, 5_000])
def test_no_thread_of_the_readers_holds_what_is_pythons_any_more(tmp_path, rows, end, fault, monkeypatch):
    """One that let go of it while the interpreter ends would end the process as a crash."""
    noting, errors, real = [], [], arrow_csv.ParseOptions

    def options(*, invalid_row_handler, **others):
        noting.append(weakref.ref(invalid_row_handler))
        return real(invalid_row_handler=invalid_row_handler, **others)

    monkeypatch.setattr(arrow_csv, "ParseOptions", options)
    for _ in range(40):
        try:
            _read(tmp_path / "a.csv", b"text,label\n" + rows * b"fine,good\n" + end)
        except ZooError as error:
            errors.append(error)  # with all that it came through
        assert not any(held() for held in noting)
    assert bool(noting) == (rows > 0 or not end.startswith(b"\xff"))
    assert all((fault or "has no rows") in str(error) for error in errors)
    assert len(errors) == (40 if fault or not rows else 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), names=st.lists(NAME, min_size=1, max_size=3, unique=True), tsv=st.booleans())
@example(data=None, names=["text", "label"], tsv=False)
def test_any_text_comes_back_equal(tmp_path, data, names, tsv):
    tricky = [
        "NA",
        "null",
        "",
        '"',
        '""',
        "a\nb",
        "\r\n",
        "\n",
        ",",
        "\t",
        '",\n"',
        "\x00",
        "\u2028",
        "\ufeff",
    ]
    cell = st.one_of(st.sampled_from(tricky), TEXT)
    row = st.lists(cell, min_size=len(names), max_size=len(names))
    rows = data.draw(st.lists(row, min_size=1, max_size=6)) if data else [[x, x] for x in tricky]
    path = tmp_path / ("a.tsv" if tsv else "a.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if tsv else ",", quoting=csv.QUOTE_ALL)
        writer.writerows([names, *rows])
    table = read_table(path)
    assert table.columns == names
    assert [list(row) for row in zip(*map(table.column, names), strict=True)] == rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_quotes_only_where_needed_come_back_equal_but_for_the_empty_cell(tmp_path, rows):
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("a", "b"), *rows])
    table = read_table(path)
    assert list(zip(table.column("a"), table.column("b"), strict=True)) == [(a or None, b or None) for a, b in rows]


def test_ragged_rows_are_named_by_their_numbers(tmp_path):
    rows = ['"two\n\nlines",x', "a,b,c", "", "fine,good", "alone", *["fine,good"] * 90_000, "x,y,z"]
    with pytest.raises(ZooError, match="more or fewer cells") as caught:
        _read(tmp_path / "a.csv", "text,label\n" + "\n".join(rows))
    assert caught.value.why == [
        "The header has 2: 'text', 'label'.",
        "Rows: 2 (has 3), 4 (has 1), 90005 (has 3).",
    ]


def test_a_header_without_rows_is_an_error(tmp_path):
    for content in ("text,label", "text,label\n", "text,label\n\n"):
        with pytest.raises(ZooError, match="has no rows, only its columns 'text', 'label'"):
            _read(tmp_path / "a.csv", content)


def test_blank_lines_alone_are_an_empty_file(tmp_path):
    with pytest.raises(ZooError, match="is empty"):
        _read(tmp_path / "a.csv", "\n\r\n\n")


def test_header_faults_come_all_at_once(tmp_path):
    with pytest.raises(ZooError, match="does not name its columns") as caught:
        _read(tmp_path / "a.csv", "a,,b,a, ,b\n1,2,3,4,5,6\n")
    assert caught.value.why == [
        "Without a name: column 2, 5, counted from 1.",
        "More than once: 'a', 'b'.",
        "The names found: 'a', '', 'b', 'a', ' ', 'b'.",
    ]


@pytest.mark.parametrize("tail", ["poor,bad\n", "poor,bad", 'poor,"bad"x\n', "\n"])
def test_a_quote_never_closed_is_an_error(tmp_path, tail):
    with pytest.raises(ZooError, match=r"never closed"):
        _read(tmp_path / "a.csv", f'text,label\nfine,good\n5 inches,"good\n{tail}')


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n"])
def test_a_closed_quote_with_line_breaks_at_the_end_is_none(tmp_path, end):
    table = _read(tmp_path / "a.csv", f'label,text\ngood,"fine\nfilm\n"{end}')
    assert table.column("text") == ["fine\nfilm\n"]


def test_a_header_that_runs_on_is_an_error(tmp_path):
    with pytest.raises(ZooError):
        _read(tmp_path / "a.csv", 'text,"label\n' + "fine,good\n" * 20_000)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.one_of(st.binary(max_size=60), st.text('ab,"\n\r\t', max_size=60).map(str.encode)))
def test_any_file_is_a_table_or_a_zoo_error(tmp_path, content):
    try:
        table = _read(tmp_path / "a.csv", content)
    except ZooError:
        return
    assert len(table) > 0
    assert table.columns
