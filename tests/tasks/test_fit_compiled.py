"""Keras' own steps of a zoo model are compiled with the options of zoo's: fit, evaluate and predict."""

from __future__ import annotations

import jax
import keras
import numpy as np

from zoo.backend import recompiled
from zoo.loading import build, described
from zoo.tasks import model as models

CONFIG = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}


def test_a_step_leaves_convolutions_to_xla_and_gives_its_state_away():
    def step(state, data):
        return keras.ops.conv(data, state, padding="same"), state + 1

    jitted = jax.jit(step, donate_argnums=0)
    state, data = np.ones((3, 3, 64, 64), np.float32), np.ones((8, 56, 56, 64), np.float32)
    before, after = (one.lower(state, data).compile().as_text() for one in (jitted, recompiled(jitted)))
    assert "__ynn_fusion" in before
    assert "__ynn_fusion" not in after
    assert "input_output_alias" in after


def test_what_keras_does_not_compile_stays_as_it_is():
    def step(state, data):
        return data, state

    assert recompiled(step) is step


def test_fit_evaluate_and_predict_compute_as_keras_does(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = {"pixel_values": rng.normal(size=(8, 32, 32, 3)).astype(np.float32)}, rng.integers(0, 3, 8)
    seen, found = [], []
    for through in (recompiled, lambda step: step):

        def spy(step, through=through):
            seen.append(through(step) is not step)
            return through(step)

        monkeypatch.setattr(models, "recompiled", spy)
        model = build(
            described("resnet", CONFIG),
            task="image-classification",
            labels=["a", "b", "c"],
            weights="random",
        )
        model.compile(optimizer=keras.optimizers.SGD(0.01))
        history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"]
        scores = model.evaluate(x, y, verbose=0)
        found.append([*history, *scores, *model.predict(x, verbose=0).ravel(), *model.weights[0].numpy().ravel()])
    assert seen == [True] * 3 + [False] * 3
    np.testing.assert_allclose(*found, rtol=1e-3, atol=1e-4)
