"""Train an adapter on conversations with zoo.

Job: `checkpoint`, `data`, `batch`, `rank`, `compared`, `dtype`, `remat`, `directory`, `output`.
"""

import json
import time
from pathlib import Path

import jax
import numpy as np
from job import JOB, answer

import zoo  # before jax, which it sets up
from zoo.data.conversations import Conversation, Message
from zoo.train.listener import Silent

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
zoo.finetune(str(recipe), listener=clock)
steps = len(clock.times)

# Afterwards, so that training's peak is its own: how many tokens there were, and the losses before any was learned.
with open(JOB["data"], encoding="utf-8") as file:
    conversations = [
        Conversation(tuple(Message(**message) for message in json.loads(line)["messages"])) for line in file
    ]
model = zoo.load(JOB["checkpoint"], task="text-generation")
tokens = sum(len(item.ids) for item in model.encode_examples(conversations))
if JOB["compared"]:
    np.save(JOB["output"], model.token_losses(conversations[: JOB["compared"]])[:, 0])
token_s = (clock.times[-1] - clock.times[0]) / (tokens * (steps - 1) / steps)
facts = {"token_s": token_s}
if peak := PEAKS.get(jax.devices()[0].device_kind):
    # Two operations a weight forwards, and two for the gradient of what each layer was fed; the base has none.
    weights = sum(int(np.prod(v.shape)) for v in model.weights)
    facts["mfu"] = 4 * weights / token_s / peak
answer(**facts)
