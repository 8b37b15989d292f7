"""Feature extraction: pooling by sentence-transformers' files, each way of it by its formula."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
import transformers

import zoo

TEXTS = ["the film was good.", "a", "bad " * 20, ("ann", "paris")]
FORMULAS = {
    "pooling_mode_cls_token": lambda x: x[0],
    "pooling_mode_mean_tokens": lambda x: x.mean(0),
    "pooling_mode_max_tokens": lambda x: x.max(0),
    "pooling_mode_mean_sqrt_len_tokens": lambda x: x.sum(0) / np.sqrt(len(x)),
    "pooling_mode_weightedmean_tokens": lambda x: np.average(x, axis=0, weights=np.arange(1, len(x) + 1)),
    "pooling_mode_lasttoken": lambda x: x[-1],
}


@pytest.fixture
def sentence_model(checkpoint, tmp_path):
    """A checkpoint with the files of sentence-transformers: `make(settings of the pooling, more modules)`."""

    def make(pooling, more=()):
        folder = tmp_path / "sentences"
        shutil.copytree(checkpoint("BertModel"), folder)
        kinds = ["Transformer", "Pooling", *more]
        modules = [
            {
                "idx": n,
                "name": str(n),
                "path": f"{n}_{kind}" if n else "",
                "type": f"sentence_transformers.models.{kind}",
            }
            for n, kind in enumerate(kinds)
        ]
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32} | pooling))
        return folder

    return make


def features(model, text):
    """The features of a text's own tokens, without padding."""
    [encoded] = model.preprocess.encode([text])
    return np.asarray(model(model.preprocess.pad([encoded])))[0]


@pytest.mark.parametrize("mode", FORMULAS)
@pytest.mark.parametrize("more", [(), ("Normalize",)])
def test_every_way_of_pooling(mode, more, sentence_model):
    model = zoo.load(sentence_model({mode: True, "include_prompt": True}, more))

    ours = model.embed(TEXTS)

    theirs = np.stack([FORMULAS[mode](features(model, text)) for text in TEXTS])
    if more:
        theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_several_ways_are_set_side_by_side(sentence_model):
    chosen = dict.fromkeys(("pooling_mode_cls_token", "pooling_mode_max_tokens"), True)
    model = zoo.load(sentence_model(chosen))

    ours = model.embed(TEXTS)

    assert ours.shape == (4, 64)
    x = features(model, TEXTS[0])
    np.testing.assert_allclose(ours[0], np.concatenate([x[0], x.max(0)]), atol=1e-5)


def test_without_their_files_it_is_the_mean_and_not_normalised(checkpoint):
    model = zoo.load(checkpoint("BertModel"))

    np.testing.assert_allclose(model.embed(TEXTS[0])[0], features(model, TEXTS[0]).mean(0), atol=1e-5)


@pytest.mark.parametrize(
    ("pooling", "more", "message"),
    [
        ({"pooling_mode_mean_tokens": True}, ("Dense",), "module of kind 'Dense'"),
        ({"pooling_mode_mean_tokens": False}, (), "names no way of pooling"),
        ({}, (), "names no way of pooling"),
    ],
)
def test_what_zoo_does_not_compute_is_refused(pooling, more, message, sentence_model):
    with pytest.raises(zoo.ZooError, match=message):
        zoo.load(sentence_model(pooling, more))


@pytest.mark.parametrize("content", [{}, [1], [{"path": ""}], [{"type": "a.Pooling"}]])
def test_a_damaged_modules_file(content, sentence_model):
    folder = sentence_model({"pooling_mode_mean_tokens": True})
    (folder / "modules.json").write_text(json.dumps(content))

    with pytest.raises(zoo.ZooError, match=r"modules.json of .* is not a list of modules"):
        zoo.load(folder)


def test_the_files_are_saved_along(sentence_model, tmp_path):
    folder = sentence_model({"pooling_mode_cls_token": True}, ("Normalize",))
    model = zoo.load(folder)

    model.save_pretrained(tmp_path / "saved")

    for name in ("modules.json", "1_Pooling/config.json", "tokenizer.json"):
        assert (tmp_path / "saved" / name).read_bytes() == (folder / name).read_bytes()
    np.testing.assert_array_equal(zoo.load(tmp_path / "saved").embed(TEXTS), model.embed(TEXTS))


def test_there_is_nothing_to_train_with(checkpoint):
    model = zoo.load(checkpoint("BertModel"))

    with pytest.raises(zoo.ZooError, match="feature-extraction has no loss"):
        model.compile()
    with pytest.raises(zoo.ZooError, match="no data set"):
        model.dataset(["a"], ["b"])
    with pytest.raises(zoo.ZooError, match="feature-extraction has no loss"):
        model.fit(model.preprocess(["a"]), np.zeros(1))


def test_shards_are_read_by_transformers_and_by_zoo(minilm, tmp_path):
    model = zoo.load(minilm)
    model.save_pretrained(tmp_path / "shards", max_shard_size="20MB")
    shards = list((tmp_path / "shards").glob("model-*-of-*.safetensors"))
    assert len(shards) > 2
    reference = transformers.AutoModel.from_pretrained(tmp_path / "shards").eval()
    texts = ["A zoo keeps what it loves.", "no"]
    inputs = transformers.AutoTokenizer.from_pretrained(minilm)(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = reference(**inputs).last_hidden_state.numpy()
    mask = inputs["attention_mask"].numpy().astype(bool)
    again = zoo.load(tmp_path / "shards")
    found = np.asarray(again({name: array.numpy().astype("int32") for name, array in inputs.items()}))
    np.testing.assert_allclose(found[mask], expected[mask], atol=1e-5)
    np.testing.assert_array_equal(again.embed(texts), model.embed(texts))
