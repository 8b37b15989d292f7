"""Inference and training steps of image classifiers with zoo."""

import jax
import numpy as np
from image_job import Measured, labels, pictures, run
from job import JOB

import zoo
from zoo.tasks.model import softmax
from zoo.train.optimizer import make_optimizer, make_schedule
from zoo.train.recipe import TrainKeys
from zoo.train.remat import remat_blocks
from zoo.train.step import make_trainer


def plain(logits, arrays):
    return logits


def build(name: str, checkpoint: str) -> Measured:
    model = zoo.load(checkpoint, dtype=JOB["dtype"])
    arrays, answers, weights = jax.device_put(
        ({"pixel_values": pictures()}, labels(), np.ones(JOB["batch"], np.float32))
    )
    logits = lambda: np.asarray(model.compiled_forward(plain)(arrays), np.float32)  # noqa: E731
    forward = model.compiled_forward(softmax())

    keys = TrainKeys(learning_rate=1e-4, clip_norm=0.0)
    remat_blocks(model, keys.remat)
    optimizer = make_optimizer(keys, make_schedule(keys, 1000), model.trainable_variables)
    trainer = make_trainer(model, optimizer, model.objective())
    held = []

    def step() -> None:
        state, loss = trainer.advance(held.pop() if held else trainer.state(), [(arrays, answers, weights)])
        held.append(state)
        jax.block_until_ready(loss)

    return logits, lambda: forward(arrays), step


run(build)
