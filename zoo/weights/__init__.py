"""Weights: safetensors in and out, layout tables read both ways, and the audit that leaves nothing unsaid."""

from zoo.weights.layout import Layout, Rule, channels_last, same, transpose
from zoo.weights.reader import Checkpoint

__all__ = ["Checkpoint", "Layout", "Rule", "channels_last", "same", "transpose"]
