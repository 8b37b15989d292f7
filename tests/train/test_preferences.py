"""Training by preferences: a step of DPO beside torch and PEFT, packed and padded, and what cannot be encoded."""

from __future__ import annotations

import re

import jax
import numpy as np
import peft
import pytest
import torch
import transformers

import zoo
from tests.adapters.test_gradients import our_gradients, relative, their_gradients
from tests.train.preferring import BETA, PAIRS, decoder, recipe_of, stirred
from zoo.data.conversations import Conversation, Message, Preference
from zoo.data.encoded import NO_LABEL
from zoo.data.examples import Examples
from zoo.data.problems import PREFERENCE
from zoo.tasks.losses import preference
from zoo.tasks.preferences import as_answers, log_probabilities
from zoo.train.feeds import make_batches
from zoo.train.reference import hold_references, references
from zoo.train.scores import PreferenceScores
from zoo.train.scoring import score
from zoo.train.setup import trainer_for
from zoo.train.splits import Splits


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return decoder(tmp_path_factory.mktemp("base") / "model")


def made(model, base, *, packing=True, batch_size=3):
    """The splits and batches of `PAIRS`, with what the model says of them now as the reference."""
    recipe = recipe_of(
        base, data={"train": "x.jsonl", "packing": packing}, train={"batch_size": batch_size, "dpo_beta": BETA}
    )
    splits = Splits(Examples(PAIRS, None, [1, 2, 3], "x.jsonl", PREFERENCE), None, None)
    return hold_references(model, splits, make_batches(recipe, model, splits))


def step(model, batch):
    """Loss and gradients as training computes them."""
    arrays, targets, weights = batch
    arrays, targets = as_answers(arrays, targets)
    trainable = [v.value for v in model.trainable_variables]
    fixed = [v.value for v in model.non_trainable_variables]

    def mean(trainable):
        outputs, _ = model.stateless_call(trainable, fixed, arrays, training=True)
        total, weight = preference(BETA)(outputs, targets, weights)
        return total / weight

    return jax.jit(jax.value_and_grad(mean))(trainable)


def in_torch(folder):
    """The reference in float64: a margin is a small difference of large sums, which float32 rounds by as much as
    the tolerance, in torch as here."""
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)


def their_log_probabilities(theirs, encoded):
    """Of each text, one by one, the sum of its labels' log-probabilities."""
    found = []
    for item in encoded:
        ids, labels = (torch.from_numpy(x).long() for x in (item.ids, item.labels))
        logits = theirs(ids[None]).logits[0, :-1].log_softmax(dim=-1)
        trained = labels[1:] != NO_LABEL
        found.append(logits[trained].gather(1, labels[1:][trained, None]).sum())
    return torch.stack(found).reshape(-1, 2)


def formula(policy, reference):
    """Rafailov et al. 2023, equation 7."""
    ratios = policy - reference
    return -torch.nn.functional.logsigmoid(BETA * (ratios[:, 0] - ratios[:, 1])).mean()


def check_gradients(model, gradients, theirs):
    expected, found = their_gradients(theirs), our_gradients(model, gradients)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert relative(found[name], gradient) < 1e-5, name


def test_a_step_of_an_adapter_is_torchs_and_pefts(base, tmp_path):
    model = zoo.load(base)
    model.adapters.add(rank=4, targets="all")
    stirred(model).adapters.save(tmp_path / "adapter")
    held, batches = made(model, base)
    theirs = peft.PeftModel.from_pretrained(in_torch(base), tmp_path / "adapter", is_trainable=True).double()
    encoded = model.encode_preferences(PAIRS)
    with torch.no_grad(), theirs.disable_adapter():
        reference = their_log_probabilities(theirs, encoded)
    expected = formula(their_log_probabilities(theirs, encoded), reference)
    expected.backward()

    found, gradients = step(model, batches.batch(0))

    np.testing.assert_allclose(references(held.train), reference.numpy(), rtol=1e-5)
    assert abs(expected.item() - np.log(2)) > 1e-2
    assert abs(float(found) - expected.item()) < 1e-5 * expected.item()
    check_gradients(model, gradients, theirs)


def test_a_step_of_all_weights_is_torchs(base, tmp_path):
    model = zoo.load(base)
    _, batches = made(model, base)
    stirred(model, 0.02).save_pretrained(tmp_path / "stirred")
    first, theirs = in_torch(base), in_torch(tmp_path / "stirred")
    encoded = model.encode_preferences(PAIRS)
    with torch.no_grad():
        reference = their_log_probabilities(first, encoded)
    expected = formula(their_log_probabilities(theirs, encoded), reference)
    expected.backward()

    found, gradients = step(model, batches.batch(0))

    assert abs(float(found) - expected.item()) < 1e-5 * expected.item()
    check_gradients(model, gradients, theirs)


