"""The layouts of ResNet checkpoints: as transformers writes them, and as timm does for v1 and v2."""

from __future__ import annotations

from zoo.weights import Layout, Rule, batch_norm, channels_last, conv_norm, pixel, transpose, without_prefix
from zoo_resnet.config import ResNetConfig

_HEAD = "image-classification"


def transformers_layout(config: ResNetConfig, task: str) -> Layout:
    """The layout for one task; a new classifier may start at random."""
    block, variable = "resnet.encoder.stages.{i}.layers.{j}", "backbone/stage_{i}/block_{j}"
    rules = (
        *_named("resnet.embedder.embedder", "backbone/stem_0"),
        *_named(f"{block}.shortcut", f"{variable}/shortcut"),
        *_named(f"{block}.layer.{{k}}", f"{variable}/conv_{{k}}"),
        Rule("classifier.1.weight", "head/classifier/kernel", transpose),
        Rule("classifier.1.bias", "head/classifier/bias"),
    )
    return _layout(rules, task, "classifier.*", "resnet.")


def timm_layout(config: ResNetConfig, task: str) -> Layout:
    """The layout for one task, v1 and v2; a new classifier may start at random."""
    return _layout(_timm_v2(config) if config.pre_activation else _timm_v1(config), task, "*fc.*")


def _timm_v1(config: ResNetConfig) -> tuple[Rule, ...]:
    rules = []
    if config.first_stem:  # a sequence of convolution, norm, activation, of which the last norm stands outside
        for n in (0, 1):
            rules += conv_norm(f"conv1.{3 * n}", f"conv1.{3 * n + 1}", f"backbone/stem_{n}")
        rules += conv_norm("conv1.6", "bn1", "backbone/stem_2")
    else:
        rules += conv_norm("conv1", "bn1", "backbone/stem_0")
    shortcut = 1 if config.average_down else 0
    for i in range(len(config.depths)):
        block, variable = f"layer{i + 1}.{{j}}", f"backbone/stage_{i}/block_{{j}}"
        for k in range(3):
            rules += conv_norm(f"{block}.conv{k + 1}", f"{block}.bn{k + 1}", f"{variable}/conv_{k}")
        # The pooling in front of the convolution counts as a module, where there is one.
        down = f"{block}.downsample"
        rules += conv_norm(f"{down}.{shortcut}", f"{down}.{shortcut + 1}", f"{variable}/shortcut")
    return (
        *rules,
        Rule("fc.weight", "head/classifier/kernel", transpose),
        Rule("fc.bias", "head/classifier/bias"),
    )


def _timm_v2(config: ResNetConfig) -> tuple[Rule, ...]:
    rules = [*batch_norm("norm", "backbone/norm")]
    if config.first_stem:
        for n in (0, 1):
            rules += conv_norm(f"stem.conv{n + 1}", f"stem.norm{n + 1}", f"backbone/stem_{n}")
        rules.append(Rule("stem.conv3.weight", "backbone/stem_2/kernel", channels_last))
    else:
        rules.append(Rule("stem.conv.weight", "backbone/stem_0/kernel", channels_last))
    block, variable = "stages.{i}.blocks.{j}", "backbone/stage_{i}/block_{j}"
    for k in range(3):
        rules.append(Rule(f"{block}.conv{k + 1}.weight", f"{variable}/conv_{k}/kernel", channels_last))
        rules += batch_norm(f"{block}.norm{k + 1}", f"{variable}/norm_{k}")
    return (
        *rules,
        Rule(f"{block}.downsample.conv.weight", f"{variable}/shortcut/kernel", channels_last),
        Rule("head.fc.weight", "head/classifier/kernel", pixel),
        Rule("head.fc.bias", "head/classifier/bias"),
    )


def _named(tensor: str, variable: str) -> tuple[Rule, ...]:
    return conv_norm(f"{tensor}.convolution", f"{tensor}.normalization", variable)


def _layout(rules: tuple[Rule, ...], task: str, classifier: str, prefix: str = "") -> Layout:
    if task == _HEAD:
        return Layout(rules, {}, prefix, fresh=("head/*",), labelled=("head/classifier/*",))
    rules = tuple(rule for rule in rules if not rule.variable.startswith("head/"))
    ignore = {classifier: "the classifier, which this task does not use"}
    return Layout(without_prefix(rules, prefix), ignore, prefix)
