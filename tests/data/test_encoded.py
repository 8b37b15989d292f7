"""zoo.data.encoded: many tokenised inputs in one array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.data import encoded, spool
from zoo.data.encoded import Encoded, EncodedTexts, blocks, lengths_of, pad


def items(lengths: list[int], labelled: bool) -> list[Encoded]:
    chance = np.random.default_rng(0)

    def tokens(length: int) -> np.ndarray:
        return chance.integers(0, 99, length).astype(np.int32)

    return [Encoded(tokens(n), tokens(n), n % 3 == 0, tokens(n) if labelled else None, n % 4) for n in lengths]


def same(one: Encoded, other: Encoded) -> bool:
    assert (one.truncated, one.lost) == (other.truncated, other.lost)
    assert list(one.columns) == list(other.columns)
    assert all(column.dtype == np.int32 for column in one.columns.values())
    return all((one.columns[name] == column).all() for name, column in other.columns.items())


@given(st.lists(st.integers(0, 9), max_size=12), st.booleans(), st.sampled_from([0, 1 << 20]), st.integers(1, 5))
def test_they_are_those_of_a_list(tmp_path_factory, lengths, labelled, memory, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setattr(spool, "MEMORY", memory)
        patch.setattr(encoded, "_BLOCK", block)
        expected = items(lengths, labelled)
        found = EncodedTexts(iter(expected))
        assert len(found) == len(expected)
        assert found.lengths.tolist() == lengths_of(expected).tolist() == lengths
        assert all(map(same, found, expected))
        assert all(same(found[np.int64(n)], expected[n]) for n in range(-len(expected), len(expected)))
        assert all(map(same, found[1:4], expected[1:4]))
        if expected:
            shape = (len(expected), max(lengths) + 1)
            for name, array in pad(found, shape, 7).items():
                assert (array == pad(expected, shape, 7)[name]).all()


def test_a_place_beyond_them_is_an_error():
    with pytest.raises(IndexError):
        EncodedTexts(items([2], False))[1]


def test_blocks_know_where_they_begin(monkeypatch):
    monkeypatch.setattr(encoded, "_BLOCK", 2)
    assert list(blocks(iter("abcde"))) == [(0, ["a", "b"]), (2, ["c", "d"]), (4, ["e"])]
    assert list(blocks([])) == []
