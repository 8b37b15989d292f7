"""The four tasks' heads against the reference's classes."""

from __future__ import annotations

import pytest
from safetensors.torch import load_file, save_file

import zoo

THREE = {"num_labels": 3}
CASES = [
    ("BertForSequenceClassification", "text-classification", THREE),
    ("BertForSequenceClassification", "text-classification", THREE | {"classifier_dropout": 0.5}),
    ("BertForSequenceClassification", "text-classification", THREE | {"hidden_dropout_prob": 0.5}),
    ("BertForTokenClassification", "token-classification", THREE),
    ("BertForTokenClassification", "token-classification", THREE | {"classifier_dropout": 0.5}),
    ("BertForMaskedLM", "fill-mask", {}),
    ("BertForMaskedLM", "fill-mask", {"hidden_act": "relu", "layer_norm_eps": 0.1}),
    ("BertForMaskedLM", "fill-mask", {"tie_word_embeddings": False}),
    ("BertForPreTraining", "fill-mask", {}),
    ("BertForPreTraining", "fill-mask", {"tie_word_embeddings": False}),
]


@pytest.mark.parametrize(("kind", "task", "options"), CASES, ids=str)
def test_every_head_gives_the_references_logits(kind, task, options, tiny, arrays, reference, differ):
    folder = tiny(kind, **options)

    model = zoo.load(folder)

    mask = None if task == "text-classification" else arrays["attention_mask"]
    assert model.task == task
    assert differ(model(arrays), reference(folder, kind, arrays), mask) <= 1e-5


def test_a_decoder_that_differs_from_the_embeddings_is_not_tied(tiny, arrays, reference, differ):
    folder = tiny("BertForMaskedLM")
    tensors = load_file(folder / "model.safetensors")
    words = tensors["bert.embeddings.word_embeddings.weight"]
    tensors["cls.predictions.decoder.weight"] = words.flip(0).contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    model = zoo.load(folder)

    assert model.config.tie_word_embeddings is False
    assert differ(model(arrays), reference(folder, "BertForMaskedLM", arrays), arrays["attention_mask"]) <= 1e-5


def test_a_decoder_equal_to_the_embeddings_is_tied(tiny, arrays, reference, differ):
    folder = tiny("BertForMaskedLM")
    tensors = load_file(folder / "model.safetensors")
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    model = zoo.load(folder)

    assert model.config.tie_word_embeddings is True
    assert model.head.decoder is None
    assert differ(model(arrays), reference(folder, "BertForMaskedLM", arrays), arrays["attention_mask"]) <= 1e-5


@pytest.mark.parametrize("given", ["cls.predictions.bias", "cls.predictions.decoder.bias"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_output_bias_is_found_under_either_name(given, tied, tiny, arrays, reference, differ):
    folder = tiny("BertForMaskedLM", tie_word_embeddings=tied)
    theirs = reference(folder, "BertForMaskedLM", arrays)
    tensors = load_file(folder / "model.safetensors")
    bias = tensors.pop("cls.predictions.bias")
    tensors[given] = tensors.pop("cls.predictions.decoder.bias", bias)
    save_file(tensors, folder / "model.safetensors")

    assert differ(zoo.load(folder)(arrays), theirs, arrays["attention_mask"]) <= 1e-5


def test_dropout_of_the_head_follows_the_config(tiny):
    def rate(**options):
        return zoo.load(tiny("BertForSequenceClassification", folder=str(options), **options)).head.dropout.rate

    assert rate(hidden_dropout_prob=0.3) == 0.3
    assert rate(hidden_dropout_prob=0.3, classifier_dropout=0.0) == 0.0
    assert rate(hidden_dropout_prob=0.3, classifier_dropout=0.6) == 0.6
