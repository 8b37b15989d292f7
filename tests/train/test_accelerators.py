"""The programs of training and generation, lowered for accelerators in bfloat16 on a machine that has none.

jax builds a program by the accelerator's own rules, and refuses what there is no rule for. That it runs there, and
how fast, is seen on an accelerator alone.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zoo
from tests.train import preferring, talks
from zoo.generate.engine import Engine
from zoo.generate.sampling import Sampling, Shape, numbers
from zoo.train import fitting
from zoo.train.finetune import resolve
from zoo.train.splits import read_splits

PRODUCT = re.compile(r"(?:dot_general|convolution)\(?.*: \(tensor<([^>]*)>, tensor<([^>]*)>\) ->")
PLATFORMS = ("cuda", "tpu")


@pytest.fixture
def lowered(monkeypatch):
    """The text of a program by the platform it is for: what is chosen by the device is chosen as there."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")

    def lower(program: Any, *arguments: Any, **options: Any) -> dict[str, str]:
        traced = program.trace(*arguments, **options)
        return {platform: traced.lower(lowering_platforms=(platform,)).as_text() for platform in PLATFORMS}

    return lower


@pytest.fixture
def step_of(lowered, monkeypatch):
    """The step of a recipe as it is lowered for each platform."""

    def step(recipe: zoo.Recipe) -> dict[str, str]:
        texts: dict[str, str] = {}

        def footprint(trainer: Any, start: Any, batch: Any, **_: Any) -> Any:
            shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x), np.asarray(x).dtype), batch)
            texts.update(lowered(trainer.step, *start, *shapes))
            return SimpleNamespace()

        monkeypatch.setattr("zoo.train.footprint.footprint", footprint)
        recipe = resolve(recipe.replace("train", precision="bfloat16"))
        fitting.rehearse(recipe, read_splits(recipe))
        return texts

    return step


def assert_in_bfloat16(texts: dict[str, str]) -> None:
    """Of every platform's program all matrix products and convolutions are of bfloat16 numbers."""
    assert set(texts) == set(PLATFORMS)
    for text in texts.values():
        factors = PRODUCT.findall(text)
        assert len(factors) > 1
        assert all(one.endswith("bf16") and other.endswith("bf16") for one, other in factors)


def test_a_packed_classifiers_step(step_of, recipe):
    assert_in_bfloat16(step_of(recipe))


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    return talks.decoder(folder / "base"), talks.write(folder / "rows.jsonl", talks.ROWS)


@pytest.mark.parametrize("model", [{}, {"lora": {"rank": 4}}, {"lora": {"rank": 4, "quantize": True}}])
@pytest.mark.parametrize("remat", ["nothing", "elementwise", "layers"])
def test_a_chat_models_step(step_of, chat, model, remat, tmp_path):
    base, rows = chat
    recipe = talks.recipe(rows, tmp_path / "run", {"preset": str(base), "task": "text-generation", **model})
    assert_in_bfloat16(step_of(recipe.replace("train", remat=remat)))


def test_a_step_of_preferences(step_of, tmp_path):
    rows = talks.write(tmp_path / "rows.jsonl", preferring.ROWS)
    data = {"train": str(rows), "validation": 0.2}
    assert_in_bfloat16(step_of(preferring.recipe_of(preferring.decoder(tmp_path / "base"), data=data)))


def test_a_step_of_pictures_that_are_mixed(step_of, pictures, tiny_resnet):
    recipe = zoo.Recipe.of(
        model={"preset": str(tiny_resnet)},
        data={"train": str(pictures / "train"), "augment": {"mixup": 0.2, "cutmix": 1.0}},
        train={"batch_size": 4},
    )
    assert_in_bfloat16(step_of(recipe))


@pytest.mark.parametrize(
    "sampling", [{}, {"temperature": 0.7, "top_k": 5, "top_p": 0.9, "repetition_penalty": 1.1}]
)
def test_generation(lowered, chat, sampling):
    model = zoo.load(chat[0], task="text-generation", dtype="bfloat16")
    engine, state = Engine(model), [variable.value for variable in model.variables]
    ids, shape = np.ones((2, 16), np.int32), Shape.of(Sampling(**sampling), True, model.config.vocab_size)
    arrays, data = {"input_ids": ids, "attention_mask": ids, "numbers": ids[:, 0]}, numbers(Sampling(**sampling))

    assert_in_bfloat16(lowered(engine._prefill, state, {k: arrays[k] for k in ("input_ids", "attention_mask")}))
    logits, pairs = engine._prefill(state, {k: arrays[k] for k in ("input_ids", "attention_mask")})
    choice = {"shape": shape, "columns": 32}
    lowered(engine._first, logits, pairs, arrays, data, jnp.uint32(0), **choice)
    found, cache, keys, seen = engine._first(logits, pairs, arrays, data, jnp.uint32(0), **choice)
    assert_in_bfloat16(lowered(engine._decode, state, found[0], cache))
    logits, pairs = engine._decode(state, found[0], cache)
    lowered(engine._next, logits, pairs, cache, keys, seen, data, shape=shape)
