"""zoo.nn.trace_once: layers that are alike are one program, and no others are."""

from __future__ import annotations

import functools

import jax
import keras
import numpy as np
import pytest
from jax import numpy as jnp

from zoo.nn import BatchNorm, Dropout, Lora, TraceOnce, linear, without_adapters
from zoo.nn.likeness import likeness
from zoo.nn.masks import Mask
from zoo.nn.pure_call import PureCall

DIM = 4
INPUTS = jnp.asarray(np.random.default_rng(0).normal(size=(8, DIM)), "float32")


class Block(keras.layers.Layer):
    """Something of each kind: weights, statistics, seeds, an adapter, a function, a list, a setting."""

    def __init__(self, rate: float = 0.5, act=keras.ops.tanh, **kwargs):
        super().__init__(**kwargs)
        self.act, self.gains = act, [1.0, 2.0]
        self.linears = [linear(DIM, f"linear_{n}", 0.5) for n in range(2)]
        self.norm, self.dropout = BatchNorm(name="norm"), Dropout(rate, name="dropout")

    def build(self, input_shape=None):
        for layer in (*self.linears, self.norm):
            layer.build((None, DIM))
        self.linears[0].adapt(Lora(rank=2, alpha=4, dropout=0.25))

    def call(self, x, training=False):
        for layer, gain in zip(self.linears, self.gains, strict=True):
            x = x + gain * self.act(layer(x, training=training))
        return self.norm(self.dropout(x, training=training), training=training)


class Stack(keras.layers.Layer):
    def __init__(self, blocks, once=TraceOnce, **kwargs):
        super().__init__(**kwargs)
        self.blocks, self.once = blocks, once
        self.built = True

    def call(self, x, training=False):
        once = self.once()
        for block in self.blocks:
            x = once(block, x, training=training)
        return x


def plainly():
    return lambda layer, *args, **kwargs: layer(*args, **kwargs)


def blocks(count: int = 4, **kwargs) -> list[Block]:
    found = [Block(name=f"block_{n}", **kwargs) for n in range(count)]
    for n, block in enumerate(found):
        block.build()
        random = np.random.default_rng(n)
        for v in block.trainable_variables:
            v.assign(random.normal(size=v.shape))
    return found


@pytest.fixture
def traced(monkeypatch) -> list[PureCall]:
    """The calls that are written down."""
    found, written_down = [], PureCall.written_down

    def noted(self):
        found.append(self)
        return written_down(self)

    monkeypatch.setattr(PureCall, "written_down", noted)
    return found


def stepped(stack: Stack, **kwargs):
    """Outputs, gradients, and the values of what has moved."""
    trained, others = stack.trainable_variables, stack.non_trainable_variables

    @jax.jit
    def run(trained, others, x):
        def loss(trained):
            outputs, moved = stack.stateless_call(trained, others, x, **kwargs)
            return (outputs * jnp.arange(DIM)).astype("float32").sum(), (outputs, moved)

        return jax.grad(loss, has_aux=True)(trained)

    return run([v.value for v in trained], [v.value for v in others], INPUTS)


def same(one, other) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_blocks_that_are_alike_are_traced_once_and_compute_what_each_does(traced, training, dtype):
    made = blocks(dtype=dtype)
    once = stepped(Stack(made, dtype=dtype), training=training)
    assert len(traced) == 1
    each = stepped(Stack(made, once=plainly, dtype=dtype), training=training)
    same(once, each)
    assert len(traced) == 1
    if training:  # every block has drawn for itself, and has statistics of its own
        seeds = [value for value in once[1][1] if value.dtype == "uint32"]
        assert len(seeds) == 8
        assert all(int(value[1]) == 1 for value in seeds)
        statistics = [value for value in once[1][1] if value.dtype == "float32"]
        assert len({value.tobytes() for value in map(np.asarray, statistics)}) == len(statistics) == 8


def freeze(block):
    block.norm.trainable = False


def freeze_one_weight(block):
    block.linears[1].kernel.trainable = False


def adapt(block, **changes):
    block.linears[0].adapt(Lora(**{"rank": 2, "alpha": 4, "dropout": 0.25, **changes}))


