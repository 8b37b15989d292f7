"""Tiny random BERTs, saved by transformers, and the reference's own outputs for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

SETTINGS = {
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


@pytest.fixture
def tiny(tmp_path: Path) -> Callable[..., Path]:
    """`tiny("BertModel", **config)` saves such a model with random numbers everywhere, norms and biases too."""

    def make(
        kind: str, *, folder: str = "checkpoint", saving: dict[str, Any] | None = None, **settings: Any
    ) -> Path:
        torch.manual_seed(7)
        constructor = {"add_pooling_layer": settings.pop("pooler")} if "pooler" in settings else {}
        model = getattr(transformers, kind)(transformers.BertConfig(**SETTINGS | settings), **constructor)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.normal_(1.0 if name.endswith("LayerNorm.weight") else 0.0, 0.2)
        model.save_pretrained(tmp_path / folder, **saving or {})
        return tmp_path / folder

    return make


@pytest.fixture(scope="session")
def arrays() -> dict[str, np.ndarray]:
    """Three rows with padding, token types and unusual positions; every id is valid in the tiny models."""
    rng = np.random.default_rng(3)
    mask = (np.arange(12)[None, :] < np.array([12, 7, 1])[:, None]).astype(np.int32)
    return {
        "input_ids": rng.integers(0, 100, (3, 12), dtype=np.int32),
        "attention_mask": mask,
        "token_type_ids": np.repeat(np.array([0, 1], np.int32), [5, 7])[None, :] * mask,
        "position_ids": np.tile(rng.permutation(12).astype(np.int32), (3, 1)),
    }


@pytest.fixture(scope="session")
def reference() -> Callable[..., np.ndarray]:
    """`reference(folder, "BertModel", arrays)`: what transformers computes, in evaluation mode and float32."""

    def run(folder: Path, kind: str, arrays: dict[str, np.ndarray]) -> np.ndarray:
        model = getattr(transformers, kind).from_pretrained(folder, dtype=torch.float32).eval()
        with torch.no_grad():
            outputs = model(**{name: torch.from_numpy(value).long() for name, value in arrays.items()})
        for name in ("logits", "prediction_logits", "last_hidden_state"):
            if name in outputs:
                return outputs[name].numpy()
        raise AssertionError(outputs.keys())

    return run


@pytest.fixture(scope="session")
def differ() -> Callable[..., float]:
    """The largest difference of two outputs, over the tokens that `mask` shows."""

    def compute(ours: Any, theirs: np.ndarray, mask: np.ndarray | None = None) -> float:
        gap = np.abs(np.asarray(ours, np.float32) - theirs)
        assert gap.shape == theirs.shape
        return float(gap[mask.astype(bool)].max() if mask is not None else gap.max())

    return compute
