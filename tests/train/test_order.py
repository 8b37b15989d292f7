"""zoo.train.order: which batches make up each step of a run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zoo.train.order import Order, Plan


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
