"""tests.suite.profiling: time is counted once, and told by file and by kind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.suite.profiling import KINDS, by_file, exclusive, length, summary, table

spans = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted).map(tuple), max_size=8)


@given(st.dictionaries(st.sampled_from(KINDS), spans))
def test_no_second_is_counted_twice(found):
    seconds = exclusive(found, 10, 40)

    inside = [(max(10, a), min(40, b)) for each in found.values() for a, b in each if b > 10 and a < 40]
    assert sum(seconds.values()) == length(inside)
    for kind, own in found.items():
        assert seconds.get(kind, 0) <= length((max(10, a), min(40, b)) for a, b in own if b > 10 and a < 40)


def test_tables():
    records = [
        {"test": "tests/a.py::test_one", "seconds": 3.0, "compile": 2.0},
        {"test": "tests/a.py::test_two", "seconds": 2.0},
        {"test": "tests/b.py::test_one", "seconds": 9.0, "subprocess": 8.0},
        {"fixture": "run", "of": "tests", "scope": "session", "seconds": 4.0},
        {"fixture": "run", "of": "tests", "scope": "session", "seconds": 6.0},
        {"collected": 5.0},
        {"ended": 20.0, "peak_mib": 900},
        {"ended": 26.0, "peak_mib": 1200},
    ]
    files = by_file(records)

    assert list(files) == ["tests/b.py", "tests/a.py"]
    assert files["tests/a.py"] == {"tests": 2, "seconds": 5.0, "compile": 2.0} | dict.fromkeys(KINDS, 0) | {
        "compile": 2.0
    }
    assert table(files).splitlines()[-1] == "| tests/a.py | 2 | 5 | 0 | 0 | 2 | 0 | 0 | 0 | 0 | 3 |"
    told = summary(records)
    for part in ("collecting 5 s", "last file 6 s", "made again 4 s", "peak 1,200 MiB"):
        assert part in told
