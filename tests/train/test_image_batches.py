"""Batches of pictures: each the same from the stream and alone, mixed by the papers' formulas, damage left out."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from zoo.data.augment import Augmentation
from zoo.data.preprocessing import ImagePreprocessor, ImageSettings
from zoo.errors import RunError
from zoo.train.image_batches import ImageBatches
from zoo.train.mixing import Mixing
from zoo.train.order import Order


def batches(pictures, **changes):
    images = sorted(str(path) for path in (pictures / "train").rglob("*.*"))
    preprocess = ImagePreprocessor(ImageSettings(size=(16, 16), resize=(16, 16), fit="exact"))
    settings = {
        "order": Order(len(images), 8, 2, seed=3),
        "images": images,
        "targets": np.arange(len(images), dtype=np.int32) % 3,
        "preprocess": preprocess,
        "augment": Augmentation(randaugment=1),
        "mixup": 0.4,
        "cutmix": 1.0,
    } | changes
    return ImageBatches(**settings)


def test_batch_k_is_the_same_from_the_stream_and_alone(pictures):
    made = batches(pictures)
    streamed = list(made.stream())
    assert len(streamed) == len(made) == 10
    for k in (0, 4, 9):
        for one, other in zip(jax.tree.leaves(streamed[k]), jax.tree.leaves(made.batch(k)), strict=True):
            np.testing.assert_array_equal(one, other)
    for late, whole in zip(made.stream(7), streamed[7:], strict=True):
        for one, other in zip(jax.tree.leaves(late), jax.tree.leaves(whole), strict=True):
            np.testing.assert_array_equal(one, other)
    assert streamed[4][2].tolist() == [1] * 4 + [0] * 4  # 36 pictures in batches of 8
    assert not np.array_equal(
        streamed[0][0]["pixels"], batches(pictures, order=Order(36, 8, 2, seed=4)).batch(0)[0]["pixels"]
    )


def test_mixing_is_the_formula_of_the_papers(pictures):
    made = batches(pictures)
    mixing = Mixing(made.preprocess, 3)
    kinds = set()
    for k in range(len(made)):
        arrays, targets, _ = made.batch(k)
        ours, shares = mixing(arrays, targets)
        pixels = made.preprocess.normalised(arrays["pixels"])
        others = pixels[arrays["partner"]]
        top, bottom, left, right = arrays["box"]
        expected = pixels.copy()
        if bottom > top:
            kinds.add("cutmix")
            expected[:, top:bottom, left:right] = others[:, top:bottom, left:right]
            assert arrays["kept"] == pytest.approx(1 - (bottom - top) * (right - left) / 256)
        else:
            kinds.add("mixup")
            expected = arrays["kept"] * pixels + (1 - arrays["kept"]) * others
        np.testing.assert_allclose(ours["pixel_values"], expected, atol=1e-5)
        one_hot = np.eye(3)[targets]
        np.testing.assert_allclose(
            shares, arrays["kept"] * one_hot + (1 - arrays["kept"]) * one_hot[arrays["partner"]], atol=1e-6
        )
    assert kinds == {"mixup", "cutmix"}


def test_places_that_lack_a_picture_hold_others_that_nobody_is_mixed_with(pictures):
    made = batches(pictures)
    arrays, _, weights = made.batch(4)
    counted = np.flatnonzero(weights)

    assert len(counted) == 4
    np.testing.assert_array_equal(arrays["pixels"][4:], arrays["pixels"][:4])
    assert sorted(arrays["partner"][counted]) == counted.tolist()


def test_a_batch_of_damaged_pictures_alone_holds_others_that_do_not_count(pictures, tmp_path):
    (tmp_path / "torn.png").write_bytes(b"torn")
    images = [*sorted(map(str, (pictures / "train").rglob("*.png")))[:2], str(tmp_path / "torn.png")]
    alone = {"order": Order(3, 1, 2, seed=3), "faulty": "skip", "targets": np.zeros(3, np.int32)}
    made = batches(pictures, images=images, **alone)
    for k in range(6):
        arrays, _, weights = made.batch(k)
        assert weights.tolist() == [int(made.members(k)[0] != 2)]
        assert arrays["pixels"].any()
    assert made.skipped == {2}
    with pytest.raises(RunError, match="None of the training pictures can be read"):
        batches(pictures, images=[str(tmp_path / "torn.png")] * 3, **alone).batch(0)


def test_without_mixing_the_device_normalises_as_the_host_does(pictures):
    made = batches(pictures, mixup=0.0, cutmix=0.0)
    arrays, targets, _ = made.batch(1)
    ours, shares = Mixing(made.preprocess, 3)(arrays, targets)
    np.testing.assert_allclose(ours["pixel_values"], made.preprocess.normalised(arrays["pixels"]), atol=1e-5)
    np.testing.assert_array_equal(shares, np.eye(3)[targets])
