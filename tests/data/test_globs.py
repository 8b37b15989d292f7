"""zoo.data.globs: patterns of paths. What they fit is what `datasets` 5.2 finds with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.globs import is_pattern, matching

NAMES = ["train.csv", "data/train-1.csv", "data/x.csv", "data/a/x.csv", "data/a/b/x.csv", "b/train/c.csv"]


@pytest.mark.parametrize(
    ("pattern", "fit"),
    [
        ("*.csv", ["train.csv"]),
        ("data/train-*", ["data/train-1.csv"]),
        ("**/*.csv", NAMES),
        ("**", NAMES),
        ("data/**", ["data/train-1.csv", "data/x.csv", "data/a/x.csv", "data/a/b/x.csv"]),
        ("data/**/x.csv", ["data/x.csv", "data/a/x.csv", "data/a/b/x.csv"]),
        ("**/train/*", ["b/train/c.csv"]),
        ("data/[tx]*", ["data/train-1.csv", "data/x.csv"]),
        ("data/[!t]*", ["data/x.csv"]),
        ("d?ta/x.csv", ["data/x.csv"]),
        ("data?x.csv", []),
        ("[z-a].csv", []),
    ],
)
def test_a_pattern_fits_whole_paths(pattern, fit):
    assert is_pattern(pattern)
    assert [name for name in NAMES if matching(pattern).fullmatch(name)] == fit


@given(st.text("ab/*?[]!-^\\.(+", max_size=12))
def test_no_pattern_is_an_accident(pattern):
    matching(pattern)


@given(st.text(st.characters(exclude_characters="*?["), max_size=12))
def test_a_path_without_signs_fits_itself_alone(path):
    assert not is_pattern(path)
    assert matching(path).fullmatch(path)
    assert not matching(path).fullmatch(path + "x")
