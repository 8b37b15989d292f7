"""Load a model and embed texts with transformers, as its model card shows. Job: `model`, `texts`, `output`."""

import torch
from job import JOB, embed_in_turn
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(JOB["model"])
model = AutoModel.from_pretrained(JOB["model"]).eval()


@torch.inference_mode()
def embed(text: str):
    inputs = tokenizer([text], truncation=True, max_length=256, return_tensors="pt")
    states = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"].unsqueeze(-1)
    mean = (states * mask).sum(1) / mask.sum(1)
    return torch.nn.functional.normalize(mean).numpy()


embed_in_turn(embed)
