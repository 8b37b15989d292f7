"""What a language model is trained on, and its loss and gradients beside transformers', padded and packed."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import torch
import transformers

import zoo
from zoo.data.encoded import NO_LABEL
from zoo.testing import tiny_decoder
from zoo.train.batches import Batches

TEXTS = [
    "The horn of plenty overflows with fruit.",
    "Return the number of items.",
    "Raise an error where there are none, or return the number of items that the horn of plenty overflows with.",
    "G",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    config = {"sliding_window": 6, "query_pre_attn_scalar": 8, "final_logit_softcapping": 3.0}
    return tiny_decoder(tmp_path_factory.mktemp("made") / "model", TEXTS * 9, architecture="gemma2", **config)


@pytest.fixture(scope="module")
def model(folder):
    return zoo.load(folder)


def loss_and_gradient(model, arrays):
    """The mean loss of a token, and its gradients by variable."""
    values = [variable.value for variable in model.trainable_variables]

    def mean(values):
        outputs, _ = model.stateless_call(values, [v.value for v in model.non_trainable_variables], arrays)
        total, count = model.objective()(outputs, None, None)
        return total / count

    loss, gradients = jax.jit(jax.value_and_grad(mean))(values)
    return float(loss), {v.path: np.asarray(g) for v, g in zip(model.trainable_variables, gradients, strict=True)}


def batch(model, packed):
    encoded = model.encode_examples(TEXTS)
    made = Batches(encoded, np.zeros(len(TEXTS)), len(TEXTS), 1, 0, packed, 0, model.preprocess.positions)
    return made.batch(0)[0]


def test_a_text_ends_with_its_stop_token_and_its_first_token_is_not_trained(model):
    (found,) = model.encode_examples(["G"])
    (cut,) = model.encode_examples(["The horn of plenty " * 90])

    assert found.ids.tolist()[-1] == 1
    assert found.labels.tolist() == [NO_LABEL, *found.ids.tolist()[1:]]
    assert len(cut) < model.preprocess.max_length
    assert cut.truncated
    assert cut.ids[-1] != 1


def test_a_model_that_zoo_cannot_generate_with_as_its_file_says_learns_all_the_same(tmp_path):
    config = {"num_beams": 4, "eos_token_id": [1, 3]}
    model = zoo.load(tiny_decoder(tmp_path / "model", TEXTS, architecture="gemma2", generation_config=config))

    assert model.encode_examples(["G"])[0].ids.tolist()[-1] == 1
    with pytest.raises(zoo.ZooError, match=r"num_beams = 4 .* is not supported"):
        model.generate("G")


def test_a_model_that_ends_nothing_learns_texts_without_an_end(tmp_path):
    model = zoo.load(tiny_decoder(tmp_path / "model", TEXTS, eos_token_id=[]))

    (found,) = model.encode_examples(["G"])

    assert found.ids.tolist() == model.preprocess.encode(["G"])[0].ids.tolist()


def test_loss_and_gradients_are_the_references(folder, model):
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).train()
    arrays = batch(model, packed=False)
    inputs = {name: torch.from_numpy(arrays[name]).long() for name in ("input_ids", "attention_mask", "labels")}
    expected = theirs(**inputs, use_cache=False).loss
    expected.backward()

    for packed in (False, True):
        loss, gradients = loss_and_gradient(model, batch(model, packed))
        assert loss == pytest.approx(expected.item(), rel=1e-5)
        wanted = theirs.model.embed_tokens.weight.grad.numpy()
        got = next(g for path, g in gradients.items() if path.endswith("tokens/embeddings"))
        np.testing.assert_allclose(got, wanted, atol=1e-5 * np.abs(wanted).max())
        wanted = theirs.model.layers[0].self_attn.q_proj.weight.grad.numpy()
        got = next(g for path, g in gradients.items() if path.endswith("layer_0/attention/query/kernel"))
        np.testing.assert_allclose(got, wanted, atol=1e-5 * np.abs(wanted).max())


def test_losses_of_each_text(model):
    found = model.token_losses(TEXTS)
    forward = jax.jit(lambda ids: model({"input_ids": ids}))

    for n, text in enumerate(TEXTS):
        (item,) = model.encode_examples([text])
        logits = np.asarray(forward(item.ids[None]))[0]
        chances = logits - np.log(np.exp(logits - logits.max()).sum(axis=-1, keepdims=True)) - logits.max()
        own = -chances[np.arange(len(item) - 1), item.ids[1:]]
        assert found[n].tolist() == pytest.approx([own.mean(), len(item) - 1], rel=1e-4)


def test_an_ordinary_keras_fit_learns(folder):
    model = zoo.load(folder)
    model.compile(optimizer="adam")
    data = model.dataset(TEXTS * 8, batch_size=8)

    first = model.evaluate(data, verbose=0)[0]
    model.fit(data, epochs=3, verbose=0)

    assert model.evaluate(data, verbose=0)[0] < first - 0.1


def test_classes_and_smoothing_are_refused(model):
    with pytest.raises(zoo.ZooError, match="a language model has none"):
        model.objective(smoothing=0.1)
    with pytest.raises(zoo.ZooError, match="no labels"):
        model.dataset(TEXTS, ["x"] * 4)
