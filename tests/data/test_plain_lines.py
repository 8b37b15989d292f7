"""zoo.data.plain_lines, through read_table"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.suite.properties import examples
from zoo.data.readers import read_table
from zoo.errors import ZooError

LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(60))
@given(
    lines=st.lists(LINE, min_size=1, max_size=6).filter(lambda lines: any(map(str.strip, lines))),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    memory=st.sampled_from([None, 0]),
)
def test_every_line_that_is_not_blank_is_a_text(tmp_path, lines, end, mark, memory, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "a.txt").write_bytes(mark + end.join(lines).encode())
    table = read_table(tmp_path / "a.txt", memory)
    assert table.columns == ["text"]
    assert table.column("text") == [line for line in lines if line.strip()]


def test_more_lines_than_are_held_at_once(tmp_path):
    (tmp_path / "a.txt").write_text("".join(f"line {n}\n" for n in range(25_000)))
    assert read_table(tmp_path / "a.txt").column("text")[::12_345] == ["line 0", "line 12345", "line 24690"]


@pytest.mark.parametrize(("content", "why"), [(b"\n \n", "has no rows"), (b"fine\n\xff\n", "Line 2 is the first")])
def test_what_cannot_be_read(tmp_path, content, why):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(ZooError, match=why):
        read_table(tmp_path / "a.txt")
