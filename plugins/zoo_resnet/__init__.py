"""ResNet (https://arxiv.org/abs/1512.03385): v1, v1.5 and v2, their deeper stems, wide ResNets and ResNeXt."""

from __future__ import annotations

import zoo


@zoo.hookimpl
def zoo_architectures() -> list[zoo.Architecture]:
    from zoo.data.image_settings import image_preprocessor
    from zoo.nn import ImageFeatures, ImageHead
    from zoo_resnet import weights
    from zoo_resnet.config import ResNetConfig
    from zoo_resnet.model import ResNetBackbone

    return [
        zoo.Architecture(
            name="resnet",
            config=ResNetConfig,
            backbone=ResNetBackbone,
            heads={
                "image-classification": zoo.Head(
                    lambda config, labels, **kwargs: ImageHead(
                        config.hidden_sizes[-1], labels, dropout=config.drop_rate, **kwargs
                    ),
                    ("ResNetForImageClassification",),
                ),
                "feature-extraction": zoo.Head(
                    lambda config, labels, **kwargs: ImageFeatures(**kwargs),
                    ("ResNetModel",),
                ),
            },
            layouts={"transformers": weights.transformers_layout, "timm": weights.timm_layout},
            preprocessor=image_preprocessor,
            modality="image",
        )
    ]
