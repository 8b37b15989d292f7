"""Choosing a token, beside transformers' own logits processors: the same distribution, and draws that follow it."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import torch
from jax import numpy as jnp
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from zoo.generate.sampling import Shape, choose, numbers
from zoo.generate.settings import Sampling

VOCABULARY = 12
DRAWS = 20_000
SETTINGS = [
    {"temperature": 1.0},
    {"temperature": 0.5},
    {"temperature": 1.7, "top_k": 4},
    {"temperature": 1.0, "top_k": 99},
    {"temperature": 1.0, "top_p": 0.6},
    {"temperature": 3.0, "top_p": 0.97},
    {"temperature": 3.0, "min_p": 0.01},
    {"temperature": 1.0, "min_p": 0.2},
    {"temperature": 0.8, "top_k": 6, "top_p": 0.8, "min_p": 0.1},
    {"temperature": 1.0, "repetition_penalty": 1.8},
    {"temperature": 0.9, "top_k": 3, "repetition_penalty": 0.6},
]


def reference(logits: np.ndarray, seen: np.ndarray, given: dict) -> np.ndarray:
    """The probabilities that transformers draws from."""
    steps = LogitsProcessorList()
    if "repetition_penalty" in given:
        steps.append(RepetitionPenaltyLogitsProcessor(given["repetition_penalty"]))
    steps.append(TemperatureLogitsWarper(given["temperature"]))
    if "top_k" in given:
        steps.append(TopKLogitsWarper(given["top_k"]))
    if "top_p" in given:
        steps.append(TopPLogitsWarper(given["top_p"]))
    if "min_p" in given:
        steps.append(MinPLogitsWarper(given["min_p"]))
    ids = torch.from_numpy(np.flatnonzero(seen))[None]
    return steps(ids, torch.from_numpy(logits)[None]).softmax(dim=-1)[0].numpy()


@pytest.mark.parametrize("best", [1024, 5], ids=["few tokens", "many tokens"])
@pytest.mark.parametrize("given", SETTINGS, ids=str)
def test_draws_follow_the_references_distribution(given, best, monkeypatch):
    monkeypatch.setattr("zoo.generate.sampling._BEST", best)
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 2, VOCABULARY).astype(np.float32)
    seen = np.isin(np.arange(VOCABULARY), [1, 4, 7])
    wanted = reference(logits, seen, given)
    sampling = Sampling(**given)
    shape = Shape.of(sampling, logprobs=True, vocab_size=VOCABULARY)
    keys = jax.random.split(jax.random.key(0), DRAWS)

    tokens, logprobs = choose(
        jnp.tile(logits, (DRAWS, 1)), shape, numbers(sampling), keys, jnp.tile(seen, (DRAWS, 1))
    )

    share = np.bincount(tokens, minlength=VOCABULARY) / DRAWS
    assert (share[wanted == 0] == 0).all()
    error = np.sqrt(wanted * (1 - wanted) / DRAWS)
    assert (np.abs(share - wanted) <= 5 * error + 1e-9).all()
    plain = torch.from_numpy(logits).log_softmax(dim=-1).numpy()
    np.testing.assert_allclose(logprobs, plain[tokens], atol=1e-5)


@pytest.mark.parametrize("penalty", [1.0, 1.5, 0.7])
def test_greedy_takes_the_best_the_first_on_ties(penalty):
    logits = np.array([[1.0, 3.0, 3.0, -1.0], [-5.0, -4.0, -4.5, -6.0]], np.float32)
    seen = np.array([[False, True, False, False], [False, True, False, False]])
    sampling = Sampling(repetition_penalty=penalty)
    shape = Shape.of(sampling, logprobs=False, vocab_size=4)

    tokens, logprobs = choose(jnp.array(logits), shape, numbers(sampling), None, jnp.array(seen))

    step = RepetitionPenaltyLogitsProcessor(penalty) if penalty != 1 else lambda ids, scores: scores
    wanted = step(torch.tensor([[1], [1]]), torch.from_numpy(logits)).argmax(dim=-1)
    assert tokens.tolist() == wanted.tolist()
    assert logprobs is None
