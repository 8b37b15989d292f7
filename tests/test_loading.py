"""zoo.load: from a name to a model. What it builds, and what it refuses."""

from __future__ import annotations

import json
import shutil
import string
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import zoo
from tests.references.decoders import save_decoder
from zoo.hub.description import labels_of
from zoo.loading import locate

LABELS = ("bad", "good", "odd")
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase]
ARRAYS = {"input_ids": np.array([[2, 5, 6, 3], [2, 7, 3, 0]]), "attention_mask": np.array([[1] * 4, [1, 1, 1, 0]])}


def save(folder: Path, kind: str, **settings) -> Path:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=40,
        max_position_embeddings=20,
        initializer_range=0.3,
        **settings,
    )
    getattr(transformers, kind)(config).save_pretrained(folder)
    transformers.BertTokenizer(vocab={token: n for n, token in enumerate(VOCABULARY)}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("bare"), "BertModel")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> Path:
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {label: n for n, label in enumerate(LABELS)}}
    return save(tmp_path_factory.mktemp("classifier"), "BertForSequenceClassification", **names)


@pytest.fixture
def edited(classifier, tmp_path):
    """A copy of the classifier whose config is changed; a key is removed by the value `...`."""

    def make(**changes) -> Path:
        folder = shutil.copytree(classifier, tmp_path / "edited")
        config = json.loads((folder / "config.json").read_text()) | changes
        kept = {key: value for key, value in config.items() if value is not ...}
        (folder / "config.json").write_text(json.dumps(kept))
        return folder

    return make


class TestTask:
    @pytest.mark.parametrize(
        ("kind", "task"),
        [
            ("BertModel", "feature-extraction"),
            ("BertForSequenceClassification", "text-classification"),
            ("BertForTokenClassification", "token-classification"),
            ("BertForMaskedLM", "fill-mask"),
            ("BertForPreTraining", "fill-mask"),
        ],
    )
    def test_it_comes_from_the_architectures(self, kind, task, edited):
        folder = edited(architectures=["SomethingElse", kind])
        if task in ("text-classification", "feature-extraction"):
            assert zoo.load(folder).task == task
        assert zoo.load(folder, weights="random").task == task

    @pytest.mark.parametrize("classes", [..., [], ["BertForQuestionAnswering"]])
    def test_where_none_is_told_it_must_be_said(self, classes, edited):
        folder = edited(architectures=classes)

        with pytest.raises(zoo.ZooError, match="does not say which task it is for") as caught:
            zoo.load(folder)
        assert "task='feature-extraction'" in caught.value.fix
        assert zoo.load(folder, task="feature-extraction").task == "feature-extraction"

    @pytest.mark.parametrize("task", ["image-classification", "text-generation"])
    def test_one_that_the_architecture_lacks(self, task, bare):
        with pytest.raises(zoo.ZooError, match=f"cannot do '{task}'") as caught:
            zoo.load(bare, task=task)
        assert "Did you mean" not in str(caught.value)
        assert "fill-mask" in caught.value.why[0]
        assert caught.value.fix == f"Models that can: zoo list --task {task}"

    def test_one_that_is_misspelt(self, bare):
        with pytest.raises(zoo.ZooError, match="Did you mean 'text-classification'"):
            zoo.load(bare, task="text_classification")


