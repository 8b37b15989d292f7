"""Train an adapter on conversations with zoo.

Job: `checkpoint`, `data`, `batch`, `rank`, `compared`, `dtype`, `remat`, `directory`, `output`.
"""

import json
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from chat_job import steady
from job import JOB, answer

import zoo  # before jax, which it sets up
from zoo.train.feeds import make_batches
from zoo.train.listener import Silent
from zoo.train.splits import read_splits

PEAKS = {"NVIDIA H100 80GB HBM3": 989e12, "NVIDIA H200": 989e12, "NVIDIA A100-SXM4-80GB": 312e12}  # bf16, dense


class Clock(Silent):
    """When each step's loss was known."""

    def __init__(self):
        self.times = []

    def step(self, step, loss, examples_per_second):
        self.times.append(time.perf_counter())


directory = Path(JOB["directory"])
recipe = directory / "recipe.toml"
recipe.write_text(f"""
[model]
preset = {json.dumps(JOB["checkpoint"])}
task = "text-generation"
[model.lora]
rank = {JOB["rank"]}
targets = "all"
[data]
train = {json.dumps(JOB["data"])}
messages = "messages"
validation = 0
[train]
epochs = 1
batch_size = {JOB["batch"]}
learning_rate = 1e-4
precision = {json.dumps(JOB["dtype"])}
remat = {json.dumps(JOB["remat"])}
[output]
dir = {json.dumps(str(directory / "run"))}
""")
clock = Clock()
run = zoo.finetune(str(recipe), listener=clock)
device = jax.devices()[0]
facts = {"peak_mib": device.memory_stats()["peak_bytes_in_use"] / 2**20} if device.platform == "gpu" else {}

# Afterwards, so that training's peak is its own: how many tokens there were, and the losses before any was learned.
splits, model = read_splits(run.recipe), zoo.load(JOB["checkpoint"], task="text-generation", dtype=JOB["dtype"])
batches: Any = make_batches(run.recipe, model, splits)  # of texts, which have labels
steps = steady([batches.batch(k)[0]["input_ids"].shape for k in range(len(batches))])
timed = [batches.encoded[n] for k in steps for n in batches.members(k).tolist()]
tokens, trained = sum(map(len, timed)), sum(int((item.labels >= 0).sum()) for item in timed)
seconds = sum(clock.times[k] - clock.times[k - 1] for k in steps)
if JOB["compared"]:
    np.save(JOB["output"], model.token_losses(splits.train.inputs[: JOB["compared"]])[:, 0])
facts["token_s"] = seconds / tokens
if peak := PEAKS.get(device.device_kind):
    # Two operations a weight forwards, and two for the gradient of what each layer was fed; the base has none. The
    # table of tokens, which the head shares, is looked up, and multiplied with where a token is trained.
    table = int(np.prod(model.backbone.token_table.shape))
    weights = sum(int(np.prod(v.shape)) for v in model.weights) - table
    facts["mfu"] = 4 * (weights * tokens + table * trained) / seconds / peak
answer(**facts)
