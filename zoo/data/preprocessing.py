"""From a picture to the pixels a network was trained on: resized, cropped and normalised."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from zoo.data.images import MOST_PIXELS, as_images, read_image
from zoo.errors import ZooError

_LEAST_SEEN = 0.01
"""Of pictures of which an evaluation sees less, nothing can be said."""


@dataclass(frozen=True)
class ImageSettings:
    """How a picture becomes the network's input.

    Args:
        size: `(height, width)` of what the network gets; None where pictures keep theirs.
        resize: `(height, width)` to scale to before the crop; None to leave it.
        fit: how: "exact" to those edges, "shorter" by the shorter edge, "inside" or "outside" of them.
        resample: Pillow's filter.
        crop_down: round half a pixel at the crop's corner down, as transformers does, not to even, as timm does.
        scale, offset: numbers from 0 to 255 become `x * scale + offset`,
        mean, std: then `(x - mean) / std` by channel,
        divisor: then divided by this once more.
        fill: the grey or colour, 0 to 255, around a picture that is smaller than the crop.
    """

    size: tuple[int, int] | None
    resize: tuple[int, int] | None
    fit: str = "shorter"
    resample: int = Image.Resampling.BICUBIC
    crop_down: bool = False
    scale: float = 1 / 255
    offset: float = 0.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    divisor: tuple[float, ...] = (1.0,)
    fill: tuple[int, ...] = (0, 0, 0)


class ImagePreprocessor:
    """Pictures into `pixel_values` `(batch, height, width, channels)` float32.

    Args:
        settings: how.
        channels: 3, or 1 for networks of grey pictures.
        files: the checkpoint's files that say so, to be written beside the weights again.
    """

    def __init__(
        self, settings: ImageSettings, channels: int = 3, files: Mapping[str, bytes] | None = None
    ) -> None:
        self.settings, self.channels = settings, channels
        self.files = dict(files or {})

    def __call__(self, raw: Any, *, allow_urls: bool = False) -> dict[str, np.ndarray]:
        """A picture or several, of any kind that `read_image` takes, as the network's input.

        Args:
            allow_urls: fetch pictures that are given as URLs.
        """
        pixels = [self.read(image) for image in as_images(raw, allow_urls=allow_urls)]
        if not pixels:
            raise ZooError("There is no picture to prepare.", fix="Give one, or a list with one in it.")
        if len({image.shape for image in pixels}) > 1:
            raise ZooError(
                "The pictures have different sizes, and the checkpoint says to leave them as they are.",
                fix="Give them one by one.",
            )
        return {"pixel_values": np.stack(pixels)}

    def fitted(self, raw: Any, name: str = "") -> Image.Image:
        """The picture resized and cropped, still of 8 bits. Raises a ZooError that names it."""
        image = read_image(raw, channels=self.channels, name=name)
        settings = self.settings
        if settings.resize is not None:
            target = _target(*image.size, settings)
            if fault := _misfit(target):
                raise ZooError(f"{name or 'The picture'} is {image.width} x {image.height}: {fault}.")
            if target != image.size:
                image = image.resize(target, settings.resample)
        if settings.size is not None and image.size != settings.size[::-1]:
            image = _cropped(image, settings)
        return image

    def fault_of(self, width: int, height: int) -> str:
        """Why a picture of that size is nothing to judge by: it cannot be resized, or hardly any of it is seen."""
        target = (width, height) if self.settings.resize is None else _target(width, height, self.settings)
        if fault := _misfit(target):
            return fault
        size = target if self.settings.size is None else self.settings.size[::-1]
        seen = math.prod(min(1.0, edge / of) for edge, of in zip(size, target, strict=True))
        return f"the crop of an evaluation shows {seen:.1%} of it" if seen < _LEAST_SEEN else ""

    def read(self, raw: Any, name: str = "") -> np.ndarray:
        """The normalised pixels `(height, width, channels)` float32 of one picture."""
        image = self.fitted(raw, name)
        return self.normalised(np.asarray(image).reshape(image.height, image.width, -1))

    def normalised(self, array: np.ndarray) -> np.ndarray:
        """`(..., channels)` uint8 as float32 of the network's scale; by a table, as there are 256 values only."""
        table = self._table
        return np.stack([table[c][array[..., c]] for c in range(array.shape[-1])], axis=-1)

    @functools.cached_property
    def _table(self) -> np.ndarray:
        """What each of the values 0 to 255 becomes, `(channels, 256)`."""
        s = self.settings
        values = (np.arange(256, dtype=np.float64) * s.scale).astype(np.float32) + np.float32(s.offset)
        mean, std, divisor = (_by_channel(x, self.channels) for x in (s.mean, s.std, s.divisor))
        return (values - mean) / std / divisor


def _by_channel(values: tuple[float, ...], channels: int) -> np.ndarray:
    array = np.array(values, np.float32)
    if len(array) not in (1, channels):
        raise ZooError(f"The preprocessing names {len(array)} channels, and the network takes {channels}.")
    return np.broadcast_to(array, (channels,))[:, None]


def _misfit(target: tuple[int, int]) -> str:
    """Why no picture can be resized to that width and height; empty where one can."""
    if 0 < math.prod(target) <= MOST_PIXELS:
        return ""
    return f"resized to {min(target)} pixels on one edge it would have {max(target):,} on the other"


def _target(image_width: int, image_height: int, settings: ImageSettings) -> tuple[int, int]:
    """Width and height to resize to."""
    assert settings.resize is not None
    height, width = settings.resize
    if settings.fit == "exact":
        return width, height
    if settings.fit == "shorter":
        short, long = sorted((image_width, image_height))
        other = int(height * long / short)
        return (height, other) if image_width <= image_height else (other, height)
    ratios = image_height / height, image_width / width
    ratio = max(ratios) if settings.fit == "inside" else min(ratios)
    return round(image_width / ratio), round(image_height / ratio)


def _cropped(image: Image.Image, settings: ImageSettings) -> Image.Image:
    """The middle of an image, on a plain ground where it is too small."""
    assert settings.size is not None
    height, width = settings.size
    over = max(0, width - image.width), max(0, height - image.height)
    if any(over):
        # Where half a pixel is over, transformers leaves it before the picture and timm behind it.
        left, top = ((n + 1) // 2 if settings.crop_down else n // 2 for n in over)
        ground = Image.new(image.mode, (image.width + over[0], image.height + over[1]), _ground(image, settings))
        ground.paste(image, (left, top))
        image = ground
    left, top = image.width - width, image.height - height
    left, top = (left // 2, top // 2) if settings.crop_down else (round(left / 2), round(top / 2))
    return image.crop((left, top, left + width, top + height))


def _ground(image: Image.Image, settings: ImageSettings) -> Any:
    return settings.fill[0] if image.mode == "L" else settings.fill
