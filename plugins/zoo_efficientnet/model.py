"""EfficientNet (https://arxiv.org/abs/1905.11946) and EfficientNetV2 (https://arxiv.org/abs/2104.00298).

References: transformers/models/efficientnet/modeling_efficientnet.py, timm/models/efficientnet.py
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.nn import Conv2D, ConvNorm, Dropout, StochasticDepth, TraceOnce, activation
from zoo_efficientnet.config import EfficientNetConfig
from zoo_efficientnet.plan import BlockPlan, Plan


@keras.saving.register_keras_serializable("zoo_efficientnet")
class EfficientNetBackbone(keras.layers.Layer):
    """Images to features `(batch, height / 32, width / 32, dim)`.

    Takes a dict with `pixel_values` `(batch, height, width, channels)`, of any size.
    """

    def __init__(self, config: EfficientNetConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        plan = config.plan
        self.dim = plan.top
        self.num_channels = config.num_channels
        norm: dict[str, Any] = {"epsilon": plan.epsilon, "momentum": plan.momentum}
        self.stem = ConvNorm(plan.stem, 3, 2, plan.act, padding=plan.stem_padding, **norm, name="stem")
        self.stages = []
        before = plan.stem
        for i, blocks in enumerate(plan.stages):
            self.stages.append(Stage(plan, blocks, before, name=f"stage_{i}"))
            before = blocks[-1].width
        self.top = ConvNorm(plan.top, 1, 1, plan.act, **norm, name="top")
        self.before_top = before

    def build(self, input_shape: Any = None) -> None:
        self.stem.build((None, None, None, self.num_channels))
        for stage in self.stages:
            stage.build()
        self.top.build((None, None, None, self.before_top))

    def feature_maps(self, arrays: dict[str, Any], training: bool = False) -> list[Any]:
        """The last features of every resolution, `(batch, height / 2, width / 2, channels)` and coarser."""
        x = self.stem(arrays["pixel_values"], training=training)
        maps = []
        for stage in self.stages:
            if stage.stride > 1:
                maps.append(x)
            x = stage(x, training=training)
        return [*maps, x]

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        x = self.stem(arrays["pixel_values"], training=training)
        for stage in self.stages:
            x = stage(x, training=training)
        return self.top(x, training=training)


class Stage(keras.layers.Layer):
    """Blocks of one width; the first of them may stride."""

    def __init__(self, plan: Plan, blocks: tuple[BlockPlan, ...], before: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stride = blocks[0].stride
        self.blocks = []
        for j, block in enumerate(blocks):
            self.blocks.append(Block(plan, block, before, name=f"block_{j}"))
            before = block.width

    def build(self, input_shape: Any = None) -> None:
        for block in self.blocks:
            block.build()

    def call(self, x: Any, training: bool = False) -> Any:
        once = TraceOnce()
        for block in self.blocks:
            x = once(block, x, training=training)
        return x


class Block(keras.layers.Layer):
    """Up to four steps, of which `BlockPlan.kind` says which there are: wider, across, squeezed, narrower."""

    def __init__(self, plan: Plan, block: BlockPlan, before: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.before = before
        norm: dict[str, Any] = {"epsilon": plan.epsilon, "momentum": plan.momentum}
        across = {"padding": block.padding, **norm}
        self.steps: list[Any] = []
        match block.kind:
            case "inverted":
                norm_of_wide: dict[str, Any] = norm | {"momentum": plan.expand_momentum}
                self.steps.append(ConvNorm(block.inner, 1, 1, plan.act, **norm_of_wide, name="expand"))
            case "fused":
                self.steps.append(
                    ConvNorm(block.inner, block.size, block.stride, plan.act, **across, name="expand")
                )
            case "plain":
                self.steps.append(
                    ConvNorm(block.width, block.size, block.stride, plan.act, **across, name="expand")
                )
        if block.kind in ("inverted", "separable"):
            shape = (block.inner, block.size, block.stride, plan.act)
            self.steps.append(ConvNorm(*shape, groups=block.inner, **across, name="depthwise"))
        if block.squeezed:
            self.steps.append(SqueezeExcite(block.inner, block.squeezed, plan.act, name="squeeze"))
        if block.kind != "plain":
            self.steps.append(ConvNorm(block.width, 1, **norm, name="project"))
        self.adds = block.adds
        self.dropout = (StochasticDepth if plan.drops_examples else Dropout)(block.drop, name="dropout")

    def build(self, input_shape: Any = None) -> None:
        channels = self.before
        for step in self.steps:
            step.build((None, None, None, channels))
            channels = step.filters

    def call(self, x: Any, training: bool = False) -> Any:
        passed = x
        for step in self.steps:
            x = step(x, training=training)
        return self.dropout(x, training=training) + passed if self.adds else x


class SqueezeExcite(keras.layers.Layer):
    """Every channel times a number from 0 to 1 that all channels' means decide (https://arxiv.org/abs/1709.01507)."""

    def __init__(self, filters: int, squeezed: int, act: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.squeezed = filters, squeezed
        self.reduce = Conv2D(squeezed, 1, bias=True, name="reduce")
        self.expand = Conv2D(filters, 1, bias=True, name="expand")
        self.activation = activation(act)

    def build(self, input_shape: Any) -> None:
        self.reduce.build(input_shape)
        self.expand.build((*input_shape[:-1], self.squeezed))

    def call(self, x: Any, training: bool = False) -> Any:
        means = ops.mean(x, axis=(1, 2), keepdims=True)
        return x * ops.sigmoid(self.expand(self.activation(self.reduce(means))))
