"""Weights: safetensors in and out, layout tables read both ways, and the audit that leaves nothing unsaid."""

from zoo.weights.decoder_layout import PRE_NORMS, decoder_layout, infer_tying
from zoo.weights.layout import (
    Layout,
    Rule,
    batch_norm,
    channels_last,
    conv_norm,
    pixel,
    same,
    transpose,
    without_prefix,
)
from zoo.weights.reader import Checkpoint
from zoo.weights.tying import is_untied

__all__ = [
    "PRE_NORMS",
    "Checkpoint",
    "Layout",
    "Rule",
    "batch_norm",
    "channels_last",
    "conv_norm",
    "decoder_layout",
    "infer_tying",
    "is_untied",
    "pixel",
    "same",
    "transpose",
    "without_prefix",
]
