"""What zoo writes, transformers reads: equal logits, labels and token ids."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tokenizers
import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import zoo

KINDS = {
    "feature-extraction": ("BertModel", "AutoModel"),
    "text-classification": ("BertForSequenceClassification", "AutoModelForSequenceClassification"),
    "token-classification": ("BertForTokenClassification", "AutoModelForTokenClassification"),
    "fill-mask": ("BertForMaskedLM", "AutoModelForMaskedLM"),
}
NAMES = {"id2label": {0: "no", 1: "maybe", 2: "yes"}, "label2id": {"no": 0, "maybe": 1, "yes": 2}}


@pytest.fixture
def saved(tmp_path):
    return tmp_path / "saved"


@pytest.mark.parametrize("task", KINDS)
@pytest.mark.parametrize("options", [{}, {"hidden_act": "relu", "layer_norm_eps": 0.1}], ids=str)
def test_equal_logits(task, options, tiny, arrays, reference, differ, saved):
    kind, auto = KINDS[task]
    model = zoo.load(tiny(kind, **NAMES, **options))

    model.save_pretrained(saved)

    theirs = reference(saved, auto, arrays)
    config = transformers.AutoConfig.from_pretrained(saved)
    assert differ(model(arrays), theirs, arrays["attention_mask"] if theirs.ndim == 3 else None) <= 1e-5
    assert config.architectures == [kind]
    if task.endswith("classification"):
        assert config.id2label == NAMES["id2label"]
        assert config.label2id == NAMES["label2id"]


@pytest.mark.parametrize("task", KINDS)
def test_equal_logits_whatever_the_names_were(task, tiny, arrays, reference, differ, saved):
    kind, auto = KINDS[task]
    folder = tiny(kind)
    tensors = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in load_file(folder / "model.safetensors").items()
    }
    if task == "feature-extraction":
        tensors = {f"bert.{name}": tensor for name, tensor in tensors.items()}
    save_file(tensors, folder / "model.safetensors")

    model = zoo.load(folder)
    model.save_pretrained(saved)

    theirs = reference(saved, auto, arrays)
    assert differ(model(arrays), theirs, arrays["attention_mask"] if theirs.ndim == 3 else None) <= 1e-5


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("BertModel", {}),
        ("BertModel", {"pooler": False}),
        ("BertForSequenceClassification", {}),
        ("BertForTokenClassification", {}),
        ("BertForMaskedLM", {}),
    ],
    ids=str,
)
def test_the_tensors_are_the_ones_that_were_read(kind, options, tiny, saved):
    folder = tiny(kind, **options)

    zoo.load(folder).save_pretrained(saved)

    before, after = (load_file(where / "model.safetensors") for where in (folder, saved))
    assert before.keys() == after.keys()
    assert all((before[name] == after[name]).all() for name in before)
    with safe_open(saved / "model.safetensors", framework="numpy") as file:
        assert file.metadata() == {"format": "pt"}


def test_an_untied_decoder_is_written(tiny, arrays, reference, differ, saved):
    folder = tiny("BertForMaskedLM")
    tensors = load_file(folder / "model.safetensors")
    words = tensors["bert.embeddings.word_embeddings.weight"]
    tensors["cls.predictions.decoder.weight"] = words.flip(0).contiguous()
    save_file(tensors, folder / "model.safetensors")
    model = zoo.load(folder)

    model.save_pretrained(saved)

    assert json.loads((saved / "config.json").read_text())["tie_word_embeddings"] is False
    theirs = reference(saved, "AutoModelForMaskedLM", arrays)
    assert differ(model(arrays), theirs, arrays["attention_mask"]) <= 1e-5


def test_new_labels_are_written(tiny, arrays, reference, differ, saved):
    model = zoo.load(tiny("BertModel"), task="text-classification", labels=["left", "right", "straight on"])

    model.save_pretrained(saved)

    assert differ(model(arrays), reference(saved, "AutoModelForSequenceClassification", arrays)) <= 1e-5
    config = transformers.AutoConfig.from_pretrained(saved)
    assert config.id2label == {0: "left", 1: "right", 2: "straight on"}
    assert zoo.load(saved).labels == ("left", "right", "straight on")


def test_features_of_a_classifier_are_saved_as_a_bare_model(tiny, arrays, reference, differ, saved):
    model = zoo.load(tiny("BertForTokenClassification"), task="feature-extraction")

    model.save_pretrained(saved)

    assert differ(model(arrays), reference(saved, "AutoModel", arrays), arrays["attention_mask"]) <= 1e-5


def test_keys_of_the_config_that_zoo_does_not_know_are_kept(tiny, saved):
    folder = tiny("BertModel")
    before = json.loads((folder / "config.json").read_text()) | {
        "my_note": {"a": [1, None]},
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(before))

    zoo.load(folder).save_pretrained(saved)

    assert json.loads((saved / "config.json").read_text()) == before


@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
@pytest.mark.parametrize(("ours", "stored"), [("bfloat16", "BF16"), ("mixed_bfloat16", "F32"), ("float32", "F32")])
def test_the_config_names_the_precision_of_the_weights(key, ours, stored, tiny, saved):
    folder = tiny("BertModel")
    config = json.loads((folder / "config.json").read_text())
    del config["dtype"]
    (folder / "config.json").write_text(json.dumps(config | {key: "float16"}))

    zoo.load(folder, dtype=ours).save_pretrained(saved)

    with safe_open(saved / "model.safetensors", framework="pt") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {stored}  # noqa: SIM118
    expected = {"BF16": "bfloat16", "F32": "float32"}[stored]
    assert json.loads((saved / "config.json").read_text())[key] == expected
    assert str(transformers.AutoModel.from_pretrained(saved).dtype) == f"torch.{expected}"


def test_the_real_tokenizer_goes_along_byte_for_byte(minilm, saved):
    zoo.load(minilm).save_pretrained(saved)

    names = ("tokenizer.json", "vocab.txt", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json")
    for name in names:
        assert (saved / name).read_bytes() == (minilm / name).read_bytes()
    texts = ["A text, and an ÄCCENT.", "你好 😀"]
    theirs = transformers.AutoTokenizer.from_pretrained(saved)(texts)["input_ids"]
    assert [item.ids.tolist() for item in zoo.load(saved).preprocess.encode(texts)] == theirs
    np.testing.assert_array_equal(zoo.load(saved).embed(texts), zoo.load(minilm).embed(texts))
    assert tokenizers.Tokenizer.from_file(str(saved / "tokenizer.json")).truncation["max_length"] == 128


def test_a_directory_in_use_is_left_alone(tiny, tmp_path):
    model = zoo.load(tiny("BertModel"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")

    with pytest.raises(zoo.ZooError, match="already there"):
        model.save_pretrained(tmp_path / "mine")

    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
