"""The forms a BERT checkpoint comes in: names, dtypes, shards; and what of it each task reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import zoo

KINDS = {
    "feature-extraction": "BertModel",
    "text-classification": "BertForSequenceClassification",
    "token-classification": "BertForTokenClassification",
    "fill-mask": "BertForMaskedLM",
}


def rename(folder: Path, change) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({change(name): tensor for name, tensor in tensors.items()}, folder / "model.safetensors")


def original(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


@pytest.mark.parametrize("kind", KINDS.values())
def test_norms_under_their_original_names(kind, tiny, arrays, reference, differ):
    folder = tiny(kind)
    theirs = reference(folder, kind, arrays)
    rename(folder, original)
    assert any(name.endswith("gamma") for name in load_file(folder / "model.safetensors"))

    assert differ(zoo.load(folder)(arrays), theirs) <= 1e-5


@pytest.mark.parametrize("kind", ["BertModel", "BertForSequenceClassification", "BertForMaskedLM"])
def test_with_the_prefix_and_without(kind, tiny, arrays, reference, differ):
    folder = tiny(kind)
    theirs = reference(folder, kind, arrays)
    bare = kind == "BertModel"
    rename(folder, lambda name: f"bert.{name}" if bare else name.removeprefix("bert."))

    assert differ(zoo.load(folder)(arrays), theirs, arrays["attention_mask"] if bare else None) <= 1e-5


@pytest.mark.parametrize("kind", KINDS.values())
def test_features_of_a_checkpoint_with_another_head(kind, tiny, arrays, reference, differ):
    folder = tiny(kind)

    model = zoo.load(folder, task="feature-extraction")

    assert not model.audit.fresh
    assert differ(model(arrays), reference(folder, "BertModel", arrays), arrays["attention_mask"]) <= 1e-5


def test_the_buffers_of_old_checkpoints_and_the_next_sentence_head_are_left(tiny, arrays, reference, differ):
    folder = tiny("BertForPreTraining")
    tensors = load_file(folder / "model.safetensors")
    tensors["bert.embeddings.position_ids"] = torch.arange(40)[None]
    save_file(tensors, folder / "model.safetensors")

    model = zoo.load(folder)

    assert set(model.audit.ignored) >= {"bert.embeddings.position_ids", "cls.seq_relationship.weight"}
    assert all(model.audit.ignored.values())
    assert differ(model(arrays), reference(folder, "BertForPreTraining", arrays), arrays["attention_mask"]) <= 1e-5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_stored_in_another_precision(dtype, tiny, arrays, reference, differ):
    folder = tiny("BertModel")
    tensors = load_file(folder / "model.safetensors")
    save_file({k: v.to(dtype) for k, v in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})

    model = zoo.load(folder)

    assert {str(w.dtype) for w in model.weights} == {"float32"}
    assert differ(model(arrays), reference(folder, "BertModel", arrays), arrays["attention_mask"]) <= 1e-5


def test_integer_weights_are_refused(tiny):
    folder = tiny("BertModel")
    tensors = load_file(folder / "model.safetensors")
    tensors["pooler.dense.bias"] = tensors["pooler.dense.bias"].to(torch.int8)
    save_file(tensors, folder / "model.safetensors")

    with pytest.raises(zoo.ZooError, match="dtype I8"):
        zoo.load(folder)


def test_shards(tiny, arrays, reference, differ):
    folder = tiny("BertForMaskedLM", saving={"max_shard_size": "20KB"})
    assert len(list(folder.glob("model-*-of-*.safetensors"))) > 2

    ours = zoo.load(folder)(arrays)

    assert differ(ours, reference(folder, "BertForMaskedLM", arrays), arrays["attention_mask"]) <= 1e-5


def test_a_new_classifier_is_named_and_the_pooler_below_it_only_where_it_is_missing(tiny):
    def fresh(kind, **options):
        folder = tiny(kind, folder=f"{kind}{options}", **options)
        return sorted(zoo.load(folder, task="text-classification", labels=["a", "b"]).audit.fresh)

    classifier = ["head/classifier/bias", "head/classifier/kernel"]
    assert fresh("BertModel") == classifier
    assert fresh("BertModel", pooler=False) == [*classifier, "head/pooler/bias", "head/pooler/kernel"]
    assert fresh("BertForMaskedLM") == [*classifier, "head/pooler/bias", "head/pooler/kernel"]


def test_no_part_of_a_masked_head_is_made_up_where_that_is_the_checkpoints_task(tiny):
    folder = tiny("BertForMaskedLM")
    tensors = load_file(folder / "model.safetensors")
    del tensors["cls.predictions.transform.dense.weight"]
    save_file(tensors, folder / "model.safetensors")

    for task in (None, "fill-mask"):
        with pytest.raises(zoo.ZooError, match="do not fit") as caught:
            zoo.load(folder, task=task)
        assert "cls.predictions.transform.dense.weight" in str(caught.value)


def test_tensors_and_variables_without_a_partner_are_all_listed(tiny):
    folder = tiny("BertModel")
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.bias"]
    tensors["encoder.layer.0.adapter.weight"] = torch.zeros(3)
    tensors["pooler.dense.bias"] = torch.zeros(5)
    save_file(tensors, folder / "model.safetensors")

    with pytest.raises(zoo.ZooError) as caught:
        zoo.load(folder)

    facts = "\n".join(caught.value.why)
    assert "encoder.layer.1.output.dense.bias" in facts
    assert "encoder.layer.0.adapter.weight" in facts
    assert "'pooler.dense.bias' has shape (5,), and the config asks for (32,)" in facts


def test_more_layers_than_the_config_says_is_an_error(tiny):
    folder = tiny("BertModel")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))

    with pytest.raises(zoo.ZooError, match="belong to no variable"):
        zoo.load(folder)
