"""Training pictures, changed another way every time: cropped, mirrored, recoloured, distorted, erased in part.

Random resized crop: https://arxiv.org/abs/1409.4842, section 6; RandAugment: https://arxiv.org/abs/1909.13719;
random erasing: https://arxiv.org/abs/1708.04896.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from zoo.data.images import read_image
from zoo.data.preprocessing import ImagePreprocessor

_RATIO = (3 / 4, 4 / 3)
_ERASED, _ERASED_RATIO = (0.02, 1 / 3), (0.3, 1 / 0.3)
_TRIES = 10
_MARGIN = 2  # how much larger than needed a decoder leaves a picture; Pillow's thumbnails do the same


@dataclass(frozen=True)
class Augmentation:
    """How a picture is changed.

    Args:
        crop: the smallest share of the area that a random crop keeps; 1 crops as at evaluation.
        flip: how often it is mirrored.
        jitter: how far brightness, contrast and colour go up and down.
        randaugment, magnitude: how many operations of RandAugment are applied, and how strongly, 0 to 10.
        erase: how often a rectangle is filled with noise.
    """

    crop: float = 0.35
    flip: float = 0.5
    jitter: float = 0.0
    randaugment: int = 0
    magnitude: float = 9.0
    erase: float = 0.0

    def apply(
        self, raw: Any, preprocess: ImagePreprocessor, rng: np.random.Generator, name: str = ""
    ) -> np.ndarray:
        """The picture changed, of the network's size, `(height, width, channels)` uint8, as `rng` decides."""
        image = self._cropped(raw, preprocess, rng, name)
        if rng.random() < self.flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self.jitter:
            image = _jittered(image, self.jitter, rng)
        for _ in range(self.randaugment):
            operation = _OPERATIONS[rng.integers(len(_OPERATIONS))]
            image = operation(image, self.magnitude / 10, rng)
        array = np.array(image).reshape(image.height, image.width, -1)
        return _erased(array, rng) if rng.random() < self.erase else array

    def _cropped(self, raw: Any, preprocess: ImagePreprocessor, rng: np.random.Generator, name: str) -> Image.Image:
        size = preprocess.settings.size
        if self.crop >= 1 or size is None:
            return preprocess.fitted(raw, name)
        draws = rng.random((_TRIES, 4))

        def shrink(whole: tuple[int, int]) -> float:
            _, _, width, height = _box(whole, self.crop, draws)
            return min(width / size[1], height / size[0]) / _MARGIN

        image = read_image(raw, channels=preprocess.channels, name=name, shrink=shrink)
        left, top, width, height = _box(image.size, self.crop, draws)
        box = (left, top, left + width, top + height)
        return image.resize((size[1], size[0]), preprocess.settings.resample, box=box)


def _box(whole: tuple[int, int], least: float, draws: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, width and height of a random part; by shares of the whole, so that it scales with it."""
    width, height = whole
    for area, ratio, across, down in draws:
        pixels = width * height * (least + (1 - least) * area)
        shape = math.exp(math.log(_RATIO[0]) + (math.log(_RATIO[1]) - math.log(_RATIO[0])) * ratio)
        w, h = math.sqrt(pixels * shape), math.sqrt(pixels / shape)
        if w <= width and h <= height:
            return across * (width - w), down * (height - h), w, h
    w, h = min(width, height * _RATIO[1]), min(height, width / _RATIO[0])  # the middle, of a bearable shape
    return (width - w) / 2, (height - h) / 2, w, h


def _jittered(image: Image.Image, reach: float, rng: np.random.Generator) -> Image.Image:
    for n in rng.permutation(len(_ENHANCERS)):
        image = _ENHANCERS[n](image).enhance(rng.uniform(max(0.0, 1 - reach), 1 + reach))
    return image


def _erased(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = array.shape[:2]
    for _ in range(_TRIES):
        pixels = height * width * rng.uniform(*_ERASED)
        shape = math.exp(rng.uniform(*np.log(_ERASED_RATIO)))
        h, w = round(math.sqrt(pixels * shape)), round(math.sqrt(pixels / shape))
        if h < height and w < width:
            top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
            array[top : top + h, left : left + w] = rng.integers(0, 256, (h, w, array.shape[2]), np.uint8)
            break
    return array


_ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
Operation = Callable[[Image.Image, float, np.random.Generator], Image.Image]


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def _enhanced(enhancer: Any) -> Operation:
    return lambda image, strength, rng: enhancer(image).enhance(1 + 0.9 * strength * _sign(rng))


def _moved(coefficients: Callable[[Image.Image, float], tuple[float, ...]]) -> Operation:
    """An affine change of place; what comes in from outside is grey."""

    def apply(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
        grey = 128 if image.mode == "L" else (128, 128, 128)
        data = coefficients(image, strength * _sign(rng))
        return image.transform(image.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR, fillcolor=grey)

    return apply


def _rotated(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    grey = 128 if image.mode == "L" else (128, 128, 128)
    return image.rotate(30 * strength * _sign(rng), Image.Resampling.BILINEAR, fillcolor=grey)


# The paper's operations and ranges; 0.45 of the edge is how far timm moves a picture.
_OPERATIONS: tuple[Operation, ...] = (
    lambda image, strength, rng: image,
    lambda image, strength, rng: ImageOps.autocontrast(image),
    lambda image, strength, rng: ImageOps.equalize(image),
    lambda image, strength, rng: ImageOps.posterize(image, 8 - round(4 * strength)),
    lambda image, strength, rng: ImageOps.solarize(image, round(256 * (1 - strength))),
    _enhanced(ImageEnhance.Color),
    _enhanced(ImageEnhance.Contrast),
    _enhanced(ImageEnhance.Brightness),
    _enhanced(ImageEnhance.Sharpness),
    _rotated,
    _moved(lambda image, s: (1, 0.3 * s, 0, 0, 1, 0)),
    _moved(lambda image, s: (1, 0, 0, 0.3 * s, 1, 0)),
    _moved(lambda image, s: (1, 0, 0.45 * s * image.width, 0, 1, 0)),
    _moved(lambda image, s: (1, 0, 0, 0, 1, 0.45 * s * image.height)),
)
