"""Inference and training steps of transformers' image classifiers on eager torch, channels last."""

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from image_job import Measured, labels, pictures, run
from job import JOB
from transformers import AutoModelForImageClassification  # pyright: ignore[reportMissingImports]

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LAST = torch.channels_last
torch.backends.cudnn.allow_tf32 = JOB["dtype"] != "float32"


def narrow():
    return torch.autocast(DEVICE, torch.bfloat16, enabled=JOB["dtype"] == "mixed_bfloat16")


def build(name: str, checkpoint: str) -> Measured:
    model = AutoModelForImageClassification.from_pretrained(checkpoint).to(DEVICE, memory_format=LAST)
    x = torch.from_numpy(np.ascontiguousarray(pictures().transpose(0, 3, 1, 2))).to(DEVICE, memory_format=LAST)
    y = torch.from_numpy(labels()).long().to(DEVICE)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=0.01)

    def infer() -> np.ndarray:
        model.eval()
        with torch.inference_mode(), narrow():
            return model(x).logits.softmax(-1).float().cpu().numpy()

    def step() -> float:
        model.train()
        optimizer.zero_grad(set_to_none=True)
        with narrow():
            loss = torch.nn.functional.cross_entropy(model(x).logits, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    def logits() -> np.ndarray:
        model.eval()
        with torch.inference_mode(), narrow():
            return model(x).logits.float().cpu().numpy()

    return logits, infer, step


run(build)
