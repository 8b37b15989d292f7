"""The encoder against transformers, run live, over the options of its config and the ways of calling it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

import zoo
from zoo.nn import activations

PARAMETRIC = {"prelu", "xielu"}  # with weights of their own, which BERT checkpoints have no place for
OPTIONS = [
    *({"hidden_act": name} for name in sorted(activations._ACTIVATIONS)),
    *({"layer_norm_eps": epsilon} for epsilon in (1e-12, 1e-5, 0.1)),
    *({"type_vocab_size": count} for count in (2, 3)),
    *({"num_attention_heads": count} for count in (1, 2, 8, 32)),
    *({"num_hidden_layers": count} for count in (1, 5)),
    {"max_position_embeddings": 12},
    {"intermediate_size": 7},
    {"vocab_size": 101, "pad_token_id": 5},
    {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.4},
    {"pooler": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_gives_the_references_features(options, tiny, arrays, reference, differ):
    folder = tiny("BertModel", **options)

    ours = zoo.load(folder)(arrays)

    assert differ(ours, reference(folder, "BertModel", arrays), arrays["attention_mask"]) <= 1e-5


def test_every_activation_without_weights_is_there():
    assert set(activations._ACTIVATIONS) == set(transformers.activations.ACT2FN) - PARAMETRIC


@pytest.mark.parametrize("name", sorted(PARAMETRIC))
def test_an_activation_with_weights_is_refused(name, tiny):
    with pytest.raises(zoo.ZooError) as caught:
        zoo.load(tiny("BertModel", hidden_act=name))
    assert f"no activation '{name}'" in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        ("input_ids",),
        ("input_ids", "attention_mask"),
        ("input_ids", "token_type_ids"),
        ("input_ids", "position_ids"),
        ("input_ids", "attention_mask", "token_type_ids", "position_ids"),
    ],
    ids="+".join,
)
def test_inputs_left_out_mean_what_they_mean_to_the_reference(names, tiny, arrays, reference, differ):
    folder = tiny("BertModel")
    given = {name: arrays[name] for name in names}

    ours = zoo.load(folder)(given)

    assert differ(ours, reference(folder, "BertModel", given), given.get("attention_mask")) <= 1e-5


def test_one_token_type_alone(tiny, arrays, reference, differ):
    folder = tiny("BertModel", type_vocab_size=1)
    given = {"input_ids": arrays["input_ids"]}

    assert differ(zoo.load(folder)(given), reference(folder, "BertModel", given)) <= 1e-5


def test_rows_longer_than_the_positions(tiny):
    with pytest.raises(zoo.ZooError, match="The rows have 41 tokens, and the model has positions for 40"):
        zoo.load(tiny("BertModel"))({"input_ids": np.zeros((1, 41), np.int32)})


def test_what_padding_holds_changes_nothing(tiny, arrays, differ):
    model = zoo.load(tiny("BertModel"))
    other = arrays | {"input_ids": arrays["input_ids"] * arrays["attention_mask"]}

    assert differ(model(arrays), model(other).__array__(), arrays["attention_mask"]) <= 1e-6


def test_mixed_precision_stays_near_the_reference(tiny, arrays, reference, differ):
    folder = tiny("BertModel")
    theirs = reference(folder, "BertModel", arrays)
    scale = torch.from_numpy(theirs).abs().max().item()

    for dtype in ("mixed_bfloat16", "bfloat16"):
        features = zoo.load(folder, dtype=dtype)(arrays)
        assert str(features.dtype) == "bfloat16"
        assert differ(features, theirs, arrays["attention_mask"]) <= 0.03 * scale
