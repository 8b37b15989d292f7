"""zoo.train.depth and zoo.train.freezing: which weights lie how deep, and which of them are trained."""

from __future__ import annotations

import pytest

import zoo
from zoo.errors import ZooError
from zoo.loading import build, described
from zoo.testing import tiny_decoder
from zoo.train.depth import blocks, depths
from zoo.train.freezing import freeze


def resnet():
    config = {
        "architecture": "resnet18",
        "model_args": {"channels": [8, 8, 16, 16]},
        "pretrained_cfg": {"input_size": [3, 32, 32]},
    }
    return build(described("resnet", config), task="image-classification", labels=["a", "b"], weights="random")


@pytest.fixture
def bert(tiny_bert):
    return zoo.load(tiny_bert, task="text-classification", labels=["bad", "good"])


def by_depth(model) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for variable, depth in zip(model.weights, depths(model, model.weights), strict=True):
        parts = variable.path.split("/")[1:]
        found.setdefault(depth, set()).add("/".join(parts[:-1][:3] if "stage" in parts[1] else parts[:2]))
    return found


def test_embeddings_layers_head(bert):
    assert by_depth(bert) == {
        0: {"backbone/embeddings"},
        1: {"backbone/layer_0"},
        2: {"backbone/layer_1"},
        3: {"head/pooler", "head/classifier"},
    }
    assert [layer.name for layer in blocks(bert)] == ["layer_0", "layer_1"]


def test_blocks_within_stages():
    model = resnet()
    found = by_depth(model)
    assert found[0] == {"backbone/stem_0"}
    assert found[1] == {"backbone/stage_0/block_0"}
    assert found[8] == {"backbone/stage_3/block_1"}
    assert found[9] == {"head/classifier"}
    assert [layer.path.split("/")[-2:] for layer in blocks(model)] == [
        [f"stage_{stage}", f"block_{block}"] for stage in range(4) for block in range(2)
    ]


@pytest.mark.parametrize(("kept", "trained"), [(0, {3}), (1, {2, 3}), (2, {1, 2, 3})])
def test_all_below_the_top_layers_is_frozen(bert, kept, trained):
    freeze(bert, f"all but {kept}")
    assert set(depths(bert, bert.trainable_variables)) == trained
    assert len(bert.trainable_variables) == sum(d in trained for d in depths(bert, bert.weights))


def test_the_statistics_of_frozen_blocks_stay():
    model = resnet()
    freeze(model, "all but 2")
    norms = [layer for layer in model._flatten_layers() if layer.name == "norm"]
    assert [norm.trainable for norm in norms] == [d >= 7 for d in (max(depths(model, n.weights)) for n in norms)]


def test_more_layers_than_there_are(bert):
    with pytest.raises(ZooError, match="the model has 2 layers"):
        freeze(bert, "all but 3")


@pytest.mark.parametrize("which", ["embeddings for outputs", "a pooler that features pass by"])
def test_a_model_that_has_nothing_left_to_train(tiny_bert, tmp_path, which):
    if which == "embeddings for outputs":
        model = zoo.load(tiny_decoder(tmp_path / "model", ["the film was great"] * 9, tie_word_embeddings=True))
    else:
        model = zoo.load(tiny_bert, task="feature-extraction")
        assert any("pooler" in v.path for v in model.weights)
    freeze(model, "nothing")
    with pytest.raises(ZooError, match=r'train\.freeze = "backbone" leaves nothing to train'):
        freeze(model, "backbone")