class TestNewHead:
    """The head of a task that is not the checkpoint's."""

    HEAD = ("head/bias", "head/norm/beta", "head/norm/gamma", "head/transform/bias", "head/transform/kernel")

    @pytest.mark.parametrize("kind", ["bare", "classifier"])
    def test_it_starts_at_random_and_is_told(self, kind, request, caplog):
        folder = request.getfixturevalue(kind)

        model = zoo.load(folder, task="fill-mask")

        assert tuple(sorted(model.audit.fresh)) == self.HEAD
        assert f"{folder}: new, at random: head/bias, head/transform/kernel" in caplog.text
        assert len(model.fill_mask("a [MASK] c", top_k=3)[0]) == 3
        features = zoo.load(folder, task="feature-extraction")
        np.testing.assert_array_equal(model.backbone(ARRAYS), features.backbone(ARRAYS))

    def test_one_that_is_promised_and_missing_is_an_error(self, edited):
        with pytest.raises(zoo.ZooError, match="do not fit") as caught:
            zoo.load(edited(architectures=["BertForMaskedLM"]))
        assert "5 variables have no tensor: head/bias" in str(caught.value)

    def test_one_that_the_checkpoint_has_is_read(self, tmp_path):
        folder = save(tmp_path / "masked", "BertForPreTraining")

        assert not zoo.load(folder, task="fill-mask").audit.fresh

    @pytest.mark.parametrize(
        ("kind", "fresh"), [("LlamaModel", ["head/decoder/kernel"]), ("LlamaForCausalLM", None)]
    )
    def test_of_a_decoder_with_an_output_layer_of_its_own(self, kind, fresh, tmp_path):
        folder = save_decoder(tmp_path / "made", "Llama", tie_word_embeddings=False)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"architectures": [kind]}))
        tensors = load_file(folder / "model.safetensors")
        del tensors["lm_head.weight"]
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

        if fresh is None:
            with pytest.raises(zoo.ZooError, match="1 variable has no tensor"):
                zoo.load(folder, task="text-generation")
        else:
            assert list(zoo.load(folder, task="text-generation").audit.fresh) == fresh


