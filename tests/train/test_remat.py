"""zoo.train.remat: what is computed again comes out the same, and is not kept."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

import zoo
from zoo.loading import build, locate
from zoo.testing import tiny_decoder
from zoo.train.footprint import footprint
from zoo.train.optimizer import make_optimizer, make_schedule
from zoo.train.recipe import TrainKeys
from zoo.train.remat import remat_blocks
from zoo.train.step import make_trainer

KEYS = TrainKeys(learning_rate=1e-2, schedule="constant", warmup=0)
TEXTS = ["the film was great and the plot was moving"] * 4


def copied(state):
    return jax.tree.map(lambda x: x.copy(), state)


@pytest.mark.parametrize("what", ["elementwise", "layers"])
def test_what_is_computed_again_comes_out_the_same_and_less_is_kept(with_dropout, padded, what):
    def stepped(what: str):
        model = zoo.load(with_dropout, task="text-classification", labels=["bad", "good"])
        remat_blocks(model, what)
        optimizer = make_optimizer(KEYS, make_schedule(KEYS, 10), model.trainable_variables)
        arrays, made = padded[0], make_trainer(model, optimizer, model.objective())
        state, losses = made.state(), []
        fixed = [v.value for v in model.non_trainable_variables]

        def outputs(trainable):
            return model.stateless_call(trainable, fixed, arrays, training=True)[0]

        gradient = jax.eval_shape(lambda trainable: jax.vjp(outputs, trainable)[1], state[0])
        kept = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(gradient))
        for _ in range(3):
            state, loss = made.advance(copied(state), [padded])
            losses.append(float(loss))
        return losses, state, kept

    (losses, state, kept), (again, other, less) = stepped("nothing"), stepped(what)
    assert losses == pytest.approx(again, abs=1e-5)
    assert len(set(losses)) == 3
    assert less < 0.6 * kept
    for one, two in zip(state[1], other[1], strict=True):  # the seeds have moved on as far
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(("what", "dora"), [("layers", False), ("layers", True), ("elementwise", False)])
def test_what_is_computed_again_drops_what_was_dropped(tiny_bert, padded, what, dora):
    """A layer that is not told whether it trains learns that from the layers around it, which is over by then."""

    def stepped(again: bool):
        model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
        if again:
            remat_blocks(model, what)
        model.adapters.add(rank=2, dropout=0.5, targets="mlp", dora=dora, seed=1)
        sgd = TrainKeys(optimizer="sgd", momentum=0.0, learning_rate=1.0, warmup=0, schedule="constant")
        optimizer = make_optimizer(sgd, make_schedule(sgd, 10), model.trainable_variables)
        made = make_trainer(model, optimizer, model.objective())
        state = made.state()
        before = copied(state[0])
        return before, made.advance(state, [padded])[0][0]

    before, plain = stepped(again=False)
    _, again = stepped(again=True)
    assert any(not np.array_equal(old, new) for old, new in zip(before, plain, strict=True))
    for one, two in zip(plain, again, strict=True):  # a step of size 1 along the gradient
        np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.optimized
@pytest.mark.parametrize(("what", "share"), [("elementwise", 0.8), ("layers", 0.7)])
def test_a_program_that_computes_again_takes_less_memory(with_dropout, what, share):
    """XLA's CPU compiler, too, which merges what a program computes twice unless it cannot tell."""

    def taken(again: bool) -> int:
        model = zoo.load(with_dropout, task="text-classification", labels=["bad", "good"])
        if again:
            remat_blocks(model, what)
        made = make_trainer(
            model, make_optimizer(KEYS, make_schedule(KEYS, 10), model.trainable_variables), model.objective()
        )
        batch = {"input_ids": np.ones((64, 16), np.int32), "attention_mask": np.ones((64, 16), np.int32)}
        program = footprint(made, made.start(), (batch, np.zeros(64, np.int32), np.ones(64, np.float32)))
        return program.compiled.memory_analysis().temp_size_in_bytes

    assert taken(again=True) < share * taken(again=False)


