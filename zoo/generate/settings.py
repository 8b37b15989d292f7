"""How to generate: what a call asks for, over what the checkpoint's `generation_config.json` says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from zoo.errors import Faults
from zoo.hub.files import CONFIG

SETTINGS = "generation_config.json"
MAX_NEW_TOKENS = 256
_SMALLEST, _LARGEST = 1e-30, 1e30  # beyond them float32 is zero or infinite, soon
_TOP_K = 50  # what the reference filters by where a checkpoint samples and says nothing of it
# Keys of generation_config.json that would change what comes out, and the values that change nothing.
_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "bad_words_ids": (None, []),
    "constraints": (None, []),
    "dola_layers": (None,),
    "encoder_no_repeat_ngram_size": (None, 0),
    "encoder_repetition_penalty": (None, 1, 1.0),
    "epsilon_cutoff": (None, 0, 0.0),
    "eta_cutoff": (None, 0, 0.0),
    "exponential_decay_length_penalty": (None,),
    "forced_bos_token_id": (None,),
    "force_words_ids": (None, []),
    "forced_eos_token_id": (None,),
    "guidance_scale": (None, 1, 1.0),
    "max_time": (None,),
    "min_length": (None, 0),
    "min_new_tokens": (None, 0),
    "no_repeat_ngram_size": (None, 0),
    "num_beams": (None, 1),
    "num_return_sequences": (None, 1),
    "penalty_alpha": (None, 0, 0.0),
    "sequence_bias": (None, [], {}),
    "suppress_tokens": (None, []),
    "begin_suppress_tokens": (None, []),
    "token_healing": (None, False),
    "top_h": (None,),
    "typical_p": (None, 1, 1.0),
    "watermarking_config": (None,),
}
_NUMBERS: dict[str, tuple[type, str, Callable[[Any], bool]]] = {
    "max_new_tokens": (Integral, "a whole number from 1", lambda x: x >= 1),
    "max_length": (Integral, "a whole number from 1", lambda x: x >= 1),
    "temperature": (Real, "a number from 0", lambda x: x >= 0),
    "top_k": (Integral, "a whole number from 1", lambda x: x >= 1),
    "top_p": (Real, "a number above 0, up to 1", lambda x: 0 < x <= 1),
    "min_p": (Real, "a number from 0 to 1", lambda x: 0 <= x <= 1),
    "repetition_penalty": (Real, "a number above 0", lambda x: x > 0),
    "seed": (Integral, "a whole number from 0, below 2**32", lambda x: 0 <= x < 2**32),
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
    config: Mapping[str, Any] | None,
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
        config, stop_ids: as for `end_tokens`.

    Raises a ZooError that lists every value that cannot be.
    """
    file, faults = config or {}, Faults()
    unsupported = [key for key, harmless in _UNSUPPORTED.items() if key in file and file[key] not in harmless]
    for key in unsupported:
        faults.add(f"{key} = {file[key]!r} of {SETTINGS} is not supported")
    draws = file.get("do_sample") or any(value is not None for value in (top_k, top_p, min_p))
    usual = _or(file.get("temperature"), 1.0) if draws else 0.0
    filtered = _or(file.get("top_k"), _TOP_K if file.get("do_sample") else None) or None
    sampling = Sampling(
        temperature=_or(temperature, usual),
        top_k=_or(top_k, filtered),
        top_p=_or(_or(top_p, file.get("top_p")), 1.0),
        min_p=_or(_or(min_p, file.get("min_p")), 0.0),
        repetition_penalty=_or(_or(repetition_penalty, file.get("repetition_penalty")), 1.0),
    )
    most, longest = _or(max_new_tokens, file.get("max_new_tokens")), None
    if most is None:
        longest = file.get("max_length")
        most = _or(longest, MAX_NEW_TOKENS)
    texts = _as_tuple(_or(stop, file.get("stop_strings")))
    values = {
        "max_new_tokens" if longest is None else "max_length": (most, max_new_tokens is not None),
        "temperature": (sampling.temperature, temperature is not None),
        "top_k": (sampling.top_k, top_k is not None),
        "top_p": (sampling.top_p, top_p is not None),
        "min_p": (sampling.min_p, min_p is not None),
        "repetition_penalty": (sampling.repetition_penalty, repetition_penalty is not None),
        "seed": (seed, True),
    }
    for name, (value, asked) in values.items():
        if fault := _fault(name, value):
            faults.add(f"{name} = {value!r}{'' if asked else f' of {SETTINGS}'} {fault}")
    if any(not isinstance(text, str) or not text for text in texts):
        name = "stop" if stop is not None else f"stop_strings of {SETTINGS}"
        faults.add(f"{name} = {list(texts)!r} should be a text, or a list of texts, none of them empty")
    ends = _ends(config, stop_ids, faults)
    keys = ", ".join(f"model.generation_config['{key}']" for key in unsupported)
    fix = f"Do without them: del {keys}; or take a copy of the checkpoint whose file lacks them." if keys else ""
    faults.check("The text cannot be generated as asked.", fix=fix)
    return GenerationSettings(int(most), sampling, texts, ends, int(seed), longest)


def end_tokens(config: Mapping[str, Any] | None, stop_ids: int | Sequence[int] | None) -> frozenset[int]:
    """The tokens that end a text.

    Args:
        config: the content of `generation_config.json`, which alone decides them; None where there is none.
        stop_ids: the model config's own, for where there is none.

    Raises a ZooError where they are no token ids.
    """
    faults = Faults()
    ends = _ends(config, stop_ids, faults)
    faults.check("The tokens that end a text are not known.")
    return ends


def _ends(config: Mapping[str, Any] | None, stop_ids: Any, faults: Faults) -> frozenset[int]:
    ends = _as_tuple(stop_ids if config is None else config.get("eos_token_id"))
    if all(_is_number(token, Integral) for token in ends):
        return frozenset(map(int, ends))
    faults.add(f"eos_token_id = {list(ends)!r} of {CONFIG if config is None else SETTINGS} should be token ids")
    return frozenset()


def _fault(name: str, value: Any) -> str:
    """What is wrong with a number, to be put behind it; empty where nothing is."""
    kind, what, fits = _NUMBERS[name]
    if not (_is_number(value, kind) and fits(value)):
        return "" if name == "top_k" and value is None else f"should be {what}"
    return "" if value == 0 or _SMALLEST <= value < _LARGEST else "is beyond what float32 can compute with"


def _as_tuple(value: Any) -> tuple[Any, ...]:
    """One value or several; none for None."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _is_number(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
