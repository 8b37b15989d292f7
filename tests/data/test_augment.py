"""Augmented pictures: the same for the same numbers, within bounds, each operation doing what it is named for."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from tests.data.pictures import picture
from tests.suite.properties import examples
from zoo.data.augment import _OPERATIONS, Augmentation, _box
from zoo.data.preprocessing import ImagePreprocessor, ImageSettings

PREPROCESS = ImagePreprocessor(ImageSettings(size=(24, 32), resize=(24, 32), fit="exact"))
ALL = Augmentation(crop=0.2, flip=0.5, jitter=0.4, randaugment=3, magnitude=9, erase=0.5)


def changed(augment, seed, image=None, preprocess=PREPROCESS):
    return augment.apply(image or picture(60, 50), preprocess, np.random.default_rng(seed))


def test_the_same_numbers_give_the_same_picture_and_others_another():
    assert len({changed(ALL, seed).tobytes() for seed in range(20)}) == 20
    np.testing.assert_array_equal(changed(ALL, 3), changed(ALL, 3))


def test_with_everything_off_it_is_the_picture_of_an_evaluation():
    plain = Augmentation(crop=1, flip=0)
    np.testing.assert_array_equal(changed(plain, 0), np.asarray(PREPROCESS.fitted(picture(60, 50))))


def test_a_mirror_is_a_mirror():
    always = changed(Augmentation(crop=1, flip=1), 0)
    np.testing.assert_array_equal(always[:, ::-1], np.asarray(PREPROCESS.fitted(picture(60, 50))))


@settings(max_examples=examples(200), deadline=None)
@given(width=st.integers(1, 500), height=st.integers(1, 500), least=st.floats(0.01, 1), seed=st.integers(0, 999))
def test_a_crop_lies_within_the_picture_and_keeps_its_share(width, height, least, seed):
    draws = np.random.default_rng(seed).random((10, 4))
    left, top, w, h = _box((width, height), least, draws)
    assert left >= 0
    assert top >= 0
    assert left + w <= width + 1e-6
    assert top + h <= height + 1e-6
    if not (w == width or h == height):
        assert w * h >= least * width * height * 0.999
        assert 0.74 < w / h < 1.34


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same():
    image = picture(800, 600).filter(ImageFilter.GaussianBlur(3))  # noise is what a smaller decoding loses
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    preprocess = ImagePreprocessor(ImageSettings(size=(64, 64), resize=(64, 64)))
    augment = Augmentation(crop=0.9, flip=0)
    small = augment.apply(buffer.getvalue(), preprocess, np.random.default_rng(1))
    whole = augment.apply(Image.open(buffer).convert("RGB"), preprocess, np.random.default_rng(1))
    assert np.abs(small.astype(int) - whole).mean() < 2


@pytest.mark.parametrize("channels", [1, 3])
def test_every_operation_keeps_size_and_kind(channels):
    image = picture(20, 30, mode="L" if channels == 1 else "RGB")
    for operation in _OPERATIONS:
        for strength in (0.0, 0.5, 1.0):
            found = operation(image, strength, np.random.default_rng(0))
            assert (found.size, found.mode) == (image.size, image.mode)


def test_erasing_changes_a_rectangle_and_nothing_else():
    before, after = changed(Augmentation(crop=1, flip=0), 5), changed(Augmentation(crop=1, flip=0, erase=1), 5)
    rows, columns = np.nonzero((before != after).any(-1))
    share = (np.ptp(rows) + 1) * (np.ptp(columns) + 1) / before[..., 0].size
    assert 0.01 < share < 0.4


def test_grey_networks_get_one_channel():
    preprocess = ImagePreprocessor(ImageSettings(size=(8, 8), resize=(8, 8)), channels=1)
    assert changed(ALL, 0, preprocess=preprocess).shape == (8, 8, 1)
