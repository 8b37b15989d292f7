"""From a picture to the pixels a network was trained on: resized, cropped and normalised."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from zoo.data.images import MOST_PIXELS, as_images, read_image
from zoo.errors import ZooError


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

    def __call__(self, raw: Any) -> dict[str, np.ndarray]:
        """A picture or several, of any kind that `read_image` takes, as the network's input."""
        pixels = [self.read(image) for image in as_images(raw)]
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
            width, height = _target(image, settings)
            if width * height > MOST_PIXELS:
                raise ZooError(
                    f"{name or 'The picture'} is {image.width} x {image.height}: resized to {height} pixels on one"
                    f" edge it would have {width} on the other."
                )
            if (width, height) != image.size:
                image = image.resize((width, height), settings.resample)
        if settings.size is not None and image.size != settings.size[::-1]:
            image = _cropped(image, settings)
        return image

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


def _target(image: Image.Image, settings: ImageSettings) -> tuple[int, int]:
    """Width and height to resize to."""
    assert settings.resize is not None
    height, width = settings.resize
    if settings.fit == "exact":
        return width, height
    if settings.fit == "shorter":
        short, long = sorted(image.size)
        other = int(height * long / short)
        return (height, other) if image.width <= image.height else (other, height)
    ratios = image.height / height, image.width / width
    ratio = max(ratios) if settings.fit == "inside" else min(ratios)
    return round(image.width / ratio), round(image.height / ratio)


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
