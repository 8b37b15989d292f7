"""How to generate: what a call asks for, over what the checkpoint's `generation_config.json` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from zoo.errors import Faults

MAX_NEW_TOKENS = 256
_LARGEST = 1e30  # beyond it float32 is infinite, soon
_TOP_K = 50  # what the reference filters by where a checkpoint samples and says nothing of it
# Keys of generation_config.json that would change what comes out, and the values that change nothing.
_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "bad_words_ids": (None, []),
    "constraints": (None, []),
    "encoder_no_repeat_ngram_size": (None, 0),
    "epsilon_cutoff": (None, 0, 0.0),
    "eta_cutoff": (None, 0, 0.0),
    "exponential_decay_length_penalty": (None,),
    "forced_bos_token_id": (None,),
    "force_words_ids": (None, []),
    "forced_eos_token_id": (None,),
    "guidance_scale": (None, 1, 1.0),
    "min_length": (None, 0),
    "min_new_tokens": (None, 0),
    "no_repeat_ngram_size": (None, 0),
    "num_beams": (None, 1),
    "penalty_alpha": (None, 0, 0.0),
    "sequence_bias": (None, [], {}),
    "suppress_tokens": (None, []),
    "begin_suppress_tokens": (None, []),
    "top_h": (None,),
    "typical_p": (None, 1, 1.0),
    "watermarking_config": (None,),
}


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen from the logits. The order is transformers': penalty, temperature, filters.

    Args:
        temperature: divides the logits; 0 takes the most probable token.
        top_k: only that many of the most probable tokens are left.
        top_p: only the most probable tokens that together reach this probability are left.
        min_p: only tokens at least this many times as probable as the most probable one are left.
        repetition_penalty: tokens that were there are made less probable by this factor (arXiv:1909.05858).
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    @property
    def greedy(self) -> bool:
        return self.temperature == 0


@dataclass(frozen=True)
class GenerationSettings:
    """All that decides what is generated, but for the prompt and the model.

    Args:
        max_new_tokens: the most tokens a prompt is continued by.
        max_length: the most tokens of prompt and continuation together, where only that is said.
        stop: texts that end the generation where they appear; they are not part of what is returned.
        stop_ids: tokens that end it.
        seed: decides every draw.
    """

    max_new_tokens: int
    sampling: Sampling
    stop: tuple[str, ...] = ()
    stop_ids: frozenset[int] = frozenset()
    seed: int = 0
    max_length: int | None = None


def generation_settings(
    config: Mapping[str, Any],
    stop_ids: int | Sequence[int] | None,
    *,
    max_new_tokens: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    stop: str | Sequence[str] | None = None,
    seed: int = 0,
) -> GenerationSettings:
    """What a call asks for; what it leaves open is the checkpoint's. Who filters without a temperature draws at 1.

    Args:
        config: the content of `generation_config.json`, empty where there is none. It alone then decides the tokens
            that end a text.
        stop_ids: the model config's own, where there is no `generation_config.json`.

    Raises a ZooError that lists every value that cannot be.
    """
    faults = Faults()
    for key, harmless in _UNSUPPORTED.items():
        if key in config and config[key] not in harmless:
            faults.add(f"{key} = {config[key]!r} of generation_config.json is not supported")
    draws = config.get("do_sample") or any(value is not None for value in (top_k, top_p, min_p))
    usual = _or(config.get("temperature"), 1.0) if draws else 0.0
    filtered = config.get("top_k", _TOP_K if config.get("do_sample") else None) or None
    sampling = Sampling(
        temperature=_or(temperature, usual),
        top_k=_or(top_k, filtered),
        top_p=_or(_or(top_p, config.get("top_p")), 1.0),
        min_p=_or(_or(min_p, config.get("min_p")), 0.0),
        repetition_penalty=_or(_or(repetition_penalty, config.get("repetition_penalty")), 1.0),
    )
    longest = None
    most = _or(max_new_tokens, config.get("max_new_tokens"))
    if most is None:
        longest = config.get("max_length")
        most = _or(longest, MAX_NEW_TOKENS)
    texts = _as_tuple(_or(stop, config.get("stop_strings")))
    ends = _as_tuple(config.get("eos_token_id") if config else stop_ids)
    _check(faults, most, sampling, texts, seed)
    if not all(_is_number(token, Integral) for token in ends):
        faults.add(f"eos_token_id = {list(ends)!r} should be token ids")
    faults.check("The text cannot be generated as asked.")
    return GenerationSettings(int(most), sampling, texts, frozenset(map(int, ends)), int(seed), longest)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    """One value or several; none for None."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _is_number(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _check(faults: Faults, most: Any, sampling: Sampling, stop: Sequence[Any], seed: Any) -> None:
    def number(name: str, value: Any, what: str, fits: Any, *, whole: bool = False) -> None:
        if not (_is_number(value, Integral if whole else Real) and abs(value) < _LARGEST and fits(value)):
            faults.add(f"{name} = {value!r} should be {what}")

    number("max_new_tokens", most, "a whole number from 1", lambda x: x >= 1, whole=True)
    number("temperature", sampling.temperature, "a number from 0", lambda x: x >= 0)
    if sampling.top_k is not None:
        number("top_k", sampling.top_k, "a whole number from 1", lambda x: x >= 1, whole=True)
    number("top_p", sampling.top_p, "a number above 0, up to 1", lambda x: 0 < x <= 1)
    number("min_p", sampling.min_p, "a number from 0 to 1", lambda x: 0 <= x <= 1)
    number("repetition_penalty", sampling.repetition_penalty, "a number above 0", lambda x: x > 0)
    number("seed", seed, "a whole number from 0, below 2**32", lambda x: 0 <= x < 2**32, whole=True)
    if any(not isinstance(text, str) or not text for text in stop):
        faults.add(f"stop = {list(stop)!r} should be a text, or a list of texts, none of them empty")
