"""What this machine's memory gives: the time to read every weight once, and the bytes of weights and cache."""

import time

import torch  # pyright: ignore[reportMissingImports]
from job import JOB, answer

config = JOB["config"]
dim, heads, keys, wide = (
    config[name] for name in ("hidden_size", "num_attention_heads", "num_key_value_heads", "intermediate_size")
)
layer = dim * config["head_dim"] * 2 * (heads + keys) + 3 * dim * wide
weights = config["vocab_size"] * dim + config["num_hidden_layers"] * layer
columns = JOB["prompt"] + JOB["new"]
cache = 2 * config["num_hidden_layers"] * keys * config["head_dim"] * columns

device = "cuda" if torch.cuda.is_available() else "cpu"
numbers = torch.ones(weights, dtype=getattr(torch, JOB["dtype"]), device=device)
taken = []
for _ in range(10):
    started = time.perf_counter()
    numbers.sum().item()  # which waits for a GPU, too
    taken.append(time.perf_counter() - started)
print(f"{numbers.nbytes / min(taken) / 1e9:.1f} GB/s")
answer(token_1_s=min(taken), held_mib=numbers.element_size() * (weights + cache) / 2**20)
