"""The layout of ResNet checkpoints as transformers writes them."""

from __future__ import annotations

from zoo.weights import Layout, Rule, channels_last, transpose
from zoo_resnet.config import ResNetConfig

_BLOCK = "resnet.encoder.stages.{i}.layers.{j}"


def _conv_norm(tensor: str, variable: str) -> tuple[Rule, ...]:
    norm = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    return (
        Rule(f"{tensor}.convolution.weight", f"{variable}/convolution/kernel", channels_last),
        *(Rule(f"{tensor}.normalization.{there}", f"{variable}/norm/{here}") for here, there in norm.items()),
    )


_RULES = (
    *_conv_norm("resnet.embedder.embedder", "backbone/stem"),
    *_conv_norm(f"{_BLOCK}.shortcut", "backbone/stage_{i}/block_{j}/shortcut"),
    *_conv_norm(f"{_BLOCK}.layer.{{k}}", "backbone/stage_{i}/block_{j}/conv_{k}"),
    Rule("classifier.1.weight", "head/classifier/kernel", transpose),
    Rule("classifier.1.bias", "head/classifier/bias"),
)
_IGNORE = {"*.num_batches_tracked": "a count of batches, which only a norm without momentum would use"}


def transformers_layout(config: ResNetConfig, task: str) -> Layout:
    """The layout for image classification; a new classifier may start at random."""
    return Layout(_RULES, _IGNORE, "resnet.", fresh=("head/*",), labelled=("head/classifier/*",))
