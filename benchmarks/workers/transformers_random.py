"""Write an image classifier with random weights as transformers does. Job: `name`, `target`."""

import torch  # pyright: ignore[reportMissingImports]
from job import JOB, answer
from transformers import (  # pyright: ignore[reportMissingImports]
    EfficientNetConfig,
    EfficientNetForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
)

LABELS: dict = {"num_labels": 1000}

torch.manual_seed(0)
if JOB["name"] == "resnet50":
    model = ResNetForImageClassification(ResNetConfig(**LABELS))
else:
    sizes = {"width_coefficient": 1.0, "depth_coefficient": 1.0, "hidden_dim": 1280, "image_size": 224}
    model = EfficientNetForImageClassification(EfficientNetConfig(dropout_rate=0.2, **LABELS, **sizes))
model.save_pretrained(JOB["target"])
answer()
