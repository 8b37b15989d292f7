"""The plan that transformers' config describes.

Reference: transformers/models/efficientnet/modeling_efficientnet.py
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo.nn import divisible
from zoo_efficientnet.plan import BlockPlan, Plan

if TYPE_CHECKING:
    from zoo_efficientnet.config import EfficientNetConfig

_STEM, _TOP = 32, 1280


def transformers_plan(config: EfficientNetConfig) -> Plan:
    """Scaled in width and depth as https://arxiv.org/abs/1905.11946 scales it."""
    repeats = [math.ceil(config.depth_coefficient * n) for n in config.num_block_repeats]
    count, number = sum(repeats), 0
    stages = []
    for i, depth in enumerate(repeats):
        before, width = (_scaled(config, channels[i]) for channels in (config.in_channels, config.out_channels))
        stage = []
        for j in range(depth):
            stage.append(_block(config, i, before if j == 0 else width, width, j, number, count))
            number += 1
        stages.append(tuple(stage))
    return Plan(
        stem=_scaled(config, _STEM),
        stages=tuple(stages),
        top=_scaled(config, _TOP),
        act=config.hidden_act,
        epsilon=config.batch_norm_eps,
        momentum=config.batch_norm_momentum,
        stem_padding=(0, 1),
        pooling=config.pooling_type,
        dropout=config.dropout_rate,
    )


def _block(
    config: EfficientNetConfig, i: int, before: int, width: int, j: int, number: int, count: int
) -> BlockPlan:
    size, stride, ratio = config.kernel_sizes[i], 1 if j else config.strides[i], config.expand_ratios[i]
    half = size // 2
    # As TensorFlow pads a picture of even size; a block that is listed pads on every side.
    padding = (half, half) if stride == 1 or number in config.depthwise_padding else (half - 1, half)
    return BlockPlan(
        kind="inverted" if ratio != 1 else "separable",
        width=width,
        inner=before * ratio,
        size=size,
        stride=stride,
        squeezed=max(1, int(before * config.squeeze_expansion_ratio)),
        adds=j > 0,  # the first block of a stage never does, not even where the shapes would let it
        padding=padding,
        drop=config.drop_connect_rate * number / count,
    )


def _scaled(config: EfficientNetConfig, channels: int) -> int:
    return divisible(channels * config.width_coefficient, config.depth_divisor)
