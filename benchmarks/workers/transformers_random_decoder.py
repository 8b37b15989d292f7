"""Write a Gemma 3 with random weights as transformers does. Job: `config`, `target`."""

import torch  # pyright: ignore[reportMissingImports]
from job import JOB, answer
from transformers import Gemma3ForCausalLM, Gemma3TextConfig  # pyright: ignore[reportMissingImports]

torch.manual_seed(0)
Gemma3ForCausalLM(Gemma3TextConfig(**JOB["config"])).save_pretrained(JOB["target"])
answer()
