"""zoo.train.optimizer: the learning rate of every step, and what weight decay spares."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

import zoo
from zoo.nn import TraceOnce
from zoo.nn.pure_call import PureCall
from zoo.testing import tiny_decoder
from zoo.train.depth import depths
from zoo.train.optimizer import Schedule, make_optimizer, make_schedule
from zoo.train.recipe import TrainKeys


def rates(steps: int = 10, **keys) -> list[float]:
    schedule = make_schedule(TrainKeys(learning_rate=1.0, **keys), steps)
    return [float(schedule(step)) for step in range(steps)]


def test_a_warm_up_rises_to_the_peak():
    assert rates(warmup=0.4, schedule="constant") == pytest.approx([0.25, 0.5, 0.75, 1, *[1] * 6])
    assert rates(warmup=4, schedule="constant") == rates(warmup=0.4, schedule="constant")
    assert rates(warmup=0, schedule="constant") == [1] * 10


def test_a_line_falls_to_zero():
    assert rates(warmup=0, schedule="linear") == pytest.approx([1 - n / 10 for n in range(10)])
    assert rates(warmup=2, schedule="linear") == pytest.approx([0.5, 1, *[1 - n / 8 for n in range(8)]])


def test_half_a_cosine_falls_to_zero():
    expected = [0.5 * (1 + np.cos(np.pi * n / 8)) for n in range(8)]
    assert rates(warmup=2, schedule="cosine") == pytest.approx([0.5, 1, *expected], abs=1e-6)


def test_warm_up_stable_decay():
    expected = [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    assert rates(warmup=2, schedule="wsd", decay=0.4) == pytest.approx(expected)
    assert rates(warmup=2, schedule="wsd", decay=4) == rates(warmup=2, schedule="wsd", decay=0.4)
    assert rates(warmup=0, schedule="wsd", decay=0) == [1] * 10


def test_a_warm_up_longer_than_the_run_never_falls():
    assert rates(steps=4, warmup=8, schedule="linear") == pytest.approx([0.125, 0.25, 0.375, 0.5])


@pytest.mark.parametrize("shape", ["constant", "linear", "cosine", "wsd"])
def test_the_end_is_never_passed(shape):
    schedule = Schedule(1.0, 10, 2, shape)
    end = 1.0 if shape == "constant" else 0.0
    assert float(schedule(10)) == float(schedule(99)) == pytest.approx(end, abs=1e-6)
    assert Schedule(**schedule.get_config()).get_config() == schedule.get_config()


VECTORS = {"bias", "gamma", "beta", "scale", "magnitude"}


def stepped(values: dict[str, float], gradient: float, **keys) -> dict[str, float]:
    """Variables `{name: value}` after one step of the optimizer: matrices, and vectors where they are so called."""
    shapes = {name: (3,) if name in VECTORS else (3, 3) for name in values}
    variables = [
        keras.Variable(np.full(shapes[name], value, np.float32), name=name) for name, value in values.items()
    ]
    train = TrainKeys(learning_rate=0.1, schedule="constant", warmup=0, **keys)
    optimizer = make_optimizer(train, make_schedule(train, 10), variables)
    gradients = [np.full(shape, gradient, np.float32) for shape in shapes.values()]
    slots, trained = ([v.value for v in group] for group in (optimizer.variables, variables))
    after, _ = optimizer.stateless_apply(slots, gradients, trained)
    return {name: float(np.ravel(value)[0]) for name, value in zip(values, after, strict=True)}


def test_weight_decay_spares_biases_and_norms():
    before = dict.fromkeys(("kernel", "embeddings", *sorted(VECTORS)), 1.0)
    after = stepped(before, 0.0, weight_decay=0.5)
    assert after == pytest.approx({**before, "kernel": 0.95, "embeddings": 0.95})


@pytest.mark.parametrize("which", ["an encoder", "a decoder"])
def test_every_vector_of_a_model_is_spared(tiny_bert, tmp_path, which):
    if which == "an encoder":
        model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    else:
        model = zoo.load(tiny_decoder(tmp_path / "model", ["the film was great"] * 9))
    keys, variables = TrainKeys(weight_decay=0.5), model.trainable_variables
    optimizer = make_optimizer(keys, make_schedule(keys, 10), variables)
    spared = {v.path for v in variables if not optimizer._use_weight_decay(v)}
    assert spared == {v.path for v in variables if v.name in VECTORS}
    assert len(spared) > 4
    assert {v.name for v in variables} - VECTORS == {"kernel", "embeddings"}


def test_gradients_are_clipped_by_their_global_norm():
    def moment(clip_norm: float) -> float:
        variable = keras.Variable(np.zeros(4, np.float32), name="kernel")
        train = TrainKeys(clip_norm=clip_norm)
        optimizer = make_optimizer(train, make_schedule(train, 10), [variable])
        _, slots = optimizer.stateless_apply(
            [v.value for v in optimizer.variables], [np.full(4, 50, np.float32)], [variable.value]
        )
        (first,) = [value for v, value in zip(optimizer.variables, slots, strict=True) if "momentum" in v.path]
        return float(first[0])

    assert moment(0) == pytest.approx(5.0)  # a tenth of the gradient, whose norm is 100
    assert moment(1) == pytest.approx(0.05)
    assert moment(1000) == pytest.approx(5.0)


@pytest.mark.parametrize("shape", ["constant", "linear", "cosine"])
def test_all_rates_at_once_are_those_of_the_steps(shape):
    schedule = Schedule(2e-3, 20, 5, shape)
    np.testing.assert_allclose(
        schedule.rates(), [float(schedule(step)) for step in range(20)], rtol=1e-6, atol=1e-9
    )


KINDS = ["adamw", "adam", "sgd", "lion", "adafactor", "muon"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_optimizer_learns_and_only_adam_decays_nothing(kind):
    keys = TrainKeys(optimizer=kind, weight_decay=0.5, learning_rate=0.1, schedule="constant", warmup=0)

    def after(gradient: float) -> float:
        variable = keras.Variable(np.ones((4, 4), np.float32), name="kernel")
        optimizer = make_optimizer(keys, make_schedule(keys, 10), [variable])
        gradients = np.full((4, 4), gradient, np.float32)
        (value,), _ = optimizer.stateless_apply(
            [v.value for v in optimizer.variables], [gradients], [variable.value]
        )
        return float(value[0, 0])

    assert after(0.0) == pytest.approx(1.0 if kind == "adam" else 0.95, abs=1e-6)
    assert after(1.0) < after(0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_learn_at_the_rate_that_the_formula_says(tiny_bert, kind):
    model = zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])
    variables = model.trainable_variables

    def moved(layer_decay: float) -> list[np.ndarray]:
        keys = TrainKeys(
            optimizer=kind, layer_decay=layer_decay, learning_rate=1e-2, schedule="constant", warmup=0, clip_norm=0
        )
        optimizer = make_optimizer(keys, make_schedule(keys, 10), variables, depths(model, variables))
        values, chance = [v.value for v in variables], np.random.default_rng(0)
        gradients = [chance.normal(size=v.shape).astype(np.float32) for v in variables]
        after, _ = optimizer.stateless_apply([v.value for v in optimizer.variables], gradients, values)
        return [np.asarray(new) - np.asarray(old) for old, new in zip(values, after, strict=True)]

    for v, plain, decayed in zip(variables, moved(1.0), moved(0.5), strict=True):
        # embeddings, two layers, and the head above them
        depth = {"embeddings": 0, "layer_0": 1, "layer_1": 2}.get(v.path.split("/")[2], 3)
        assert np.abs(plain).max() > 0
        np.testing.assert_allclose(decayed, plain * 0.5 ** (3 - depth), rtol=2e-3, atol=1e-7, err_msg=v.path)


@pytest.mark.parametrize("kind", KINDS)
def test_variables_that_are_alike_are_updated_by_one_program_each_with_its_own_numbers(kind, monkeypatch):
    shapes = {"a/kernel": (4, 3), "b/kernel": (4, 3), "c/bias": (3,), "d/bias": (3,), "d/kernel": (3, 4)}
    keys = TrainKeys(
        optimizer=kind, weight_decay=0.5, learning_rate=0.1, schedule="linear", warmup=0, layer_decay=0.5
    )
    random = np.random.default_rng(0)
    values, *gradients = (
        [random.normal(size=shape).astype(np.float32) for shape in shapes.values()] for _ in range(3)
    )
    variables = [
        keras.Variable(value, name=name.replace("/", "_")) for name, value in zip(shapes, values, strict=True)
    ]
    optimizer = make_optimizer(keys, make_schedule(keys, 10), variables, [0, 1, 0, 1, 2])

    def after() -> list[np.ndarray]:
        @jax.jit
        def step(slots, gradients, trained):
            return optimizer.stateless_apply(slots, gradients, trained)

        slots, trained = [v.value for v in optimizer.variables], list(values)
        for found in gradients:
            trained, slots = step(slots, found, trained)
        return [np.asarray(x) for x in (*trained, *slots)]

    traced, written_down = [], PureCall.written_down
    monkeypatch.setattr(PureCall, "written_down", lambda self: traced.append(self) or written_down(self))
    once = after()
    assert len(traced) == 3  # of each shape
    monkeypatch.setattr(TraceOnce, "run", lambda self, function, variables, like, args: function(*args))
    for one, other in zip(once, after(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    assert not np.array_equal(once[0] - values[0], once[1] - values[1])
