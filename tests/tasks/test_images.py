"""Image tasks as a user calls them, on tiny ResNets and EfficientNets made by transformers and timm."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

import zoo
from tests.data.pictures import picture
from tests.data.web_server import IMAGE, picture_server
from tests.references.timm_models import saved, timm
from tests.references.torch_images import randomise
from zoo.errors import ZooError

LABELS = ["cat", "dog", "owl"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny ResNet with its processor, as transformers writes them."""
    folder = tmp_path_factory.mktemp("resnet")
    torch.manual_seed(1)
    config = transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16],
        depths=[1, 1],
        layer_type="basic",
        id2label=dict(enumerate(LABELS)),
        label2id={label: n for n, label in enumerate(LABELS)},
    )
    randomise(transformers.ResNetForImageClassification(config)).save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 48}, crop_pct=0.875).save_pretrained(folder)
    return folder


def pictures():
    return [picture(60, 50, seed) for seed in range(5)] + [picture(40, 90), picture(1, 1), picture(49, 48)]


def expected(folder):
    processor = ConvNextImageProcessorPil.from_pretrained(folder)
    model = transformers.ResNetForImageClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return [
            model(**processor(image, return_tensors="pt")).logits.softmax(-1).numpy()[0] for image in pictures()
        ]


def test_classify_gives_the_reference_s_probabilities_for_files_images_arrays_and_bytes(folder, tmp_path):
    model = zoo.load(folder)
    told = expected(folder)
    paths = []
    for n, image in enumerate(pictures()):
        image.save(tmp_path / f"{n}.png")
        paths.append(tmp_path / f"{n}.png")
    for inputs in (
        pictures(),
        paths,
        [str(p) for p in paths],
        [p.read_bytes() for p in paths],
        [np.asarray(i) for i in pictures()],
    ):
        ranked = model.classify(inputs, top_k=3)
        for row, scores in zip(ranked, told, strict=True):
            assert [entry["label"] for entry in row] == [LABELS[n] for n in np.argsort(-scores)]
            np.testing.assert_allclose([entry["score"] for entry in row], sorted(scores, reverse=True), atol=1e-5)
    (alone,), together = model.classify(pictures()[0]), ranked[0][0]
    assert alone == {"label": together["label"], "score": pytest.approx(together["score"], abs=1e-6)}
    assert model.preprocess(pictures()[:2])["pixel_values"].shape == (2, 48, 48, 3)


def test_more_pictures_than_a_batch_come_back_in_order(folder):
    model = zoo.load(folder)
    many = [picture(50, 50, seed) for seed in range(70)]
    together = model.probabilities(many)
    for n in (0, 31, 32, 69):
        np.testing.assert_allclose(together[n], model.probabilities([many[n]])[0], atol=1e-6)
    assert model.classify([]) == []


def test_embed_and_the_maps_of_every_stage(folder):
    model = zoo.load(folder, task="feature-extraction")
    vectors = model.embed(pictures())
    assert vectors.shape == (8, 16)
    maps = model.feature_maps(pictures())
    assert [stage.shape for stage in maps] == [(8, 12, 12, 8), (8, 6, 6, 16)]
    np.testing.assert_allclose(maps[-1].mean((1, 2)), vectors, atol=1e-5)


def test_a_picture_that_cannot_be_read_is_named(folder, tmp_path):
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    model = zoo.load(folder)
    with pytest.raises(ZooError, match=r"torn\.jpg"):
        model.classify([picture(9, 9), tmp_path / "torn.jpg"])
    with pytest.raises(ZooError, match="Picture 2"):
        model.classify([picture(9, 9), b"nothing"])
    with pytest.raises(ZooError, match="URL"):
        model.classify("https://example.org/cat.jpg")


def test_urls_are_fetched_where_they_are_allowed(folder, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    model, bare = zoo.load(folder), zoo.load(folder, task="feature-extraction")
    with picture_server() as server:
        urls = [f"{server.url}/cat.png"] * 3
        told = model.classify([*urls, IMAGE], allow_urls=True)
        assert [one["score"] for one in told] == pytest.approx([told[3]["score"]] * 4, rel=1e-5)
        np.testing.assert_allclose(bare.embed(urls[0], allow_urls=True), bare.embed(IMAGE), rtol=1e-5)
        ours, theirs = bare.feature_maps(urls[0], allow_urls=True), bare.feature_maps(IMAGE)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
        pixels = model.preprocess(urls[0], allow_urls=True)["pixel_values"]
        np.testing.assert_array_equal(pixels, model.preprocess(IMAGE)["pixel_values"])
        with pytest.raises(ZooError, match="/gone' could not be fetched"):
            model.classify([IMAGE, f"{server.url}/gone"], allow_urls=True)


def test_without_a_word_on_preprocessing_the_model_takes_arrays_only(folder, tmp_path):
    zoo.load(folder).save_pretrained(tmp_path / "model")
    (tmp_path / "model/preprocessor_config.json").unlink()
    model = zoo.load(tmp_path / "model")
    assert model({"pixel_values": np.zeros((1, 48, 48, 3), np.float32)}).shape == (1, 3)
    with pytest.raises(ZooError, match=r"preprocessor_config\.json"):
        model.classify(picture(9, 9))


def test_saving_keeps_the_preprocessor_byte_for_byte(folder, tmp_path):
    zoo.load(folder).save_pretrained(tmp_path / "model")
    name = "preprocessor_config.json"
    assert (tmp_path / "model" / name).read_bytes() == (folder / name).read_bytes()


def test_fit_takes_a_data_set_of_pictures_and_learns(folder):
    model = zoo.load(folder, labels=["dark", "light"])
    dark = [Image.fromarray(np.full((40, 40, 3), n, np.uint8)) for n in range(0, 80, 4)]
    light = [Image.fromarray(np.full((40, 40, 3), 255 - n, np.uint8)) for n in range(0, 80, 4)]
    model.compile()
    data = model.dataset(dark + light, ["dark"] * 20 + ["light"] * 20, batch_size=8)
    history = model.fit(data, epochs=6, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    with pytest.raises(ZooError, match="raw images"):
        model.fit(dark)


def test_a_task_that_images_do_not_have_is_refused(folder):
    with pytest.raises(ZooError, match="text-classification"):
        zoo.load(folder, task="text-classification")


def test_mixed_precision_is_close(folder):
    exact = zoo.load(folder).probabilities(pictures())
    mixed = zoo.load(folder, dtype="mixed_bfloat16").probabilities(pictures())
    np.testing.assert_allclose(mixed, exact, atol=0.03)


def test_timm_s_pictures_go_through_timm_s_preprocessing(tmp_path):
    torch.manual_seed(3)
    args = {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8]}
    told = randomise(timm.create_model("resnet18", num_classes=3, **args))
    saved(told, tmp_path, **args)
    config = json.loads((tmp_path / "config.json").read_text())
    config["label_names"] = ["n01", "n02", "n03"]
    config["label_descriptions"] = dict(zip(config["label_names"], LABELS, strict=True))
    (tmp_path / "config.json").write_text(json.dumps(config))
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(told))
    model = zoo.load(tmp_path)
    image = picture(250, 300)
    with torch.no_grad():
        scores = told(transform(image)[None]).softmax(-1).numpy()[0]
    ranked = model.classify(image, top_k=3)[0]
    info = timm.data.dataset_info.CustomDatasetInfo(config["label_names"], config["label_descriptions"])
    assert [entry["label"] for entry in ranked] == [info.index_to_description(n) for n in np.argsort(-scores)]
    np.testing.assert_allclose([entry["score"] for entry in ranked], sorted(scores, reverse=True), atol=1e-5)
