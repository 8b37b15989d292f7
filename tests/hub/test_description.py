"""What config.json says, in transformers' words and in timm's, and labels on their way back."""

from __future__ import annotations

import pytest

from tests.references.timm_models import timm
from zoo.errors import ZooError
from zoo.hub.description import classes_of, is_timm, kind_of, labels_of, layout_of, with_labels

TIMM = {
    "architecture": "resnet18",
    "num_classes": 3,
    "model_args": {"num_classes": 3, "in_chans": 1},
    "pretrained_cfg": {"num_classes": 3, "label_names": ["x", "y", "z"], "label_descriptions": {"x": "an x"}},
    "label_names": ["a", "b", "c"],
}
TRANSFORMERS = {"model_type": "resnet", "id2label": {"1": "dog", "0": "cat"}, "num_labels": 2}


def test_each_is_known_for_what_it_is():
    assert is_timm(TIMM)
    assert not is_timm(TRANSFORMERS)
    assert not is_timm({"architecture": "x", "model_type": "timm_wrapper"})
    assert (kind_of(TIMM), layout_of(TIMM)) == ("resnet18", "timm")
    assert (kind_of(TRANSFORMERS), layout_of(TRANSFORMERS)) == ("resnet", "transformers")


def test_labels_are_read_in_the_order_of_their_numbers():
    assert labels_of(TIMM) == ("a", "b", "c")
    assert labels_of({k: v for k, v in TIMM.items() if k != "label_names"}) == ("x", "y", "z")
    assert labels_of({"architecture": "x", "pretrained_cfg": {"num_classes": 2}}) == ("LABEL_0", "LABEL_1")
    assert labels_of({"architecture": "x", "num_classes": 0}) == ()
    assert labels_of(TRANSFORMERS) == ("cat", "dog")
    assert labels_of({"model_type": "x", "num_labels": 3}) == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_timm_s_labels_are_its_descriptions_where_every_name_has_one():
    synsets = {"n01": "tench, Tinca tinca", "n02": "crane", "n03": "crane", "n04": "unused"}
    config = {
        "architecture": "resnet18",
        "pretrained_cfg": {"num_classes": 3, "label_names": ["n01", "n02", "n03"]},
    }
    assert labels_of(config) == ("n01", "n02", "n03")

    config["label_descriptions"] = synsets
    assert labels_of(config) == ("tench, Tinca tinca", "crane (n02)", "crane (n03)")
    config["pretrained_cfg"] = {
        **config["pretrained_cfg"],
        "label_descriptions": {"n01": "a", "n02": "b", "n03": "c"},
    }
    assert labels_of({**config, "label_descriptions": None}) == ("a", "b", "c")
    assert labels_of({**config, "label_descriptions": {"n01": "tench"}}) == ("n01", "n02", "n03")
    assert with_labels(config, labels_of(config)) == config
    other = with_labels(config, ["cat", "dog"])
    assert labels_of(other) == ("cat", "dog")
    assert "label_descriptions" not in str(other)


def test_a_network_for_1_000_classes_without_names_tells_imagenet_s_as_timm_does():
    info = timm.data.ImageNetInfo("imagenet-1k")
    words = info.label_descriptions()
    config = {"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {"num_classes": 1000}}
    found = labels_of(config)
    assert [label for n, label in enumerate(found) if n not in (134, 517)] == [
        word for n, word in enumerate(words) if n not in (134, 517)
    ]
    assert (words[134], words[517]) == ("crane", "crane")  # the bird and the machine: only the synset tells
    assert (found[134], found[517]) == ("crane (n02012849)", "crane (n03126707)")
    assert [info.label_names()[n] for n in (134, 517)] == ["n02012849", "n03126707"]
    assert len({*found}) == 1000
    assert with_labels(config, found) == config
    assert labels_of(with_labels(config, ["cat", "dog"])) == ("cat", "dog")
    for count in (999, 1001, 21841):
        assert labels_of(config | {"num_classes": count})[0] == "LABEL_0"


def test_timm_s_labels_by_number_may_have_gaps():
    table = {"architecture": "x", "num_classes": 4, "label_names": {"3": "d", "0": "a", "9": "beyond"}}
    assert labels_of(table) == ("a", "LABEL_1", "LABEL_2", "d")
    assert labels_of({"architecture": "x", "labels": ["p", "q"]}) == ("p", "q")


def test_other_labels_go_wherever_timm_looks_for_their_number():
    found = with_labels(TIMM, ["p", "q"])
    assert classes_of(found) == 2
    assert found["model_args"] == {"num_classes": 2, "in_chans": 1}
    assert found["pretrained_cfg"] == {"num_classes": 2}
    assert labels_of(found) == ("p", "q")
    assert TIMM["num_classes"] == 3  # what was given stays as it is


def test_the_same_labels_leave_the_config_as_it_stands():
    assert with_labels(TIMM, ["a", "b", "c"]) == TIMM


def test_no_labels_mean_a_network_without_a_head():
    found = with_labels(TIMM, ())
    assert classes_of(found) == 0
    assert "label_names" not in found


def test_transformers_gets_both_tables():
    found = with_labels(TRANSFORMERS, ["x", "y"])
    assert found["id2label"] == {"0": "x", "1": "y"}
    assert found["label2id"] == {"x": 0, "y": 1}
    assert "num_labels" not in found


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ({"id2label": [1]}, "id2label"),
        ({"id2label": {"a": "b"}}, "id2label"),
        ({"architecture": "x", "label_names": 3}, "label_names"),
        ({"architecture": "x", "label_names": {"a": "b"}}, "label_names"),
    ],
)
def test_labels_that_are_none_are_refused(source, key):
    with pytest.raises(ZooError, match=key):
        labels_of(source)
