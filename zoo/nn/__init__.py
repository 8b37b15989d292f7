"""Layers that several architectures share."""

from zoo.backend import use_jax

use_jax()

from zoo.nn.activations import activation  # noqa: E402
from zoo.nn.attention import SelfAttention, attention_mask  # noqa: E402
from zoo.nn.batch_norm import BatchNorm  # noqa: E402
from zoo.nn.config import Config, inferred  # noqa: E402
from zoo.nn.convolution import Conv2D, Padding, average_pool, max_pool  # noqa: E402
from zoo.nn.dropout import Dropout  # noqa: E402
from zoo.nn.image import ConvNorm, ImageFeatures, ImageHead, divisible, pool_image  # noqa: E402
from zoo.nn.linear import Linear, linear  # noqa: E402
from zoo.nn.lora import Lora, without_adapters  # noqa: E402
from zoo.nn.norm import LayerNorm  # noqa: E402
from zoo.nn.packing import first_tokens, positions  # noqa: E402

__all__ = [
    "BatchNorm",
    "Config",
    "Conv2D",
    "ConvNorm",
    "Dropout",
    "ImageFeatures",
    "ImageHead",
    "LayerNorm",
    "Linear",
    "Lora",
    "Padding",
    "SelfAttention",
    "activation",
    "attention_mask",
    "average_pool",
    "divisible",
    "first_tokens",
    "inferred",
    "linear",
    "max_pool",
    "pool_image",
    "positions",
    "without_adapters",
]
