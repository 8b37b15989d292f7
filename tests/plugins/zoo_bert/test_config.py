"""BERT's config: the reference's defaults, and everything that zoo would compute otherwise is refused."""

from __future__ import annotations

import dataclasses

import pytest
import transformers
from zoo_bert.config import BertConfig

import zoo


def test_the_defaults_are_the_references():
    theirs = transformers.BertConfig().to_dict()
    own = {"source", "add_pooling_layer"}

    for field in dataclasses.fields(BertConfig):
        if field.name not in own:
            assert getattr(BertConfig(), field.name) == theirs[field.name], field.name


def test_an_empty_config_is_bert_base():
    assert BertConfig.read({}, "here") == BertConfig()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("position_embedding_type", "relative_key"),
        ("position_embedding_type", "relative_key_query"),
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("pruned_heads", {"0": [1]}),
        ("quantization_config", {"bits": 4}),
        ("chunk_size_feed_forward", 8),
    ],
)
def test_what_would_change_the_maths_is_refused(key, value):
    with pytest.raises(zoo.ZooError, match="here does not describe") as caught:
        BertConfig.read({key: value}, "here")

    allowed = " or ".join(map(repr, BertConfig.unsupported[key]))
    assert caught.value.why == [f"{key} = {value!r} is not supported; it may be {allowed}"]


@pytest.mark.parametrize(
    ("key", "value"), [("position_embedding_type", "absolute"), ("is_decoder", False), ("pruned_heads", {})]
)
def test_what_changes_nothing_is_not(key, value):
    assert BertConfig.read({key: value}, "here").source == {key: value}


def test_every_fault_is_told():
    with pytest.raises(zoo.ZooError) as caught:
        BertConfig.read({"hidden_size": "wide", "layer_norm_eps": None, "is_decoder": True}, "here")

    assert caught.value.why == [
        "hidden_size = 'wide' should be int",
        "layer_norm_eps = None should be float",
        "is_decoder = True is not supported; it may be False or None",
    ]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ({"hidden_size": 0}, "hidden_size = 0 is not positive"),
        ({"num_hidden_layers": -1}, "num_hidden_layers = -1 is not positive"),
        ({"hidden_size": 30, "num_attention_heads": 4}, "hidden_size = 30 is not a multiple of"),
        ({"hidden_dropout_prob": 1.0}, "hidden_dropout_prob = 1.0 is not in [0, 1)"),
        ({"classifier_dropout": -0.1}, "head_dropout = -0.1 is not in [0, 1)"),
    ],
)
def test_sizes_that_cannot_be(source, fault):
    with pytest.raises(zoo.ZooError) as caught:
        BertConfig.read(source, "here")

    assert fault in caught.value.why[0]


def test_what_is_written_is_what_was_read_and_what_changed():
    source = {"hidden_size": 96, "hidden_dropout_prob": 0, "my_key": [1]}

    config = BertConfig.read(source, "here").replace(tie_word_embeddings=False)

    assert config.written(architectures=["BertModel"]) == {
        **source,
        "tie_word_embeddings": False,
        "architectures": ["BertModel"],
    }


def test_an_unknown_activation_is_told_with_what_else_is_wrong():
    with pytest.raises(zoo.ZooError) as caught:
        BertConfig.read({"hidden_act": "gelo", "num_attention_heads": 5, "is_decoder": True}, "here")

    assert caught.value.why == [
        "hidden_act: There is no activation 'gelo'. Did you mean 'gelu'?",
        "is_decoder = True is not supported; it may be False or None",
        "hidden_size = 768 is not a multiple of num_attention_heads = 5",
    ]
