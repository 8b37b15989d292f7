"""A step in which what is alike is traced once is the step in which each is traced by itself."""

from __future__ import annotations

import json
import shutil

import jax
import numpy as np
import pytest

import zoo
from zoo.loading import build, described, locate
from zoo.nn import TraceOnce
from zoo.nn.pure_call import PureCall
from zoo.testing import tiny_decoder
from zoo.train.optimizer import make_optimizer, make_schedule
from zoo.train.recipe import TrainKeys
from zoo.train.remat import remat_blocks
from zoo.train.step import make_trainer

IDS = np.random.default_rng(0).integers(5, 20, (4, 16)).astype(np.int32)
TEXTS = ["the film was great and the plot was moving"] * 4


def bert(folder, tiny_bert):
    shutil.copytree(tiny_bert, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_dropout_prob": 0.2}))
    return zoo.load(folder, task="text-classification", labels=["bad", "good"])


def decoder(folder, architecture: str, **kwargs):
    config = {"sliding_window": 4, "query_pre_attn_scalar": 8} if architecture == "gemma2" else {}
    tiny_decoder(folder, TEXTS, architecture=architecture, num_hidden_layers=4, **config)
    return build(locate(str(folder)), task="text-generation", **kwargs)


def resnet():
    config = {
        "architecture": "resnet18",
        "num_classes": 2,
        "pretrained_cfg": {"input_size": [3, 32, 32], "mean": [0.5] * 3, "std": [0.5] * 3},
    }
    return build(described("resnet", config), task="image-classification", labels=["a", "b"], weights="random")


def batch_of(model):
    if model.inputs == "images":
        pictures = np.random.default_rng(1).normal(size=(4, 32, 32, 3)).astype(np.float32)
        return {"pixel_values": pictures}, np.array([0, 1, 0, 1], np.int32), np.ones(4, np.float32)
    arrays = {"input_ids": IDS, "attention_mask": np.ones_like(IDS)}
    if model.task == "text-generation":
        arrays["labels"] = IDS
        return arrays, IDS, np.ones(4, np.float32)
    return arrays, np.array([0, 1, 0, 1], np.int32), np.ones(4, np.float32)


def made(kind: str, folder, tiny_bert):
    folder = folder / "model"
    match kind:
        case "an encoder with dropout":
            return bert(folder, tiny_bert)
        case "adapters with dropout":
            model = decoder(folder, "gemma2")
            model.adapters.add(rank=2, dropout=0.3, targets="all", seed=1)
            return model
        case "dora of 8-bit numbers in bfloat16":
            model = decoder(folder, "llama", dtype="mixed_bfloat16", base_dtype="bfloat16", int8="backbone")
            model.adapters.add(rank=2, dora=True, dropout=0.3, targets="all", seed=1)
            return model
        case "layers computed again":
            model = bert(folder, tiny_bert)
            remat_blocks(model, "elementwise")
            return model
        case "adapters of layers computed again":
            model = decoder(folder, "gemma2")
            remat_blocks(model, "layers")
            model.adapters.add(rank=2, dropout=0.3, targets="mlp", seed=1)
            return model
        case _:
            return resnet()


PROGRAMS = {
    "an encoder with dropout": 1,
    "adapters with dropout": 2,  # of two kinds of windows
    "dora of 8-bit numbers in bfloat16": 1,
    "adapters of layers computed again": 2,
    "layers computed again": 1,
    "batch statistics": 7,  # each but the first stage begins with a block that strides
}


def trainer_of(model):
    keys = TrainKeys(learning_rate=1e-2, schedule="constant", warmup=0, weight_decay=0.1, layer_decay=0.9)
    optimizer = make_optimizer(keys, make_schedule(keys, 10), model.trainable_variables)
    return make_trainer(model, optimizer, model.objective())


@pytest.fixture
def each_by_itself(monkeypatch):
    def run(self, function, variables, like, args, kwargs=None):
        return function(*args, **kwargs or {})

    return lambda: monkeypatch.setattr(TraceOnce, "run", run)


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_step_is_the_same(kind, tiny_bert, tmp_path, each_by_itself, monkeypatch):
    names, written_down = [], PureCall.written_down
    monkeypatch.setattr(
        PureCall,
        "written_down",
        lambda self: names.append(getattr(self._function, "name", "")) or written_down(self),
    )
    model = made(kind, tmp_path, tiny_bert)
    trainer, batch = trainer_of(model), batch_of(model)
    start = trainer.state()

    def stepped():
        # XLA leaves out what roundings to bfloat16 it likes, and likes others in another program.
        exactly = {"xla_allow_excess_precision": False}
        program = trainer.step.lower(*trainer.start(), *batch).compile(compiler_options=exactly)
        memory = program.memory_analysis()
        state, losses = jax.tree.map(lambda x: x.copy(), start), []
        for _ in range(2):
            state, loss = program(state, trainer.frozen, *batch)
            losses.append(float(loss))
        return losses, state, (memory.temp_size_in_bytes, memory.alias_size_in_bytes)

    losses, state, sizes = stepped()
    assert len([name for name in names if name.startswith(("layer_", "block_"))]) == PROGRAMS[kind]
    each_by_itself()
    trainer = trainer_of(model)
    again, other, plain_sizes = stepped()
    assert losses == pytest.approx(again, abs=1e-6)
    assert losses[0] != losses[1]
    for one, two in zip(jax.tree.leaves(state), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6, rtol=1e-6)
    assert sizes[0] <= 1.01 * plain_sizes[0]
    assert sizes[1] == plain_sizes[1]  # as much is given away


def test_a_changed_model_is_traced_anew(tiny_bert, tmp_path, each_by_itself):
    """A trainer is made for a model as it is; of the one before, nothing is found again."""

    def gradients(model):
        trainer = trainer_of(model)
        return trainer.advance(jax.tree.map(lambda x: x.copy(), trainer.state()), [batch_of(model)])[0]

    model = decoder(tmp_path / "model", "gemma2")
    gradients(model)
    model.adapters.add(rank=2, targets="all", seed=1)
    once = gradients(model)
    each_by_itself()
    for one, two in zip(jax.tree.leaves(once), jax.tree.leaves(gradients(model)), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
