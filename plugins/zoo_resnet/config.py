"""ResNet's config: the fields of `config.json` that decide the maths.

Reference: transformers/models/resnet/configuration_resnet.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from zoo.nn import Config


@dataclass(frozen=True)
class ResNetConfig(Config):
    unsupported: ClassVar = {"quantization_config": (None,)}

    num_channels: int = 3
    embedding_size: int = 64
    hidden_sizes: list = field(default_factory=lambda: [256, 512, 1024, 2048])
    depths: list = field(default_factory=lambda: [3, 4, 6, 3])
    layer_type: str = "bottleneck"
    hidden_act: str = "relu"
    downsample_in_first_stage: bool = False
    downsample_in_bottleneck: bool = False  # v1 strides in the first 1x1 convolution, v1.5 in the 3x3

    def faults(self) -> list[str]:
        found = [
            f"{name} = {value} is not positive"
            for name, value in (("num_channels", self.num_channels), ("embedding_size", self.embedding_size))
            if value < 1
        ]
        sizes, depths = self.hidden_sizes, self.depths
        for name, values in (("hidden_sizes", sizes), ("depths", depths)):
            if not values or not all(type(n) is int and n > 0 for n in values):
                found.append(f"{name} = {values} is not a list of positive whole numbers")
        if len(sizes) != len(depths):
            found.append(f"hidden_sizes has {len(sizes)} stages and depths {len(depths)}")
        if self.layer_type not in ("basic", "bottleneck"):
            found.append(f"layer_type = {self.layer_type!r} is neither 'basic' nor 'bottleneck'")
        return found