CHANGES = {
    "another rate": lambda block: setattr(block.dropout, "rate", 0.25),
    "another epsilon": lambda block: setattr(block.norm, "epsilon", 1e-3),
    "another function": lambda block: setattr(block, "act", keras.ops.sin),
    "another number in a list": lambda block: block.gains.__setitem__(1, 3.0),
    "a setting of its own": lambda block: setattr(block, "_hidden", 1),
    "frozen statistics": freeze,
    "a frozen weight": freeze_one_weight,
    "another rank": functools.partial(adapt, rank=3),
    "another alpha": functools.partial(adapt, alpha=8),
    "another dropout": functools.partial(adapt, dropout=0.5),
    "dora": functools.partial(adapt, dora=True),
    "no adapter": lambda block: block.linears[0].adapt(None),
    "an adapter elsewhere": lambda block: block.linears[1].adapt(Lora(rank=2, alpha=4, dropout=0.25)),
    "8-bit numbers": lambda block: block.linears[1].keep_as_int8(),
    "another policy": lambda block: setattr(block.dropout, "dtype_policy", keras.DTypePolicy("mixed_bfloat16")),
    "another call": lambda block: setattr(block, "call", lambda x, training=False: x),
    "one layer twice": lambda block: block.linears.__setitem__(1, block.linears[0]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_differs_in_anything_is_another_program(traced, change):
    made = blocks()
    assert len({likeness(block) for block in made}) == 1
    change(made[2])
    assert likeness(made[0]) == likeness(made[1]) == likeness(made[3]) != likeness(made[2])
    once = stepped(Stack(made), training=True)
    assert len(traced) == 2
    same(once, stepped(Stack(made, once=plainly), training=True))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_no_program_outlives_a_change(change):
    made = blocks()
    stepped(Stack(made), training=True)
    for block in made:
        change(block)
    same(stepped(Stack(made), training=True), stepped(Stack(made, once=plainly), training=True))


def test_without_adapters_is_another_trace():
    made = blocks()
    plain = stepped(Stack(made))[1][0]
    with without_adapters():
        bare = stepped(Stack(made))[1][0]
        same(bare, stepped(Stack(made, once=plainly))[1][0])
    assert not np.array_equal(plain, bare)


def test_arguments_that_are_no_arrays_tell_calls_apart(traced):
    (block,) = blocks(1)
    table = np.arange(DIM)  # cannot be compared, so it is like itself alone

    class Twice(keras.layers.Layer):
        def call(self, x, table=None, training=False):
            return block(x, training=training) if table is None else x[:, table]

    twice = Twice()
    twice.built = True

    @jax.jit
    def run(x):
        once = TraceOnce()
        found = [once(block, x, training=False), once(block, x), once(block, x), once(block, x, training=False)]
        return *found, once(twice, x, table=table), once(twice, x, table=table), once(twice, x, table=table[::-1])

    *found, one, again, turned = run(INPUTS)
    for outputs in found[1:]:
        same(outputs, found[0])
    same((one, again, turned), (INPUTS, INPUTS, INPUTS[:, ::-1]))
    assert len(traced) == 4


def test_masks_are_arguments(traced):
    rules = [Mask(None, None, 8, causal=True, window=window) for window in (2, 2, 3)]

    class Masked(keras.layers.Layer):
        def call(self, x, rule):
            return rule.whole()[0, 0] @ x

    layers = [Masked() for _ in rules]
    for layer in layers:
        layer.built = True

    @jax.jit
    def run(x):
        once = TraceOnce()
        return [once(layer, x, rule=rule) for layer, rule in zip(layers, rules, strict=True)]

    for outputs, rule in zip(run(INPUTS), rules, strict=True):
        np.testing.assert_allclose(outputs, rule.whole()[0, 0] @ INPUTS, rtol=1e-6)
    assert len(traced) == 2


def test_outside_of_a_trace_layers_are_called_as_they_are(traced):
    made = blocks()
    outputs = Stack(made)(INPUTS)
    assert not traced
    same(outputs, Stack(made, once=plainly)(INPUTS))


def test_a_layer_that_is_not_built_is_built_as_ever():
    layer = keras.layers.Dense(3)

    @jax.jit
    def run(x):
        with keras.StatelessScope(initialize_variables=False):
            return TraceOnce()(layer, x)

    assert run(INPUTS).shape == (8, 3)
    assert layer.built


def test_a_layer_that_looks_beyond_itself_is_traced_by_itself():
    tables = {f"reads_{n}": keras.Variable(np.float32(n + 2)) for n in range(2)}

    class Reads(keras.layers.Layer):
        def call(self, x):
            return x * tables[self.name]

    layers = [Reads(name=name) for name in tables]
    for layer in layers:
        layer.built = True

    @jax.jit
    def run(values, x):
        once = TraceOnce()
        with keras.StatelessScope(list(zip(tables.values(), values, strict=True))):
            return [once(layer, x) for layer in layers]

    found = run([jnp.float32(5), jnp.float32(7)], jnp.float32(1))
    assert [float(x) for x in found] == [5, 7]


class Costly(keras.layers.Layer):
    """Adds a loss: of its own accord, or as Keras does for what it gives."""

    def __init__(self, own: bool, **kwargs):
        super().__init__(**({} if own else {"activity_regularizer": "l2"}), **kwargs)
        self.own, self.built = own, True

    def call(self, x):
        if self.own:
            self.add_loss(keras.ops.sum(x))
        return x + 1


@pytest.mark.parametrize("own", [True, False])
def test_layers_that_add_losses_are_called_as_they_are(own):
    layers = [Costly(own) for _ in range(3)]

    def losses(once):
        @jax.jit
        def run(x):
            with keras.StatelessScope([], collect_losses=True) as scope:
                called = once()
                for layer in layers:
                    x = called(layer, x)
                return x, list(scope.losses)

        return run(INPUTS)

    once = losses(TraceOnce)
    assert len(once[1]) == 3
    same(once, losses(plainly))