@pytest.mark.parametrize("batch_size", [3, 4])
def test_packed_rows_give_the_padded_batch_s_step(batch_size, base):
    model = zoo.load(base)
    both = [made(model, base, packing=packing, batch_size=batch_size)[1] for packing in (True, False)]
    model = stirred(model, 0.02)

    packed, padded = both[0].batch(0), both[1].batch(0)
    assert packed[0]["input_ids"].size < padded[0]["input_ids"].size
    (one, ours), (other, theirs) = step(model, packed), step(model, padded)

    assert abs(one - other) < 1e-5 * other
    for variable, gradient, expected in zip(model.trainable_variables, ours, theirs, strict=True):
        assert relative(gradient, np.asarray(expected)) < 1e-5, variable.path


def test_the_loss_and_its_smoothing():
    chosen, rejected = np.array([-3.0, -9.0], np.float32), np.array([-4.0, -2.0], np.float32)
    reference = np.array([[-5.0, -4.5], [-9.0, -4.0]], np.float32)
    outputs = np.stack([chosen, rejected], axis=1).ravel()
    margins = BETA * np.array([2.0 - 0.5, 0.0 - 2.0])
    right, wrong = np.logaddexp(0, -margins), np.logaddexp(0, margins)

    plain, weight = preference(BETA)(outputs, reference, np.array([1.0, 1.0], np.float32))
    smooth, _ = preference(BETA, 0.2)(outputs, reference, np.array([1.0, 0.0], np.float32))

    np.testing.assert_allclose(plain, right.sum(), rtol=1e-6)
    np.testing.assert_allclose(smooth, 0.9 * right[0] + 0.1 * wrong[0], rtol=1e-6)
    assert weight == 2
    scores = PreferenceScores(BETA * (np.stack([chosen, rejected], axis=1) - reference), np.zeros(2, np.int32))
    assert scores.metrics == pytest.approx({"accuracy": 0.5, "margin": margins.mean(), "loss": right.mean()})
    assert scores.predicted.tolist() == [0, 1]


@pytest.mark.parametrize("parts", [1, 3])
def test_a_step_tells_margin_and_accuracy_of_what_it_sees(parts, base):
    model = zoo.load(base)
    recipe = recipe_of(base)
    held, _ = made(model, base)
    _, batches = made(model, base, batch_size=3 // parts)
    stirred(model, 0.05)
    trainer, _ = trainer_for(recipe, model, 1, held.train)
    expected = score(model, held.train, beta=BETA).metrics

    _, means = trainer.advance(trainer.state(), [batches.batch(n) for n in range(parts)])

    assert trainer.told == ("margin", "accuracy")
    assert 0 < expected["accuracy"] < 1
    assert expected == pytest.approx(dict(zip(("loss", *trainer.told), np.asarray(means), strict=True)), rel=1e-4)


def test_the_reference_is_the_base_and_the_adapter_is_on_again(base):
    model = zoo.load(base)
    before = log_probabilities(model, model.encode_preferences(PAIRS))
    model.adapters.add(rank=4, targets="all")
    stirred(model, 0.2)
    changed = [np.asarray(v) for v in model.trainable_variables]

    held, _ = made(model, base)

    np.testing.assert_array_equal(references(held.train), before)
    assert model.adapters.active == "default"
    for variable, value in zip(model.trainable_variables, changed, strict=True):
        np.testing.assert_array_equal(variable, value)
    own = log_probabilities(model, model.encode_preferences(PAIRS))
    assert np.abs(own - before).max() > 1e-2
    np.testing.assert_allclose(score(model, held.train, beta=BETA).outputs, BETA * (own - before), rtol=1e-5)


def test_what_cannot_be_learned_from_is_told_by_row(base, tmp_path):
    model = zoo.load(base)
    long = "So it is, and so it was, and so it will be. " * 40
    inputs = [PAIRS[0], Preference("a", "b", " "), Preference("Why?", long, "No."), Preference("Why?", "é", "é")]
    asked = [Preference(Conversation((Message("user", "Hello"),)), "one", "other")]

    with pytest.raises(zoo.ZooError) as caught:
        model.encode_preferences(inputs)
    told = str(caught.value)
    assert "With an empty answer: row 2" in told
    assert re.search(r"With an answer that does not fit in 128 tokens.*: row 3", told)
    assert "With two answers that are the same tokens: row 4" in told
    with pytest.raises(zoo.ZooError, match="no chat template"):
        model.encode_preferences(asked)
