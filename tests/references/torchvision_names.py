"""The few names that timm imports from torchvision, for tests alone.

Of the transforms, those that timm's evaluation pipeline is made of do what torchvision documents, on PIL images;
every other name is an empty class.
"""

from __future__ import annotations

import enum
import types
from importlib.machinery import ModuleSpec

import numpy as np
import torch
from PIL import Image


class InterpolationMode(enum.Enum):
    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


def resize(image: Image.Image, size, interpolation=InterpolationMode.BILINEAR, **_) -> Image.Image:
    """To `(height, width)`, or the shorter edge to one number, the longer cut off to a whole number."""
    if isinstance(size, int):
        width, height = image.size
        short, long = min(width, height), max(width, height)
        if short == size:
            return image
        other = int(size * long / short)
        size = (other, size) if width <= height else (size, other)
    return image.resize(size[::-1], getattr(Image.Resampling, interpolation.name))


def crop(image: Image.Image, top: int, left: int, height: int, width: int) -> Image.Image:
    return image.crop((left, top, left + width, top + height))


def pad(image: Image.Image, padding, fill=0, padding_mode="constant") -> Image.Image:
    left, top, right, bottom = padding
    fill = tuple(fill) if isinstance(fill, list) else fill
    grown = Image.new(image.mode, (image.width + left + right, image.height + top + bottom), fill)
    grown.paste(image, (left, top))
    return grown


def center_crop(image: Image.Image, size) -> Image.Image:
    """Python's rounding of the half difference; an image that is too small gets a black border first."""
    height, width = (size, size) if isinstance(size, int) else size
    over_w, over_h = max(0, width - image.width), max(0, height - image.height)
    if over_w or over_h:
        image = pad(image, (over_w // 2, over_h // 2, (over_w + 1) // 2, (over_h + 1) // 2))
    top, left = round((image.height - height) / 2.0), round((image.width - width) / 2.0)
    return crop(image, top, left, height, width)


def to_tensor(image: Image.Image) -> torch.Tensor:
    return pil_to_tensor(image).to(torch.float32).div(255)


def pil_to_tensor(image: Image.Image) -> torch.Tensor:
    array = np.array(image)
    return torch.from_numpy(array.reshape(*array.shape[:2], -1).transpose(2, 0, 1).copy())


def get_dimensions(image: Image.Image) -> list[int]:
    return [len(image.getbands()), image.height, image.width]


class Compose:
    def __init__(self, steps) -> None:
        self.transforms = steps

    def __call__(self, image):
        for step in self.transforms:
            image = step(image)
        return image


class Resize:
    def __init__(self, size, interpolation=InterpolationMode.BILINEAR, **_) -> None:
        self.size, self.interpolation = size, interpolation

    def __call__(self, image):
        return resize(image, self.size, self.interpolation)


class CenterCrop:
    def __init__(self, size) -> None:
        self.size = size

    def __call__(self, image):
        return center_crop(image, self.size)


class ToTensor:
    def __call__(self, image):
        return to_tensor(image)


class Normalize:
    def __init__(self, mean, std, **_) -> None:
        self.mean, self.std = mean, std

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x.clone().sub_(self.mean[:, None, None]).div_(self.std[:, None, None])


class _Names(types.ModuleType):
    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        found = type(name, (), {})
        setattr(self, name, found)
        return found


def modules() -> dict[str, types.ModuleType]:
    """The modules to be found under torchvision's names."""
    functional = (resize, crop, pad, center_crop, to_tensor, pil_to_tensor, get_dimensions, InterpolationMode)
    known = {
        "torchvision.transforms": (Compose, Resize, CenterCrop, ToTensor, Normalize, InterpolationMode),
        "torchvision.transforms.functional": functional,
    }
    names = (
        "torchvision",
        "torchvision.datasets",
        "torchvision.models",
        "torchvision.models.feature_extraction",
        "torchvision.ops",
        "torchvision.ops.misc",
        "torchvision.transforms",
        "torchvision.transforms.functional",
        "torchvision.utils",
    )
    found: dict[str, types.ModuleType] = {}
    for name in names:
        module = _Names(name)
        module.__spec__ = ModuleSpec(name, None)
        module.__path__ = []
        for item in known.get(name, ()):
            setattr(module, item.__name__, item)
        found[name] = module
        parent, _, leaf = name.rpartition(".")
        if parent:
            setattr(found[parent], leaf, module)
    # timm subclasses it, or takes a layer for one: no layer of its models is.
    found["torchvision.ops.misc"].FrozenBatchNorm2d = type("FrozenBatchNorm2d", (torch.nn.Module,), {})
    return found
