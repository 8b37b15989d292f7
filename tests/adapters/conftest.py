"""Tiny random models of transformers with PEFT's adapters on them: the reference, run live."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import transformers

from tests.references.decoders import SETTINGS

BERT = {
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
GEMMA = SETTINGS | {"max_position_embeddings": 40, "query_pre_attn_scalar": 8, "sliding_window": 8}


def save_random(model: Any, folder: Path, seed: int = 7) -> Path:
    """Random numbers everywhere, norms and biases too, saved by transformers."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if name.endswith("LayerNorm.weight") else 0.0, 0.2)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of three labels."""
    config = transformers.BertConfig(**BERT, num_labels=3)
    return save_random(transformers.BertForSequenceClassification(config), tmp_path_factory.mktemp("base") / "bert")


@pytest.fixture(scope="session")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder with its tied head."""
    config = transformers.Gemma3TextConfig(**GEMMA, layer_types=["sliding_attention", "full_attention"])
    return save_random(transformers.Gemma3ForCausalLM(config), tmp_path_factory.mktemp("base") / "gemma")


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder whose head has a matrix of its own."""
    config = transformers.LlamaConfig(**SETTINGS | {"max_position_embeddings": 40}, tie_word_embeddings=False)
    return save_random(transformers.LlamaForCausalLM(config), tmp_path_factory.mktemp("base") / "llama")


@pytest.fixture(scope="session")
def reference() -> Callable[..., Any]:
    """`reference(base, adapter)`: the model of transformers with PEFT's adapter, ready to be trained.

    `adapter` is a directory, or a LoraConfig for a new one, whose every number is random.
    """

    def load(base: Path, adapter: Path | peft.LoraConfig) -> Any:
        kinds = {
            "bert": transformers.BertForSequenceClassification,
            "gemma": transformers.Gemma3ForCausalLM,
            "llama": transformers.LlamaForCausalLM,
        }
        model = kinds[base.name].from_pretrained(base, dtype=torch.float32, attn_implementation="eager")
        if isinstance(adapter, Path):
            return peft.PeftModel.from_pretrained(model, adapter, is_trainable=True)
        torch.manual_seed(3)
        adapted = peft.get_peft_model(model, adapter)
        with torch.no_grad():
            for name, parameter in adapted.named_parameters():
                if "lora_" in name or "modules_to_save" in name:
                    parameter.add_(torch.randn_like(parameter) * 0.2)
        return adapted

    return load


@pytest.fixture(scope="session")
def arrays() -> dict[str, np.ndarray]:
    """Three rows with padding on the right; every id is valid in the tiny models."""
    rng = np.random.default_rng(3)
    mask = (np.arange(12)[None, :] < np.array([12, 7, 3])[:, None]).astype(np.int32)
    return {"input_ids": rng.integers(3, 100, (3, 12), dtype=np.int32) * mask, "attention_mask": mask}


@pytest.fixture(scope="session")
def logits() -> Callable[[Any, dict[str, np.ndarray]], np.ndarray]:
    """`logits(model, arrays)`: the reference's outputs, in evaluation mode."""

    def compute(model: Any, arrays: dict[str, np.ndarray]) -> np.ndarray:
        with torch.no_grad():
            return model.eval()(**{k: torch.from_numpy(v).long() for k, v in arrays.items()}).logits.numpy()

    return compute
