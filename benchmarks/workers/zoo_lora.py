"""A training step of all weights or an adapter. Job: `checkpoint`, `lora`, `batch`, `length`, `steps`, `output`."""

import statistics
import time

import jax
import numpy as np
from job import JOB, answer

import zoo
from zoo.train.footprint import footprint
from zoo.train.optimizer import make_optimizer, make_schedule
from zoo.train.recipe import TrainKeys
from zoo.train.remat import remat_blocks
from zoo.train.step import make_trainer

MIB = 2**20


def plain(logits, arrays):
    return logits


model = zoo.load(JOB["checkpoint"], task="text-classification", labels=[f"class {n}" for n in range(5)])
if JOB["lora"] is not None:
    model.adapters.add(rank=16, **JOB["lora"])
shape = JOB["batch"], JOB["length"]
arrays = {
    "input_ids": np.random.default_rng(0).integers(1000, 20000, shape).astype(np.int32),
    "attention_mask": np.ones(shape, np.int32),
}
np.save(JOB["output"], np.asarray(model.compiled_forward(plain)(arrays), np.float32))

keys = TrainKeys(learning_rate=1e-4)
remat_blocks(model, keys.remat)
optimizer = make_optimizer(keys, make_schedule(keys, 1000), model.trainable_variables)
trainer = make_trainer(model, optimizer, model.objective())
batch = arrays, (np.arange(JOB["batch"]) % 5).astype(np.int32), np.ones(JOB["batch"], np.float32)
state, frozen = trainer.start()
program = footprint(trainer, (state, frozen), batch)
# Each weight that learns has a gradient of its own size, beside what the optimizer keeps of it.
learning = sum(x.nbytes for group in (state[0], state[2]) for x in group)

times = []
for turn in range(JOB["steps"] + 2):
    start = time.perf_counter()
    state, loss = program.compiled(state, frozen, *batch)
    jax.block_until_ready(loss)
    if turn > 1:
        times.append(time.perf_counter() - start)
answer(step_s=statistics.median(times), learning_mib=learning / MIB, program_mib=program.peak / MIB)
