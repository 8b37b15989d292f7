"""zoo.train.batches: every example once an epoch, and the same arithmetic packed and padded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoo.data.encoded import Encoded
from zoo.train.batches import Batches, few

POSITIONS = 100


def encoded(lengths: list[int]) -> list[Encoded]:
    """Examples whose every token tells which example it is of, and where it stands in it."""
    return [
        Encoded(np.arange(length, dtype=np.int32) + 1000 * (n + 1), np.full(length, n % 2, np.int32))
        for n, length in enumerate(lengths)
    ]


@st.composite
def batches(draw, packed=None) -> Batches:
    lengths = draw(st.lists(st.integers(1, POSITIONS), min_size=1, max_size=40))
    return Batches(
        encoded(lengths),
        np.arange(len(lengths), dtype=np.int32),
        size=draw(st.integers(1, 12)),
        epochs=draw(st.integers(1, 3)),
        seed=draw(st.integers(0, 2**32 - 1)),
        packed=draw(st.booleans()) if packed is None else packed,
        pad_id=7,
        positions=POSITIONS,
    )


@given(batches())
def test_every_example_is_in_exactly_one_batch_of_an_epoch(made):
    for epoch in range(made.epochs):
        ks = range(epoch * made.per_epoch, (epoch + 1) * made.per_epoch)
        seen = np.concatenate([made.members(k) for k in ks])
        assert sorted(seen.tolist()) == list(range(len(made.encoded)))
        assert all(len(made.members(k)) == made.size for k in ks[:-1])


@given(batches(), st.data())
def test_a_batch_depends_on_the_examples_the_seed_and_its_number_alone(made, data):
    other = Batches(
        made.encoded, made.targets, made.size, made.epochs, made.seed, made.packed, made.pad_id, POSITIONS
    )
    for k in range(len(made)):
        made.batch(k)
    k = data.draw(st.integers(0, len(made) - 1))
    # One has made all batches in order, the other makes this one first.
    for first, second in zip(made.batch(k), other.batch(k), strict=True):
        np.testing.assert_equal(first, second)


@given(batches())
def test_targets_and_weights_go_with_the_examples(made):
    for k in range(len(made)):
        arrays, targets, weights = made.batch(k)
        members = made.members(k)
        assert targets.shape == weights.shape == (made.size,)
        assert targets[: len(members)].tolist() == members.tolist()
        assert weights.tolist() == [1.0] * len(members) + [0.0] * (made.size - len(members))
        assert all(array.dtype == np.int32 for array in arrays.values())


@given(batches(packed=True))
def test_packed_rows_hold_every_example_whole_and_apart(made):
    for k in range(len(made)):
        arrays, _, _ = made.batch(k)
        members = made.members(k)
        free = arrays["segment_ids"] == 0
        assert (arrays["input_ids"][free] == made.pad_id).all()
        assert (~free).sum() == sum(len(made.encoded[n]) for n in members)
        assert arrays["example_index"].shape == (made.size, 2)
        segments = set()
        for (row, column), n in zip(arrays["example_index"], members, strict=False):
            item = made.encoded[n]
            span = (row, slice(column, column + len(item)))
            assert arrays["input_ids"][span].tolist() == item.ids.tolist()
            assert arrays["token_type_ids"][span].tolist() == item.types.tolist()
            assert arrays["position_ids"][span].tolist() == list(range(len(item)))
            (segment,) = set(arrays["segment_ids"][span].tolist())
            segments.add((row, segment))
        assert len(segments) == len(members)


@given(batches(packed=False))
def test_padded_rows_hold_one_example_each(made):
    for k in range(len(made)):
        arrays, _, _ = made.batch(k)
        members = made.members(k)
        assert arrays["input_ids"].shape[0] == made.size
        assert arrays["input_ids"].shape[1] <= POSITIONS
        assert arrays["attention_mask"].sum() == sum(len(made.encoded[n]) for n in members)
        for row, n in enumerate(members):
            item = made.encoded[n]
            assert arrays["input_ids"][row, : len(item)].tolist() == item.ids.tolist()
            assert arrays["token_type_ids"][row, : len(item)].tolist() == item.types.tolist()
            assert (arrays["input_ids"][row, len(item) :] == made.pad_id).all()


@given(batches())
def test_few_shapes_compile(made):
    shapes = {made.batch(k)[0]["input_ids"].shape for k in range(len(made))}
    assert len(shapes) <= (2 if made.packed else 6)


# Its second epoch needs more rows than its first.
GROWING = Batches(encoded([20] * 6 + [9] * 6), np.arange(12), 4, 3, 7, True, 0, POSITIONS)


@given(batches())
@example(GROWING)
def test_no_batch_of_the_run_is_larger_than_the_largest(made):
    sizes = [made.batch(k)[0]["input_ids"].size for k in range(len(made))]
    assert max(sizes) == made.batch(made.largest)[0]["input_ids"].size
    assert made.cells == sizes[: made.per_epoch]
    assert made.work == pytest.approx(sum(made.cells) / max(sizes))


def test_the_order_differs_by_epoch_and_by_seed():
    def order(seed: int, epoch: int) -> list[int]:
        made = Batches(encoded([4] * 50), np.zeros(50, np.int32), 10, 2, seed, True, 0, POSITIONS)
        return np.concatenate([made.members(k) for k in range(epoch * 5, epoch * 5 + 5)]).tolist()

    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4
    # Seeds and epochs do not run into one another: (0, 1) is not (1, 0).
    assert order(0, 1) != order(1, 0)


def test_packing_leaves_little_padding():
    lengths = np.random.default_rng(0).integers(5, 60, 400).tolist()
    made = Batches(encoded(lengths), np.zeros(400, np.int32), 32, 1, 0, True, 0, POSITIONS)
    cells = sum(made.batch(k)[0]["input_ids"].size for k in range(len(made)))
    assert made.tokens == sum(lengths)
    assert made.tokens / cells > 0.8  # padded to the longest of each batch, about half


def test_small_packed_batches_need_as_many_rows_each():
    lengths = np.clip(np.random.default_rng(0).lognormal(5, 1, 4000), 8, 1024).astype(int).tolist()
    made = Batches(encoded(lengths), np.zeros(4000, np.int32), 16, 1, 0, True, 0, 1024)
    assert made.sizes == [4]
    assert made.tokens / sum(made.cells) > 0.85  # of random batches, about 0.7 in rows of two counts


def test_padded_texts_of_like_length_leave_little_padding_in_few_shapes():
    lengths = np.random.default_rng(0).integers(5, 500, 3000).tolist()
    made = Batches(encoded(lengths), np.zeros(3000, np.int32), 16, 2, 0, False, 0, 512)
    shapes = [made.batch(k)[0]["input_ids"].shape for k in range(len(made))]
    assert len(set(shapes)) == 6  # of the 16 lengths that batches need
    assert made.sizes == sorted({length for _, length in shapes})
    assert 2 * made.tokens / sum(rows * length for rows, length in shapes) > 0.75  # in random batches, about half


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 5))
def test_sizes_that_others_are_rounded_up_to(needed, most):
    sizes = few(np.array(needed), most)
    assert sizes == sorted(set(sizes))
    assert set(sizes) <= set(needed)
    assert sizes[-1] == max(needed)
    assert len(sizes) == min(most, len(set(needed)))
    if most == 2:
        costs = [sum(next(size for size in (one, max(needed)) if size >= n) for n in needed) for one in set(needed)]
        assert sum(next(size for size in sizes if size >= n) for n in needed) == min(costs)


@pytest.mark.parametrize("size", [4, 6])
def test_packed_and_padded_steps_have_the_same_loss_and_gradient(tiny_bert, size):
    import jax
    from keras import ops

    import zoo

    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good", "so so"])
    lengths = [3, 48, 17, 30, 5]  # fewer than six: one place of the batch is empty then
    chance = np.random.default_rng(0)
    items = [Encoded(chance.integers(5, 20, n).astype(np.int32), np.arange(n, dtype=np.int32) % 2) for n in lengths]
    targets = np.array([0, 1, 2, 1, 0], np.int32)

    def loss_and_gradient(packed: bool):
        made = Batches(items, targets, size, 1, 0, packed, 0, 48)
        arrays, wanted, weights = made.batch(0)
        fixed = [v.value for v in model.non_trainable_variables]

        def loss_of(trainable):
            logits, _ = model.stateless_call(trainable, fixed, arrays, training=True)
            losses = ops.sparse_categorical_crossentropy(wanted, logits, from_logits=True)
            return ops.sum(losses * weights) / ops.sum(weights)

        return jax.jit(jax.value_and_grad(loss_of))([v.value for v in model.trainable_variables])

    (loss, gradient), (other_loss, other_gradient) = loss_and_gradient(True), loss_and_gradient(False)
    assert np.isfinite(loss)
    assert abs(loss - other_loss) <= 1e-5
    for one, other in zip(gradient, other_gradient, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
