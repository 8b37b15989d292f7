"""Tiny random decoders, saved by transformers, and what transformers makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

# For heads of 8: a factor for each of their 4 frequencies; texts of more than 40 tokens are long.
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 50.0,
    "short_factor": [1.0, 1.1, 1.3, 1.2],
    "long_factor": [1.5, 3.0, 2.0, 9.0],
    "original_max_position_embeddings": 40,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
YARN = {"rope_type": "yarn", "rope_theta": 90.0, "factor": 4.0, "original_max_position_embeddings": 32}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 50.0, "factor": 3.0}
SETTINGS = {
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "intermediate_size": 48,
    "max_position_embeddings": 160,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
}


def save_decoder(folder: Path, family: str, kind: str = "ForCausalLM", **settings: Any) -> Path:
    """Save a decoder of `family`, such as "Llama", with random numbers everywhere, norms and biases too."""
    torch.manual_seed(7)
    config = getattr(transformers, f"{family}Config")(**SETTINGS | settings)
    classes = {"Gemma3TextForCausalLM": "Gemma3ForCausalLM", "Gemma3TextModel": "Gemma3TextModel"}
    model = getattr(transformers, classes.get(family + kind, family + kind))(config)
    around = 0.0 if family.startswith("Gemma") else 1.0  # Gemma stores a norm's scale as its distance from one
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(around if "norm" in name else 0.0, 0.2)
    model.save_pretrained(folder)
    return folder


def reference(folder: Path, kind: str = "AutoModelForCausalLM") -> Any:
    """The saved model in transformers, in evaluation mode and float32, by the plain formula of attention."""
    auto = getattr(transformers, kind)
    return auto.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def outputs(model: Any, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """The logits, or the features of a model without a head."""
    with torch.no_grad():
        found = model(**{name: torch.from_numpy(value).long() for name, value in arrays.items()}, use_cache=False)
    return (found.logits if "logits" in found else found.last_hidden_state).numpy()


def padded(prompts: Sequence[np.ndarray], side: str = "left") -> dict[str, np.ndarray]:
    """Prompts as rows of one length, padded on one side."""
    length = max(map(len, prompts))
    arrays = {name: np.zeros((len(prompts), length), np.int32) for name in ("input_ids", "attention_mask")}
    for row, prompt in enumerate(prompts):
        place = slice(length - len(prompt), length) if side == "left" else slice(len(prompt))
        arrays["input_ids"][row, place], arrays["attention_mask"][row, place] = prompt, 1
    return arrays


def generated(model: Any, arrays: Mapping[str, np.ndarray], **settings: Any) -> list[list[int]]:
    """What transformers goes on with, row by row, each up to its stop token."""
    inputs = {name: torch.from_numpy(value).long() for name, value in arrays.items()}
    with torch.no_grad():
        rows = model.generate(**inputs, pad_token_id=0, **{"do_sample": False, **settings}).tolist()
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    found = []
    for row in rows:
        new = row[arrays["input_ids"].shape[1] :]
        stop = next((n for n, token in enumerate(new) if token in ends), len(new))
        found.append(new[: stop + 1])
    return found
