"""Layers that several architectures share."""

from zoo.backend import use_jax

use_jax()

from zoo.nn.activations import activation, activation_name  # noqa: E402
from zoo.nn.attention import SelfAttention  # noqa: E402
from zoo.nn.batch_norm import BatchNorm  # noqa: E402
from zoo.nn.config import Config, inferred  # noqa: E402
from zoo.nn.convolution import Conv2D, Padding, average_pool, max_pool  # noqa: E402
from zoo.nn.costly import costly  # noqa: E402
from zoo.nn.cross_entropy import vocabulary_cross_entropy  # noqa: E402
from zoo.nn.decoder import Decoder  # noqa: E402
from zoo.nn.decoder_config import DecoderConfig  # noqa: E402
from zoo.nn.decoder_heads import Features, LastTokenClassifier, TokenLogits  # noqa: E402
from zoo.nn.decoder_spec import DecoderLayerSpec, DecoderSpec  # noqa: E402
from zoo.nn.dropout import Dropout, StochasticDepth  # noqa: E402
from zoo.nn.image import ConvNorm, ImageFeatures, ImageHead, divisible, pool_image  # noqa: E402
from zoo.nn.linear import Linear, linear, product  # noqa: E402
from zoo.nn.lora import Lora, without_adapters  # noqa: E402
from zoo.nn.masks import attention_mask  # noqa: E402
from zoo.nn.norm import LayerNorm, RMSNorm  # noqa: E402
from zoo.nn.packing import first_tokens, last_tokens, positions  # noqa: E402
from zoo.nn.rotary import Rope  # noqa: E402
from zoo.nn.trace_once import TraceOnce  # noqa: E402

__all__ = [
    "BatchNorm",
    "Config",
    "Conv2D",
    "ConvNorm",
    "Decoder",
    "DecoderConfig",
    "DecoderLayerSpec",
    "DecoderSpec",
    "Dropout",
    "StochasticDepth",
    "Features",
    "ImageFeatures",
    "ImageHead",
    "LastTokenClassifier",
    "LayerNorm",
    "Linear",
    "Lora",
    "Padding",
    "RMSNorm",
    "Rope",
    "SelfAttention",
    "TokenLogits",
    "TraceOnce",
    "activation",
    "activation_name",
    "attention_mask",
    "average_pool",
    "costly",
    "divisible",
    "first_tokens",
    "inferred",
    "last_tokens",
    "linear",
    "max_pool",
    "pool_image",
    "positions",
    "product",
    "vocabulary_cross_entropy",
    "without_adapters",
]
