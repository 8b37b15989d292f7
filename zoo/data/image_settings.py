"""How a checkpoint says that its pictures are to be prepared: timm's way and transformers'.

References: timm/data/config.py and transforms_factory.py (`transforms_imagenet_eval`); transformers' image
processors with Pillow
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PIL import Image

from zoo.data.preprocessing import ImagePreprocessor, ImageSettings
from zoo.errors import ZooError, some
from zoo.hub.description import pretrained_of
from zoo.hub.files import Files

PREPROCESSOR = "preprocessor_config.json"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet: what timm takes for granted
_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}


def image_preprocessor(files: Files, config: Any) -> ImagePreprocessor | None:
    """The preprocessing that a checkpoint's files state; None where they state none.

    transformers keeps it in `preprocessor_config.json`, timm in `pretrained_cfg` of `config.json`, where it takes
    ImageNet's for what is not said.

    Raises a ZooError where they ask for something that zoo does not do.
    """
    channels = config.num_channels
    if PREPROCESSOR in files:
        settings = _of_transformers(files.mapping(PREPROCESSOR), files.origin)
        return ImagePreprocessor(settings, channels, {PREPROCESSOR: files.path(PREPROCESSOR).read_bytes()})
    pretrained = pretrained_of(config.source)
    return ImagePreprocessor(_of_timm(pretrained, files.origin), channels) if pretrained else None


def _of_timm(source: Mapping[str, Any], origin: str) -> ImageSettings:
    try:
        _, height, width = (int(n) for n in source.get("input_size") or (3, 224, 224))
        share = float(source.get("crop_pct") or 0.875)
        mean, std = (_floats(source.get(key) or default) for key, default in (("mean", _MEAN), ("std", _STD)))
        size, resize = (height, width), (math.floor(height / share), math.floor(width / share))
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ZooError(f"pretrained_cfg of {origin} does not describe a preprocessing.", why=str(error)) from error
    interpolation, mode = source.get("interpolation") or "bicubic", source.get("crop_mode") or "center"
    if interpolation not in _RESAMPLING or mode not in ("center", "squash", "border"):
        raise ZooError(
            f"{origin} is preprocessed in a way that zoo does not know.",
            why=f"input_size {source.get('input_size')}, crop_mode '{mode}', interpolation '{interpolation}'",
            fix=f"zoo knows the modes center, squash and border, and {some(_RESAMPLING)}.",
        )
    fit = {"squash": "exact", "border": "inside", "center": "shorter" if resize[0] == resize[1] else "outside"}[
        mode
    ]
    fill = tuple(round(255 * value) for value in mean) if mode == "border" else (0,) * len(mean)
    return ImageSettings(size, resize, fit, _RESAMPLING[interpolation], mean=mean, std=std, fill=fill)


def _of_transformers(source: Mapping[str, Any], origin: str) -> ImageSettings:
    kind = str(source.get("image_processor_type") or source.get("feature_extractor_type") or "")
    kind = kind.removesuffix("Fast").removesuffix("ImageProcessor").removesuffix("FeatureExtractor")
    if kind not in _DEFAULTS:
        raise ZooError(
            f"{origin} is preprocessed by '{kind}', which zoo does not know.",
            why=f"{PREPROCESSOR}; zoo knows {some(sorted(_DEFAULTS))}",
        )
    told = {**_DEFAULTS[kind], **{key: value for key, value in source.items() if value is not None}}
    try:
        return _settings(kind, told)
    except (TypeError, ValueError, KeyError, ZeroDivisionError) as error:
        raise ZooError(f"{PREPROCESSOR} of {origin} does not describe a preprocessing.", why=repr(error)) from error


def _settings(kind: str, told: Mapping[str, Any]) -> ImageSettings:
    size, resize, fit = None, None, "exact"
    if told["do_resize"]:
        edge, resize = _edges(told["size"], kind in _BY_SHORTER_EDGE)
        fit = "exact" if edge is None else "shorter"
        if kind == "ConvNext":  # below 384 a margin is cut off; from there on the picture is squashed
            assert edge is not None
            size, resize = (edge, edge), (edge, edge)
            fit = "shorter" if edge < 384 else "exact"
            if fit == "shorter":
                edge = int(edge / told["crop_pct"])
                resize = (edge, edge)
        elif edge is None:
            size = resize
    if told["do_center_crop"]:
        size = _edges(told["crop_size"], False)[1]
    plain = not told["do_normalize"]
    std = _floats(told["image_std"])
    return ImageSettings(
        size,
        resize,
        fit,
        int(told["resample"]),
        crop_down=True,
        scale=float(told["rescale_factor"]) if told["do_rescale"] else 1.0,
        offset=-1.0 if told.get("rescale_offset") else 0.0,
        mean=(0.0,) if plain else _floats(told["image_mean"]),
        std=(1.0,) if plain else std,
        divisor=std if told.get("include_top") else (1.0,),
    )


def _edges(size: Any, by_shorter: bool) -> tuple[int | None, tuple[int, int]]:
    """The shorter edge where that is what is told, and height and width."""
    if isinstance(size, Mapping):
        size = size["shortest_edge"] if "shortest_edge" in size else (size["height"], size["width"])
    elif not by_shorter and not isinstance(size, list | tuple):
        size = (size, size)
    if isinstance(size, int):
        return size, (size, size)
    height, width = size
    return None, (int(height), int(width))


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in (values if isinstance(values, list | tuple) else [values]))


_COMMON = {
    "do_resize": True,
    "do_center_crop": False,
    "do_rescale": True,
    "do_normalize": True,
    "rescale_factor": 1 / 255,
    "resample": Image.Resampling.BICUBIC,
    "image_mean": (0.5, 0.5, 0.5),
    "image_std": (0.5, 0.5, 0.5),
}
_CLIP = {"image_mean": (0.48145466, 0.4578275, 0.40821073), "image_std": (0.26862954, 0.26130258, 0.27577711)}
# What transformers takes for granted, by the processor's name without its ending.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "Bit": {
        **_COMMON,
        **_CLIP,
        "size": {"shortest_edge": 224},
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
    },
    "ConvNext": {
        **_COMMON,
        "size": {"shortest_edge": 384},
        "crop_pct": 224 / 256,
    },
    "EfficientNet": {
        **_COMMON,
        "size": {"height": 346, "width": 346},
        "crop_size": {"height": 289, "width": 289},
        "include_top": True,
    },
    "ViT": {**_COMMON, "resample": Image.Resampling.BILINEAR, "size": {"height": 224, "width": 224}},
}
_BY_SHORTER_EDGE = ("Bit", "ConvNext")  # a plain number is the shorter edge
