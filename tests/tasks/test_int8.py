"""Models whose matrices are 8-bit: what they lose, what they weigh, and what they refuse."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import zoo
from tests.references.decoders import padded, save_decoder
from zoo.nn import int8
from zoo.testing import tiny_decoder
from zoo.weights import build


@pytest.fixture(params=[{}, {"tie_word_embeddings": False}], ids=str)
def folder(request, tmp_path):
    return save_decoder(tmp_path / "made", "Llama", hidden_size=64, intermediate_size=256, **request.param)


def round_weights(model):
    """Give a model of float32 the numbers that its matrices stand for as 8-bit ones."""
    for variable in model.weights:
        if variable.path.endswith(("kernel", "embeddings")):
            variable.assign(int8.dequantize(*int8.quantize(variable.value)))


def test_outputs_are_those_of_the_rounded_weights(folder):
    arrays = padded([np.arange(3, 30), np.arange(3, 12)])
    model, rounded = zoo.load(folder), zoo.load(folder, dtype="int8")
    round_weights(model)

    np.testing.assert_allclose(rounded(arrays), model(arrays), atol=1e-4)
    assert rounded.generate(arrays, max_new_tokens=12) == model.generate(arrays, max_new_tokens=12)


@pytest.mark.parametrize("weights", ["pretrained", "random", "bfloat16"])
@pytest.mark.parametrize("rows_at_a_time", [1, 7, 1000])
def test_rounded_as_it_is_read_is_rounded_afterwards(folder, weights, rows_at_a_time, monkeypatch):
    monkeypatch.setattr(build, "_ROUNDED", 64 * rows_at_a_time)
    if weights == "bfloat16":  # halves of a scale, where one way of dividing rounds up and another down, are common
        weights, file = "pretrained", folder / "model.safetensors"
        tensors = {name: tensor.astype(ml_dtypes.bfloat16) for name, tensor in load_file(file).items()}
        save_file(tensors, file, {"format": "pt"})
    expected = zoo.load(folder, weights=weights, seed=3)
    expected.keep_as_int8(whole=True)

    found = zoo.load(folder, weights=weights, seed=3, dtype="int8")

    names = {variable.path: variable for variable in expected.variables}
    assert [variable.path for variable in found.variables] == list(names)
    for variable in found.variables:
        assert variable.trainable == names[variable.path].trainable
        assert variable.dtype == variable.value.dtype.name == names[variable.path].dtype
        np.testing.assert_array_equal(variable.value, names[variable.path].value)


def test_a_checkpoint_that_does_not_fit_is_told_and_the_next_one_loads(folder):
    file = folder / "model.safetensors"
    tensors = load_file(file)
    save_file({name: tensor for name, tensor in tensors.items() if "q_proj" not in name}, file, {"format": "pt"})
    with pytest.raises(zoo.ZooError, match="do not fit the model"):
        zoo.load(folder, dtype="int8")
    save_file(tensors, file, {"format": "pt"})
    assert zoo.load(folder, dtype="int8").rounded


def test_texts_are_scored_too(tmp_path):
    texts = ["The horn of plenty overflows.", "Return the number of items."]
    folder = tiny_decoder(tmp_path / "model", texts * 9, initializer_range=0.3)
    model = zoo.load(folder)
    exact = model.token_losses(texts)
    round_weights(model)

    found = zoo.load(folder, dtype="int8").token_losses(texts)

    np.testing.assert_allclose(found, model.token_losses(texts), rtol=1e-5)
    assert np.abs(found - exact)[:, 0].max() > 1e-3  # what rounding changes is seen


def test_a_quarter_of_the_bytes(folder):
    size = lambda model: sum(v.value.nbytes for v in model.variables)  # noqa: E731

    assert size(zoo.load(folder, dtype="int8")) < 0.3 * size(zoo.load(folder))


def test_the_embedding_of_sentences_stays_near(minilm):
    texts = ["A sentence about the weather.", "Something else entirely."]

    narrow, wide = (zoo.load(minilm, dtype=dtype).embed(texts) for dtype in ("int8", None))

    assert (narrow * wide).sum(axis=1).min() > 0.995  # of vectors of length one; 0.9984 was measured


def test_it_neither_trains_nor_is_saved(folder, tmp_path):
    model = zoo.load(folder, dtype="int8")

    with pytest.raises(zoo.ZooError, match="cannot be saved"):
        model.save_pretrained(tmp_path / "saved")
    with pytest.raises(zoo.ZooError, match="cannot be trained"):
        model.fit({})
    with pytest.raises(zoo.ZooError, match="cannot be given an adapter"):
        model.adapters.add()
    assert not (tmp_path / "saved").exists()


def test_adapters_are_merged_before(folder, tmp_path):
    arrays = padded([np.arange(3, 30)])
    model = zoo.load(folder)
    model.adapters.add(rank=2)
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(0).normal(0, 0.3, variable.shape))
    model.adapters.save(tmp_path / "adapter")

    rounded = zoo.load(folder, adapter=tmp_path / "adapter", dtype="int8")

    change = np.abs(np.asarray(model(arrays)) - np.asarray(zoo.load(folder)(arrays))).max()
    assert np.abs(np.asarray(rounded(arrays)) - np.asarray(model(arrays))).max() < 0.2 * change
