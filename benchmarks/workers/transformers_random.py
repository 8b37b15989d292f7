"""Write an image classifier with random weights as transformers does. Job: `name`, `target`.

Batch normalisations scale by one and hold what they saw of random pictures: in a new network signals fade from
layer to layer until all logits are zero, or grow, and there is nothing to compare.
"""

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

norms = [layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
momenta = [norm.momentum for norm in norms]
for norm in norms:
    torch.nn.init.ones_(norm.weight)
    norm.momentum = 1.0  # keep the statistics of the latest batch alone
model.train()
with torch.no_grad():
    model(torch.randn(16, 3, 224, 224))
for norm, momentum in zip(norms, momenta, strict=True):
    norm.momentum = momentum
model.save_pretrained(JOB["target"])
answer()
