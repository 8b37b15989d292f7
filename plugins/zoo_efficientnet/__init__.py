"""EfficientNet (https://arxiv.org/abs/1905.11946), lite, and EfficientNetV2 (https://arxiv.org/abs/2104.00298)."""

from __future__ import annotations

from typing import Any

import zoo


@zoo.hookimpl
def zoo_architectures() -> list[zoo.Architecture]:
    from zoo.data.image_settings import image_preprocessor
    from zoo.nn import ImageFeatures, ImageHead
    from zoo_efficientnet import weights
    from zoo_efficientnet.config import EfficientNetConfig
    from zoo_efficientnet.model import EfficientNetBackbone

    def classifier(config: EfficientNetConfig, labels: int, **kwargs: Any) -> ImageHead:
        plan = config.plan
        return ImageHead(plan.top, labels, pooling=plan.pooling, dropout=plan.dropout, **kwargs)

    return [
        zoo.Architecture(
            name="efficientnet",
            config=EfficientNetConfig,
            backbone=EfficientNetBackbone,
            heads={
                "image-classification": zoo.Head(classifier, ("EfficientNetForImageClassification",)),
                "feature-extraction": zoo.Head(
                    lambda config, labels, **kwargs: ImageFeatures(config.plan.pooling, **kwargs),
                    ("EfficientNetModel",),
                ),
            },
            layouts={"transformers": weights.transformers_layout, "timm": weights.timm_layout},
            preprocessor=image_preprocessor,
            modality="image",
        )
    ]
