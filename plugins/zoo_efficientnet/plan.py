"""The plan of an EfficientNet: its stem, the blocks of every stage and its top, whichever config they come from."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.nn import Padding


@dataclass(frozen=True)
class BlockPlan:
    """One block (MBConv, https://arxiv.org/abs/1801.04381; fused: https://arxiv.org/abs/2104.00298).

    Args:
        kind: the order of its convolutions. "inverted": 1x1 up, depthwise, 1x1 down; "separable": depthwise, 1x1
            down; "fused": one convolution up, 1x1 down; "plain": one convolution.
        width: channels of its output.
        inner: channels between its convolutions.
        size, stride: of the depthwise, or the first full, convolution.
        squeezed: channels inside the squeeze and excitation; 0 where there is none.
        adds: whether the input is added to the output.
        padding: of the convolution that may stride.
        drop: the share of the output that is dropped in training before the sum.
    """

    kind: str
    width: int
    inner: int
    size: int
    stride: int
    squeezed: int
    adds: bool
    padding: Padding = None
    drop: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A whole network.

    Args:
        stem: channels after the first convolution, 3x3 of stride 2.
        stages: the blocks of every stage.
        top: channels after the last convolution, 1x1.
        act: the activation's name.
        epsilon, momentum: of the batch normalisations.
        expand_momentum: of those behind the 1x1 convolutions that widen.
        stem_padding: of the first convolution.
        pooling: how the features are pooled before the classifier, "mean" or "max".
        dropout: the share of the pooled features that is dropped in training.
        drops_examples: whether blocks drop all of an example's output, as timm does, or single values of it, as
            transformers does.
    """

    stem: int
    stages: tuple[tuple[BlockPlan, ...], ...]
    top: int
    act: str
    epsilon: float
    momentum: float = 0.1
    expand_momentum: float = 0.1
    stem_padding: Padding = None
    pooling: str = "mean"
    dropout: float = 0.0
    drops_examples: bool = False