@pytest.mark.optimized
@pytest.mark.parametrize(
    ("architecture", "config", "how", "length"),
    [
        ("gemma2", {"sliding_window": 100, "query_pre_attn_scalar": 8}, {}, 300),  # in bands
        ("llama", {}, {}, 1100),  # in chunks
        ("llama", {}, {"int8": "backbone"}, 300),
    ],
)
def test_an_adapters_gradients_are_the_same_in_less_memory(architecture, config, how, length, tmp_path):
    sizes = {"num_hidden_layers": 4, "hidden_size": 128, "intermediate_size": 512}
    tiny_decoder(tmp_path / "model", TEXTS, architecture=architecture, **sizes, **config)
    ids = np.random.default_rng(0).integers(5, 20, (2, length)).astype(np.int32)

    def found(what: str) -> tuple[list, int, float]:
        model = build(locate(str(tmp_path / "model")), task="text-generation", **how)
        remat_blocks(model, what)
        model.adapters.add(rank=2, targets="all", seed=1)
        chance = np.random.default_rng(1)  # a new adapter changes nothing, and half of its gradients are zero
        trainable = [chance.normal(0, 0.02, v.shape).astype(np.float32) for v in model.trainable_variables]
        fixed = [v.value for v in model.non_trainable_variables]
        arrays = {"input_ids": ids, "position_ids": np.arange(length, dtype=np.int32)[None].repeat(2, 0)}

        def loss(trainable, fixed):
            logits, _ = model.stateless_call(trainable, fixed, arrays, training=True)
            return (logits * np.cos(np.arange(logits.shape[-1]))).mean()

        program = jax.jit(jax.grad(loss)).lower(trainable, fixed).compile()
        memory = program.memory_analysis().temp_size_in_bytes
        return program(trainable, fixed), memory, program.cost_analysis()["flops"]

    plain, most, work = found("nothing")
    elementwise, less, hardly_more = found("elementwise")
    layers, least, more = found("layers")
    for ours in (elementwise, layers):
        for one, two in zip(ours, plain, strict=True):
            np.testing.assert_allclose(one, two, atol=2e-6 * np.abs(two).max())
    assert max(less, least) < 0.6 * most
    assert hardly_more < 1.1 * work < more


class Strange(keras.layers.Layer):
    """Twice its input, and what a program of its call would leave out."""

    def __init__(self, kind: str, **kwargs):
        super().__init__(**kwargs)
        self.kind = kind

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        match self.kind:
            case "a loss":
                self.add_loss(keras.ops.sum(x))
            case "a mask":
                x = keras.layers.GlobalAveragePooling1D(keepdims=True)(x) + x
            case "an array by attribute":
                x = x + self.array
            case "an output that nothing uses":
                return keras.ops.sum(x), 2 * self.factor * keras.ops.tanh(x)
        return 2 * self.factor * x


class Backbone(keras.layers.Layer):
    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        self.start = keras.layers.Embedding(5, 3, mask_zero=kind == "a mask")
        self.blocks = [Strange(kind, name=f"layer_{n}") for n in range(2)]

    def build(self, input_shape):
        for layer in (self.start, *self.blocks):
            layer.build((None, None, 3))
        # Named as a layer is, and none.
        self.layer_7 = self.add_weight(shape=(), initializer="ones", name="layer_7")

    def call(self, ids):
        x = self.start(ids)
        for layer in self.blocks:
            layer.array = 3 * x
            x = layer(x)
            x = x[1] if isinstance(x, tuple) else x
        return x * self.layer_7


STRANGE = ["a loss", "a mask", "an array by attribute", "an output that nothing uses"]


@pytest.mark.parametrize("what", ["elementwise", "layers"])
@pytest.mark.parametrize("kind", STRANGE)
def test_what_a_program_has_no_place_for_is_not_lost(kind, what):
    ids = np.array([[1, 2, 0, 0], [3, 4, 1, 0]])

    def found(what: str):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([Backbone(kind)])
        model.build((2, 4))
        model.backbone = model.layers[0]
        remat_blocks(model, what)

        @jax.value_and_grad
        def loss(values):
            x, _, losses = model.stateless_call(values, [], ids, return_losses=True)
            return keras.ops.sum(x**2) + sum(losses)

        return jax.jit(loss)([v.value for v in model.trainable_variables])

    plain, again = found("nothing"), found(what)
    assert any(np.abs(x).max() > 0 for x in plain[1])
    jax.tree.map(lambda one, two: np.testing.assert_allclose(one, two, rtol=1e-6), plain, again)
