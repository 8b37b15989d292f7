"""What `zoo finetune` looks at before its first step, and that it compiles nothing twice."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.train.feeds import make_batches
from zoo.train.finetune import finetune, resolve
from zoo.train.order import make_plan
from zoo.train.preflight import prepared
from zoo.train.setup import make_model, trainer_for
from zoo.train.splits import read_splits


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_program_that_was_looked_at_computes_the_steps(recipe, accumulate):
    recipe = resolve(recipe.replace("train", accumulate=accumulate))
    splits = read_splits(recipe)
    model = make_model(recipe, splits)
    batches = make_batches(recipe, model, splits)
    plan = make_plan(recipe.train, batches.per_epoch)
    trainer, _ = trainer_for(recipe, model, len(plan), splits.train)
    ready = prepared(recipe, trainer, batches, plan)
    parts = [batches.batch(batches.largest)] * accumulate
    program = trainer.step if accumulate == 1 else trainer.add

    def stepped(with_program):
        state = jax.tree.map(lambda x: x.copy(), trainer.state())
        return with_program.advance(state, parts)

    found = stepped(ready)
    assert program._cache_size() == 0  # nothing was compiled for it
    expected = stepped(trainer)
    assert program._cache_size() > 0
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_whose_step_does_not_fit_is_not_begun(recipe, output, monkeypatch, accumulate):
    monkeypatch.setattr("zoo.train.preflight.device_memory", lambda held=0: held + 200_000)
    recipe = recipe.replace("output", dir=output.dir).replace("train", accumulate=accumulate)
    with pytest.raises(ZooError, match="does not fit in memory: it takes") as caught:
        finetune(recipe)
    assert "train.batch_size = " in caught.value.fix or accumulate > 1  # where the gradients alone take more
    assert not Path(output.dir).exists()