class TestLabels:
    def test_the_checkpoints_own(self, classifier):
        model = zoo.load(classifier)

        assert model.labels == LABELS
        assert not model.audit.fresh

    @pytest.mark.parametrize("classes", [["BertForTokenClassification"], []])
    def test_the_head_of_another_task_is_not_taken_for_this_ones(self, classes, edited):
        model = zoo.load(edited(architectures=classes), task="text-classification", labels=LABELS)

        assert set(model.audit.fresh) == {"head/classifier/kernel", "head/classifier/bias"}

    def test_a_head_that_is_promised_and_missing_is_an_error(self, bare, tmp_path):
        folder = shutil.copytree(bare, tmp_path / "headless")
        config = json.loads((folder / "config.json").read_text())
        config["architectures"] = ["BertForSequenceClassification"]
        (folder / "config.json").write_text(json.dumps(config))

        with pytest.raises(zoo.ZooError, match="do not fit") as caught:
            zoo.load(folder)
        assert "head/classifier/kernel" in str(caught.value)

    def test_labels_need_not_be_strings(self, edited):
        folder = edited(id2label={"0": "0", "1": "1", "2": "2"})

        assert not zoo.load(folder, labels=[0, 1, 2]).audit.fresh
        with pytest.raises(zoo.ZooError, match="different names"):
            zoo.load(folder, labels=[1, "1"])

    @pytest.mark.parametrize("asked", [["odd", "good", "bad"], ("bad", "odd", "good")])
    def test_the_same_set_keeps_the_checkpoints_order_and_head(self, asked, classifier):
        model = zoo.load(classifier, labels=asked)

        assert model.labels == LABELS
        assert not model.audit.fresh
        np.testing.assert_array_equal(model(ARRAYS), zoo.load(classifier)(ARRAYS))

    @pytest.mark.parametrize("asked", [["yes", "no", "maybe"], ["bad", "good"], ["a", "b", "c", "d"]])
    def test_others_start_a_new_head_that_is_listed(self, asked, classifier):
        model = zoo.load(classifier, labels=asked)

        assert model.labels == tuple(asked)
        assert sorted(model.audit.fresh) == ["head/classifier/bias", "head/classifier/kernel"]
        assert "classifier.weight" in model.audit.ignored
        assert model(ARRAYS).shape == (2, len(asked))

    def test_a_bare_model_needs_them(self, bare):
        with pytest.raises(zoo.ZooError, match="has no labels of its own"):
            zoo.load(bare, task="text-classification")

    def test_those_of_another_task_are_not_taken(self, classifier):
        with pytest.raises(zoo.ZooError, match="has no labels of its own"):
            zoo.load(classifier, task="token-classification")

    @pytest.mark.parametrize("asked", [["one"], [], "good", ["a", "a"]])
    def test_what_cannot_be(self, asked, classifier):
        with pytest.raises(zoo.ZooError, match="two or more different names"):
            zoo.load(classifier, labels=asked)

    def test_a_task_without_labels(self, bare):
        with pytest.raises(zoo.ZooError, match="labels were given"):
            zoo.load(bare, labels=["a", "b"])

    @pytest.mark.parametrize(
        ("config", "labels"),
        [
            ({"id2label": {"10": "k", "2": "c", "0": "a"}}, ("a", "c", "k")),
            ({"id2label": {0: "a", 1: 5}}, ("a", "5")),
            ({}, ("LABEL_0", "LABEL_1")),
            ({"id2label": None, "num_labels": 3}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        ],
    )
    def test_how_a_config_names_them(self, config, labels):
        assert labels_of(config) == labels

    @pytest.mark.parametrize("config", [{"id2label": {"a": "b"}}, {"id2label": ["a"]}, {"num_labels": "two"}])
    def test_a_config_that_does_not(self, config):
        with pytest.raises(zoo.ZooError, match="does not map numbers to names"):
            labels_of(config)


class TestWeights:
    def test_random_ones_follow_the_seed(self, bare):
        def numbers(seed):
            model = zoo.load(bare, weights="random", seed=seed)
            return {v.path: np.asarray(v.value) for v in model.weights}

        one, same, other = numbers(1), numbers(1), numbers(2)

        assert all((one[path] == same[path]).all() for path in one)
        changed = {path for path in one if (one[path] != other[path]).any()}
        assert changed == {path for path in one if path.endswith(("kernel", "embeddings"))}
        kernels = [value for path, value in one.items() if path.endswith(("query/kernel", "key/kernel"))]
        assert (kernels[0] != kernels[1]).any()

    def test_random_ones_have_the_checkpoints_shapes_and_spread(self, bare):
        pretrained, random = zoo.load(bare), zoo.load(bare, weights="random")

        assert [v.shape for v in random.weights] == [v.shape for v in pretrained.weights]
        assert sorted(random.audit.fresh) == sorted(v.path.removeprefix("model/") for v in random.weights)
        assert np.std(random.backbone.token_table) == pytest.approx(0.3, rel=0.1)

    def test_random_ones_need_no_weight_file(self, bare, tmp_path):
        shutil.copy(bare / "config.json", tmp_path)

        assert zoo.load(tmp_path, weights="random")(ARRAYS).shape == (2, 4, 32)
        with pytest.raises(zoo.ZooError, match="has no weights"):
            zoo.load(tmp_path)

    def test_a_new_head_follows_the_seed_and_the_rest_does_not(self, bare):
        def load(seed):
            return zoo.load(bare, task="text-classification", labels=["a", "b"], seed=seed)

        one, same, other = load(1), load(1), load(2)

        np.testing.assert_array_equal(one(ARRAYS), same(ARRAYS))
        assert (one.head.classifier.kernel.value != other.head.classifier.kernel.value).any()
        np.testing.assert_array_equal(one.backbone(ARRAYS), other.backbone(ARRAYS))

    @pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b"", lambda b: b"\xff" * 8 + b[8:]])
    def test_a_damaged_file(self, damage, edited):
        folder = edited()
        file = folder / "model.safetensors"
        file.write_bytes(damage(file.read_bytes()))

        with pytest.raises(zoo.ZooError, match="not a sound safetensors file"):
            zoo.load(folder)


class TestDtype:
    @pytest.mark.parametrize(
        ("dtype", "stored", "computed"),
        [
            (None, "float32", "float32"),
            ("float32", "float32", "float32"),
            ("bfloat16", "bfloat16", "bfloat16"),
            ("mixed_bfloat16", "float32", "bfloat16"),
        ],
    )
    def test_what_is_stored_and_what_is_computed(self, dtype, stored, computed, classifier):
        import keras

        model = zoo.load(classifier, dtype=dtype)

        assert {str(v.dtype) for v in model.weights} == {stored}
        assert str(model(ARRAYS).dtype) == computed
        assert keras.config.dtype_policy().name == "float32"
        assert sum(row["score"] for row in model.classify("a b c", top_k=3)[0]) == pytest.approx(1, abs=1e-5)

    @pytest.mark.parametrize("choice", [{"dtype": "bfloat"}, {"dtype": "float16"}, {"weights": "none"}])
    def test_what_cannot_be(self, choice, bare):
        with pytest.raises(zoo.ZooError, match="cannot be"):
            zoo.load(bare, **choice)


