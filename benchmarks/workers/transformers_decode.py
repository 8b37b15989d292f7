"""Generation with transformers on eager torch, as its users call it."""

from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from decode_job import prompts, run
from job import JOB
from transformers import AutoModelForCausalLM  # pyright: ignore[reportMissingImports]

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
model: Any = AutoModelForCausalLM.from_pretrained(JOB["checkpoint"], dtype=getattr(torch, JOB["dtype"]))
model.to(DEVICE).eval()


def generate(ids: np.ndarray, new: int) -> np.ndarray:
    inputs = torch.from_numpy(ids).long().to(DEVICE)
    with torch.inference_mode():
        found = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=new,
            do_sample=False,
            pad_token_id=0,
        )
    return found[:, ids.shape[1] :].cpu().numpy()


held = {}
if DEVICE == "cuda":
    generate(prompts(1), JOB["new"])
    held["held_mib"] = torch.cuda.max_memory_allocated() / 2**20
run(generate, **held)
