"""ResNet's config: the fields of transformers' `config.json`, and what timm's names of architectures stand for.

References: transformers/models/resnet/configuration_resnet.py, timm/models/resnet.py and resnetv2.py
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from zoo.errors import Faults
from zoo.nn import Config, activation_name, inferred
from zoo.nn.timm_config import channels_of, check_pooling, table_of

EXPANSION = 4  # a bottleneck's inner convolutions have this many times fewer channels than it gives

_DEPTHS = {
    10: [1, 1, 1, 1],
    14: [1, 1, 1, 1],
    18: [2, 2, 2, 2],
    26: [2, 2, 2, 2],
    34: [3, 4, 6, 3],
    50: [3, 4, 6, 3],
    101: [3, 4, 23, 3],
    152: [3, 8, 36, 3],
    200: [3, 24, 36, 3],
}
_BASIC = (10, 18, 34)
# The letter behind the number: the channels of the stem's first two 3x3 convolutions, those of its third, and
# whether a shortcut averages before it strides ("Bag of Tricks", https://arxiv.org/abs/1812.01187).
_STEMS = {
    "": (0, 0, 64, False),
    "c": (32, 32, 64, False),
    "d": (32, 32, 64, True),
    "s": (64, 64, 128, False),
    "t": (24, 32, 64, True),
}
_NAME = re.compile(
    r"(?P<wide>wide_)?(?P<family>resnet|resnext|resnetv2_)(?P<layers>\d+)(?P<letter>[cdst]?)"
    r"(_(?P<factor>\d+)|_(?P<cardinality>\d+)x(?P<width>\d+)d)?"
)
_WHOLE = {"cardinality", "base_width", "stem_width", "stem_chs"}
_HARMLESS = {"num_classes", "in_chans", "zero_init_last", "global_pool"}


@dataclass(frozen=True)
class ResNetConfig(Config):
    unsupported: ClassVar = {"quantization_config": (None,)}

    num_channels: int = 3
    embedding_size: int = 64
    hidden_sizes: list = field(default_factory=lambda: [256, 512, 1024, 2048])
    depths: list = field(default_factory=lambda: [3, 4, 6, 3])
    layer_type: str = "bottleneck"
    hidden_act: str = activation_name("relu")
    downsample_in_first_stage: bool = False
    downsample_in_bottleneck: bool = False  # v1 strides in the first 1x1 convolution, v1.5 in the 3x3
    # What only timm's architectures have.
    # Channels of two 3x3 convolutions, after which a third stands in place of the 7x7; 0 where there are none.
    first_stem: int = inferred(0)
    second_stem: int = inferred(0)
    average_down: bool = inferred(False)
    cardinality: int = inferred(1)
    base_width: int = inferred(64)
    pre_activation: bool = inferred(False)  # v2: https://arxiv.org/abs/1603.05027
    drop_rate: float = inferred(0.0)  # of the pooled features
    drop_path_rate: float = inferred(0.0)  # of the last block; from none at the first, in equal steps

    @classmethod
    def fields_of(cls, source: Mapping[str, Any], faults: Faults) -> Mapping[str, Any]:
        return _timm_fields(source, faults) if "architecture" in source else source

    def faults(self) -> list[str]:
        found = [
            f"{name} = {value} is not positive"
            for name, value in (
                ("num_channels", self.num_channels),
                ("embedding_size", self.embedding_size),
                ("cardinality", self.cardinality),
                ("base_width", self.base_width),
            )
            if value < 1
        ]
        sizes, depths = self.hidden_sizes, self.depths
        for name, values in (("hidden_sizes", sizes), ("depths", depths)):
            if not values or not all(type(n) is int and n > 0 for n in values):
                found.append(f"{name} = {values} is not a list of positive whole numbers")
        for name in ("drop_rate", "drop_path_rate"):
            if not 0 <= getattr(self, name) < 1:
                found.append(f"{name} = {getattr(self, name)} is not in [0, 1)")
        if len(sizes) != len(depths):
            found.append(f"hidden_sizes has {len(sizes)} stages and depths {len(depths)}")
        if self.layer_type not in ("basic", "bottleneck"):
            found.append(f"layer_type = {self.layer_type!r} is neither 'basic' nor 'bottleneck'")
        return found


def _timm_fields(source: Mapping[str, Any], faults: Faults) -> Mapping[str, Any]:
    """What timm's `architecture`, `model_args` and `pretrained_cfg` say, in this config's fields."""
    name = str(source["architecture"])
    found = _NAME.fullmatch(name)
    depth = int(found["layers"]) if found else 0
    if not found or depth not in _DEPTHS:
        faults.add(f"architecture = '{name}' is none of the ResNets that zoo knows")
        return {}
    args = table_of(source, "model_args", faults)
    check_pooling(source, args, faults)
    first, second, width, averages = _STEMS[found["letter"]]
    sizes = [64, 128, 256, 512]
    basic = depth in _BASIC
    fields: dict[str, Any] = {
        "num_channels": channels_of(source, args, faults),
        "embedding_size": width,
        "hidden_sizes": sizes if basic else [size * EXPANSION for size in sizes],
        "depths": _DEPTHS[depth],
        "layer_type": "basic" if basic else "bottleneck",
        "first_stem": first,
        "second_stem": second,
        "average_down": averages,
        "cardinality": int(found["cardinality"] or 1),
        "base_width": int(found["width"] or (64 * int(found["factor"] or 1))),
        "pre_activation": found["family"] == "resnetv2_",
    }
    if bool(found["wide"]) != bool(found["factor"]) or (found["family"] == "resnext") != bool(found["width"]):
        faults.add(f"architecture = '{name}' is none of the ResNets that zoo knows")
    return fields | _arguments(args, fields, faults)


def _arguments(args: Mapping[str, Any], fields: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """timm's `model_args`, which change what the architecture's name says."""
    changed: dict[str, Any] = {}
    for key, value in args.items():
        if needed := _needed(key, value):
            faults.add(f"model_args.{key} = {value!r} is not {needed}")
            continue
        match key:
            case "layers":
                changed["depths"] = value
            case "channels":
                whole = fields["pre_activation"] or fields["layer_type"] == "basic"
                changed["hidden_sizes"] = value if whole else [size * EXPANSION for size in value]
            case "avg_down":
                changed["average_down"] = value
            case "cardinality" | "base_width" | "drop_rate" | "drop_path_rate":
                changed[key] = value
            case "stem_width" if fields["first_stem"]:
                first = 3 * (value // 4) if fields["first_stem"] != fields["second_stem"] else value
                changed |= {"first_stem": first, "second_stem": value, "embedding_size": 2 * value}
            case "stem_chs" if fields["pre_activation"] and not fields["first_stem"]:
                changed["embedding_size"] = value
            case _ if key not in _HARMLESS:
                faults.add(f"model_args.{key} = {value!r} is not supported")
    return changed


def _needed(key: str, value: Any) -> str:
    """What an argument that is computed with has to be, where it is something else."""
    if key in _WHOLE and not isinstance(value, int):
        return "a whole number"
    if key == "channels" and not (isinstance(value, list) and all(isinstance(n, int) for n in value)):
        return "a list of whole numbers"
    return ""