class TestFiles:
    @pytest.mark.parametrize(
        "changes", [{"position_embedding_type": "relative_key"}, {"is_decoder": True}, {"hidden_size": "32"}]
    )
    def test_a_config_that_zoo_would_compute_otherwise(self, changes, edited):
        [(key, value)] = changes.items()

        with pytest.raises(zoo.ZooError, match="does not describe a model that zoo can build") as caught:
            zoo.load(edited(**changes))
        assert f"{key} = {value!r}" in caught.value.why[0]

    def test_no_config(self, edited):
        folder = edited()
        (folder / "config.json").unlink()

        with pytest.raises(zoo.ZooError, match=r"has no config\.json"):
            zoo.load(folder)

    @pytest.mark.parametrize("content", ["", "{", "[]", '"text"'])
    def test_a_damaged_config(self, content, edited):
        folder = edited()
        (folder / "config.json").write_text(content)

        with pytest.raises(zoo.ZooError, match=r"config\.json of .* is not"):
            zoo.load(folder)

    @pytest.mark.parametrize("model_type", ["bret", ..., None])
    def test_a_model_type_that_no_plugin_reads(self, model_type, edited):
        with pytest.raises(zoo.ZooError, match="No installed plugin reads checkpoints of model_type"):
            zoo.load(edited(model_type=model_type))


class TestNames:
    @pytest.mark.parametrize("spell", [str, lambda path: path, lambda path: f"file://{path}"])
    def test_a_directory(self, spell, classifier):
        assert zoo.load(spell(classifier)).labels == LABELS

    def test_a_directory_by_a_relative_path(self, classifier, monkeypatch):
        monkeypatch.chdir(classifier.parent)

        assert zoo.load(classifier.name).labels == LABELS
        assert zoo.load(f"./{classifier.name}").labels == LABELS

    def test_a_run(self, classifier, tmp_path):
        shutil.copytree(classifier, tmp_path / "run" / "model")
        (tmp_path / "run" / "recipe.toml").write_text("")

        assert zoo.load(tmp_path / "run").labels == LABELS

    @pytest.mark.parametrize("name", ["minilm_l6", "bert:minilm_l6"])
    def test_a_preset(self, name, minilm):
        found = locate(name)

        assert (found.name, found.architecture, found.task) == ("minilm_l6", "bert:bert", "feature-extraction")
        assert found.commit
        assert found.files.path("config.json").read_bytes() == (minilm / "config.json").read_bytes()

    def test_an_unknown_preset(self):
        with pytest.raises(zoo.ZooError, match="no preset 'bert_bse'. Did you mean 'bert_base'"):  # noqa: RUF043
            zoo.load("bert_bse")

    def test_a_repository_is_hinted_at(self):
        with pytest.raises(zoo.ZooError, match="no preset and no directory 'org/name'") as caught:
            zoo.load("org/name")
        assert caught.value.fix.endswith("hf://org/name")

    @pytest.mark.parametrize("name", ["", "./nowhere", "/nowhere/at/all", "hg://org/name", "hf://name"])
    def test_other_names(self, name):
        with pytest.raises(zoo.ZooError):
            zoo.load(name)

    def test_a_word_that_is_both_a_preset_and_a_path(self, classifier, tmp_path, monkeypatch):
        shutil.copytree(classifier, tmp_path / "minilm_l6")
        monkeypatch.chdir(tmp_path)

        with pytest.raises(zoo.ZooError, match="is a preset, and a file or directory here") as caught:
            zoo.load("minilm_l6")
        assert caught.value.fix == "Say bert:minilm_l6 for the preset, or ./minilm_l6 for the path."
        assert zoo.load("./minilm_l6").labels == LABELS
        assert locate("bert:minilm_l6").name == "minilm_l6"
