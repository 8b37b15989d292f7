"""The layouts of EfficientNet checkpoints: as transformers writes them, and as timm does."""

from __future__ import annotations

from zoo.weights import Layout, Rule, channels_last, conv_norm, transpose, without_prefix
from zoo_efficientnet.config import EfficientNetConfig

_HEAD = "image-classification"
_DEPTHWISE = "depthwise"
# timm's names for the convolutions and norms of a block, by the block's kind, in the order of its steps.
_TIMM = {
    "inverted": {"expand": ("conv_pw", "bn1"), _DEPTHWISE: ("conv_dw", "bn2"), "project": ("conv_pwl", "bn3")},
    "separable": {_DEPTHWISE: ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")},
    "fused": {"expand": ("conv_exp", "bn1"), "project": ("conv_pwl", "bn2")},
    "plain": {"expand": ("conv", "bn1")},
}
_TRANSFORMERS = {
    "expand": ("expansion.expand_conv", "expansion.expand_bn"),
    _DEPTHWISE: ("depthwise_conv.depthwise_conv", "depthwise_conv.depthwise_norm"),
    "project": ("projection.project_conv", "projection.project_bn"),
}


def transformers_layout(config: EfficientNetConfig, task: str) -> Layout:
    """The layout for one task; a new classifier may start at random."""
    prefix = "efficientnet."
    encoder = f"{prefix}encoder"
    rules = [
        *conv_norm(f"{prefix}embeddings.convolution", f"{prefix}embeddings.batchnorm", "backbone/stem"),
        *conv_norm(f"{encoder}.top_conv", f"{encoder}.top_bn", "backbone/top"),
    ]
    number = 0  # transformers counts the blocks through the stages
    for i, stage in enumerate(config.plan.stages):
        for j in range(len(stage)):
            block, variable = f"{encoder}.blocks.{number}", f"backbone/stage_{i}/block_{j}"
            for step, (convolution, norm) in _TRANSFORMERS.items():
                rules += conv_norm(f"{block}.{convolution}", f"{block}.{norm}", f"{variable}/{step}")
            rules += _squeeze(f"{block}.squeeze_excite", "reduce", "expand", f"{variable}/squeeze")
            number += 1
    return _layout(rules, task, prefix)


def timm_layout(config: EfficientNetConfig, task: str) -> Layout:
    """The layout for one task; a new classifier may start at random."""
    rules = [
        *conv_norm("conv_stem", "bn1", "backbone/stem"),
        *conv_norm("conv_head", "bn2", "backbone/top"),
    ]
    for i, stage in enumerate(config.plan.stages):
        block, variable = f"blocks.{i}.{{j}}", f"backbone/stage_{i}/block_{{j}}"
        for step, (convolution, norm) in _TIMM[stage[0].kind].items():
            rules += conv_norm(f"{block}.{convolution}", f"{block}.{norm}", f"{variable}/{step}")
        rules += _squeeze(f"{block}.se", "conv_reduce", "conv_expand", f"{variable}/squeeze")
    return _layout(rules, task, "")


def _squeeze(tensor: str, reduce: str, expand: str, variable: str) -> list[Rule]:
    return [
        rule
        for there, here in ((reduce, "reduce"), (expand, "expand"))
        for rule in (
            Rule(f"{tensor}.{there}.weight", f"{variable}/{here}/kernel", channels_last),
            Rule(f"{tensor}.{there}.bias", f"{variable}/{here}/bias"),
        )
    ]


def _layout(rules: list[Rule], task: str, prefix: str) -> Layout:
    if task == _HEAD:
        head = (
            Rule("classifier.weight", "head/classifier/kernel", transpose),
            Rule("classifier.bias", "head/classifier/bias"),
        )
        return Layout((*rules, *head), {}, prefix, fresh=("head/*",), labelled=("head/classifier/*",))
    ignore = {"classifier.*": "the classifier, which this task does not use"}
    return Layout(without_prefix(rules, prefix), ignore, prefix)
