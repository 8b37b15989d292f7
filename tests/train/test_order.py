"""zoo.train.order: which batches make up each step of a run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.train.order import Order, Plan, even


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4))
def test_every_batch_is_in_exactly_one_step(batches, accumulate, epochs):
    plan = Plan(batches, accumulate, epochs)
    assert len(plan) == plan.per_epoch * epochs
    assert plan.whole_epochs == epochs
    assert [k for step in range(len(plan)) for k in plan.members(step)] == list(range(batches * epochs))
    assert all(1 <= len(plan.members(step)) <= accumulate for step in range(len(plan)))
    # No step reaches from one epoch into the next.
    assert all(plan.members(step)[0] // batches == plan.members(step)[-1] // batches for step in range(len(plan)))


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 200))
def test_steps_in_place_of_epochs(batches, accumulate, steps):
    plan = Plan(batches, accumulate, epochs=3, steps=steps)
    assert len(plan) == steps
    last = plan.members(steps - 1)[-1]
    assert (plan.whole_epochs - 1) * batches <= last < plan.whole_epochs * batches


@given(st.integers(1, 60), st.integers(2, 9), st.integers(1, 3), st.integers(0, 9))
def test_no_step_has_fewer_examples_than_the_least(count, size, least, seed):
    order = Order(count, size, 3, seed, min(least, size))
    for epoch in range(3):
        steps = range(epoch * order.per_epoch, (epoch + 1) * order.per_epoch)
        seen = [n for k in steps for n in order.members(k).tolist()]
        assert len(seen) == len({*seen}) == count - order.left_out
        assert all(len(order.members(k)) >= min(least, size) for k in steps)
    assert order.left_out < max(2, least)


@given(st.integers(1, 100), st.integers(1, 9), st.integers(1, 5), st.integers(0, 9))
def test_accumulated_steps_see_what_one_batch_of_all_would_see(count, size, accumulate, seed):
    parts, whole = Order(count, size, 2, seed), Order(count, size * accumulate, 2, seed)
    plan = Plan(parts.per_epoch, accumulate, 2)
    assert len(plan) == len(whole)
    for step in range(len(plan)):
        members = [n for k in plan.members(step) for n in parts.members(k).tolist()]
        assert members == whole.members(step).tolist()


@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=400),
    st.integers(1, 9),
    st.integers(0, 9),
    st.booleans(),
    st.data(),
)
def test_by_length_every_example_is_seen_once_an_epoch_whichever_step_comes_first(lengths, size, seed, even, data):
    order = Order(len(lengths), size, 2, seed, lengths=np.array(lengths), even=even)
    steps = [order.members(k).tolist() for k in range(len(order))]
    for epoch in range(2):
        part = steps[epoch * order.per_epoch : (epoch + 1) * order.per_epoch]
        assert sorted(n for step in part for n in step) == list(range(len(lengths)))
        assert all(len(step) == size for step in part[:-1])
    again = Order(len(lengths), size, 2, seed, lengths=np.array(lengths), even=even)
    k = data.draw(st.integers(0, len(order) - 1))
    assert again.members(k).tolist() == steps[k]


def test_by_length_the_examples_of_a_step_are_alike_and_others_in_every_epoch():
    lengths = np.random.default_rng(0).integers(1, 513, 1000)
    order = Order(1000, 8, 3, seed=1, lengths=lengths)
    steps = [order.members(k) for k in range(len(order))]
    spread = np.mean([np.ptp(lengths[step]) for step in steps])
    assert spread < 40  # of random ones, about 400
    assert len({frozenset(step.tolist()) for step in steps}) == len(steps)
    # The steps themselves come in no order of length, so that none is kept for the end.
    first = lengths[np.stack(steps[:125])].mean(axis=1)
    assert abs(np.corrcoef(first, np.arange(125))[0, 1]) < 0.3
    assert order.members(0).tolist() != Order(1000, 8, 3, seed=2, lengths=lengths).members(0).tolist()


@pytest.mark.parametrize("count", [1, 7, 23, 31])
def test_few_steps_are_as_random_as_without_lengths(count):
    lengths = np.arange(count)
    for k in range(len(plain := Order(count, 4, 2, seed=3))):
        np.testing.assert_array_equal(plain.members(k), Order(count, 4, 2, 3, lengths=lengths).members(k))


def test_even_steps_hold_about_as_much_and_other_examples_in_every_epoch():
    lengths = np.random.default_rng(0).integers(1, 513, 1000)
    order = Order(1000, 8, 3, seed=1, lengths=lengths, even=True)
    steps = [order.members(k) for k in range(len(order))]
    totals = np.array([lengths[step].sum() for step in steps])
    for first in (0, 50, 125, 175):  # pools of the first two epochs
        assert np.ptp(totals[first : first + 50]) < 0.05 * totals.mean()  # of random ones, as much as the mean
    assert len({frozenset(step.tolist()) for step in steps}) == len(steps)
    # Within a step, lengths are as mixed as they were.
    assert np.mean([lengths[step].std() for step in steps]) > 0.8 * lengths.std()


def test_few_steps_are_evened_too_and_still_differ_by_epoch():
    lengths = np.random.default_rng(0).integers(20, 400, 32)
    order = Order(32, 8, 6, seed=0, lengths=lengths, even=True)
    epochs = [[order.members(4 * epoch + k) for k in range(4)] for epoch in range(6)]
    for steps in epochs:
        totals = [lengths[step].sum() for step in steps]
        assert max(totals) < 1.05 * min(totals)
    assert len({frozenset(frozenset(step.tolist()) for step in steps) for steps in epochs}) == 6


@given(st.integers(1, 12), st.integers(1, 6), st.integers(0, 99))
def test_an_exchange_never_makes_steps_less_even(steps, size, seed):
    lengths = np.random.default_rng(seed).integers(1, 100, (steps, size))
    examples = np.arange(steps * size).reshape(steps, size)
    found = even(examples, lengths)
    assert sorted(found.ravel().tolist()) == examples.ravel().tolist()
    before, after = lengths.sum(axis=1), lengths.ravel()[found].sum(axis=1)
    assert np.square(after).sum() <= np.square(before).sum()
    assert before.min() <= after.min()
    assert after.max() <= before.max()
