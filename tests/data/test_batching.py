"""Batches for inference: every input once, few shapes, little padding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zoo.data.batching import Batch, batches

LENGTHS = st.lists(st.integers(0, 600), max_size=300)


@given(LENGTHS)
def test_every_input_is_in_one_batch_that_is_wide_enough(lengths):
    found = list(batches(lengths))

    assert sorted(n for batch in found for n in batch.indices) == list(range(len(lengths)))
    for batch in found:
        assert len(batch.indices) <= batch.rows
        assert max(lengths[n] for n in batch.indices) <= batch.length


@given(LENGTHS, st.integers(1, 4000), st.none() | st.integers(1, 200))
def test_rows_and_lengths_are_powers_of_two_within_the_budget(lengths, tokens, rows):
    for batch in batches(lengths, tokens=tokens, rows=rows):
        assert batch.rows.bit_count() == batch.length.bit_count() == 1
        assert batch.length >= 16
        assert batch.rows * batch.length <= max(tokens, batch.length)
        assert batch.rows <= (rows or batch.rows)
        assert batch.rows < 2 * len(batch.indices)


@given(LENGTHS)
def test_the_longest_come_first(lengths):
    longest = [max(lengths[n] for n in batch.indices) for batch in batches(lengths)]

    assert longest == sorted(longest, reverse=True)


def test_many_short_texts_cost_little_padding():
    lengths = [20 + n % 13 for n in range(5000)]

    padded = sum(batch.rows * batch.length for batch in batches(lengths))

    assert padded < 1.5 * sum(lengths)


def test_a_few_long_texts_are_not_filled_up_with_short_ones():
    lengths = [10 + n % 7 for n in range(600)] + [250, 251]

    found = list(batches(lengths))

    assert found[0] == Batch([601, 600], 2, 256)
    assert sum(batch.rows * batch.length for batch in found) < 2 * sum(lengths)


def test_a_few_texts_are_one_batch():
    assert list(batches([60, 5, 8])) == [Batch([0, 2, 1], 4, 64)]
    assert len(list(batches([60, *[5] * 40], worth=4096))) == 1


def test_few_shapes_compile():
    lengths = [n % 512 + 1 for n in range(10_000)]

    assert len({(batch.rows, batch.length) for batch in batches(lengths)}) <= 12
