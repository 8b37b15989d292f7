"""EfficientNet's config: the fields of transformers' `config.json`, or the name of one of timm's architectures.

Reference: transformers/models/efficientnet/configuration_efficientnet.py
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from zoo.errors import Faults
from zoo.nn import Config, activation_name, inferred
from zoo_efficientnet.plan import Plan
from zoo_efficientnet.timm_plans import timm_fields, timm_plan
from zoo_efficientnet.transformers_plan import transformers_plan

_PER_STAGE = ("kernel_sizes", "in_channels", "out_channels", "strides", "num_block_repeats", "expand_ratios")


@dataclass(frozen=True)
class EfficientNetConfig(Config):
    unsupported: ClassVar = {"quantization_config": (None,)}

    num_channels: int = 3
    width_coefficient: float = 2.0
    depth_coefficient: float = 3.1
    depth_divisor: int = 8
    kernel_sizes: list = field(default_factory=lambda: [3, 3, 5, 3, 5, 5, 3])
    in_channels: list = field(default_factory=lambda: [32, 16, 24, 40, 80, 112, 192])
    out_channels: list = field(default_factory=lambda: [16, 24, 40, 80, 112, 192, 320])
    depthwise_padding: list = field(default_factory=list)  # numbers of the blocks that pad on every side
    strides: list = field(default_factory=lambda: [1, 2, 2, 2, 1, 2, 1])
    num_block_repeats: list = field(default_factory=lambda: [1, 2, 2, 3, 3, 4, 1])
    expand_ratios: list = field(default_factory=lambda: [1, 6, 6, 6, 6, 6, 6])
    squeeze_expansion_ratio: float = 0.25
    hidden_act: str = activation_name("swish")
    hidden_dim: int = 2560
    pooling_type: str = "mean"
    batch_norm_eps: float = 0.001
    batch_norm_momentum: float = 0.99
    dropout_rate: float = 0.5
    drop_connect_rate: float = 0.2
    variant: str = inferred("")  # timm's name of the architecture; with it, the fields above mean nothing

    @classmethod
    def fields_of(cls, source: Mapping[str, Any], faults: Faults) -> Mapping[str, Any]:
        return timm_fields(source, faults) if "architecture" in source else source

    @functools.cached_property
    def plan(self) -> Plan:
        if self.variant:
            return timm_plan(self.variant, self.dropout_rate, self.drop_connect_rate)
        return transformers_plan(self)

    def faults(self) -> list[str]:
        if self.num_channels < 1:
            return [f"num_channels = {self.num_channels} is not positive"]
        timm = bool(self.variant)
        rates = {
            "drop_rate" if timm else "dropout_rate": self.dropout_rate,
            "drop_path_rate" if timm else "drop_connect_rate": self.drop_connect_rate,
        }
        found = [f"{name} = {rate} is not in [0, 1)" for name, rate in rates.items() if not 0 <= rate < 1]
        if timm:
            return found
        found += [
            f"{name} = {getattr(self, name)} is not positive"
            for name in ("width_coefficient", "depth_coefficient", "depth_divisor", "hidden_dim")
            if getattr(self, name) <= 0
        ]
        found += [
            f"{name} = {values} is not a list of positive whole numbers"
            for name in _PER_STAGE
            if not (values := getattr(self, name)) or not all(type(n) is int and n > 0 for n in values)
        ]
        lengths = {name: len(getattr(self, name)) for name in _PER_STAGE}
        if len(set(lengths.values())) > 1:
            found.append(f"the lists differ in length: {', '.join(f'{k} {v}' for k, v in lengths.items())}")
        if any(stride not in (1, 2) for stride in self.strides):
            found.append(f"strides = {self.strides} are not all 1 or 2")
        if self.pooling_type not in ("mean", "max"):
            found.append(f"pooling_type = {self.pooling_type!r} is neither 'mean' nor 'max'")
        return found
