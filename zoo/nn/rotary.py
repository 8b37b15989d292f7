"""Rotary position embeddings (https://arxiv.org/abs/2104.09864), and how checkpoints stretch them.

Reference: transformers/modeling_rope_utils.py
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from keras import ops

from zoo.errors import counted
from zoo.nn.config import Keys, keys_of

_NEEDED = {
    "default": (),
    "dynamic": (),
    "linear": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
    "yarn": ("factor", "original_max_position_embeddings"),
    "longrope": ("original_max_position_embeddings",),
}
_OPTIONAL = {
    "yarn": ("attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"),
    "longrope": ("attention_factor", "factor"),
}
_KEYS = (
    *("rope_type", "type", "rope_theta", "partial_rotary_factor", "truncate", "short_factor", "long_factor"),
    *(name for names in (*_NEEDED.values(), *_OPTIONAL.values()) for name in names),
)


@dataclass(frozen=True)
class Rope:
    """How fast each pair of channels turns from one position to the next.

    Args:
        theta: the base of the wavelengths.
        kind: `linear` divides every position by a factor, `llama3` those of the long wavelengths alone (Llama 3.1),
            `yarn` by a ramp between the two (https://arxiv.org/abs/2309.00071). `dynamic` stretches only beyond
            `max_position_embeddings`, where zoo does not go, so up to there it is `default`. `longrope` divides
            each channel by a factor of its own, and by another in long texts (https://arxiv.org/abs/2402.13753).
        numbers: what the kind needs, as `config.json` names them.
        truncate: yarn's ramp begins and ends at whole channels.
        short, long: longrope's factors, `head_dim / 2` each, for texts within the original context and beyond it.
    """

    KEYS: ClassVar[Keys] = keys_of(_KEYS)
    """What is read, of any kind; as `Config.tables` has it."""

    theta: float = 10_000.0
    kind: str = "default"
    numbers: tuple[tuple[str, float], ...] = ()
    truncate: bool = True
    short: tuple[float, ...] = ()
    long: tuple[float, ...] = ()

    @classmethod
    def read(cls, parameters: Mapping[str, Any] | None, theta: float, context: int, head_dim: int) -> Rope:
        """From `rope_scaling` (transformers 4) or `rope_parameters` (5).

        `theta`, and `context` for the original positions, are what holds where they say nothing of it.

        Raises a ValueError in words where it is a kind that zoo does not compute, or its numbers are wrong.
        """
        if parameters is not None and not isinstance(parameters, Mapping):
            raise ValueError(f"{parameters!r} is given where the numbers of a rotary embedding should be")
        given = dict(parameters or {})
        kind = given.get("rope_type") or given.get("type") or "default"
        if not isinstance(kind, str) or kind not in _NEEDED:
            raise ValueError(f"rope_type = {kind!r} is not supported; zoo computes {', '.join(_NEEDED)}")
        if given.get("partial_rotary_factor", 1.0) != 1.0:
            raise ValueError(f"partial_rotary_factor = {given['partial_rotary_factor']!r} is not supported")
        names = [*_NEEDED[kind], *(name for name in _OPTIONAL.get(kind, ()) if given.get(name) is not None)]
        given = {"original_max_position_embeddings": context, **given}
        numbers = {"theta": given.get("rope_theta", theta), **{name: given.get(name) for name in names}}
        found = [f"{n} = {v!r} should be a positive number" for n, v in numbers.items() if not _positive(v)]
        lists: list[Any] = []
        for name in ("short_factor", "long_factor") if kind == "longrope" else ():
            lists.append(given.get(name))
            found += _faults_of_list(name, lists[-1], head_dim // 2)
        if not found and kind == "llama3" and numbers["low_freq_factor"] >= numbers["high_freq_factor"]:
            found.append("low_freq_factor should be less than high_freq_factor")
        if not found and kind == "longrope":
            original = numbers["original_max_position_embeddings"]
            numbers.setdefault("factor", context / original)
            if original <= 1:
                found.append(f"original_max_position_embeddings = {original!r} should be more than 1")
        if not found and kind == "yarn" and numbers["theta"] == 1:
            found.append("rope_theta = 1 turns all channels alike, and yarn tells them apart")
        if found:
            raise ValueError(f"{'; '.join(found)} (rope_type = {kind!r})")
        truncate = bool(given.get("truncate", True))
        return cls(numbers.pop("theta"), kind, tuple(numbers.items()), truncate, *map(tuple, lists))

    def frequencies(self, head_dim: int, *, beyond: bool = False) -> np.ndarray:
        """Radians a position, `(head_dim / 2,)` float32; `beyond` the original context, or within it."""
        exponents = np.arange(0, head_dim, 2, dtype=np.float32) / np.float32(head_dim)
        spans = np.power(np.float32(self.theta), exponents)
        if self.kind == "longrope":
            return np.float32(1.0) / (np.asarray(self.long if beyond else self.short, np.float32) * spans)
        plain = np.float32(1.0) / spans
        if self.kind in ("default", "dynamic"):
            return plain
        stretched = plain / np.float32(dict(self.numbers)["factor"])
        if self.kind == "linear":
            return stretched
        kept = self._llama3(plain) if self.kind == "llama3" else self._yarn(head_dim)
        return (stretched * (1 - kept) + plain * kept).astype(np.float32)

    def _llama3(self, plain: np.ndarray) -> np.ndarray:
        """How much of each channel's own frequency is kept, by how often it turns in the original context."""
        given = dict(self.numbers)
        turns = given["original_max_position_embeddings"] * plain / np.float32(2 * math.pi)
        low, high = given["low_freq_factor"], given["high_freq_factor"]
        return np.clip((turns - low) / (high - low), 0, 1)

    def _yarn(self, head_dim: int) -> np.ndarray:
        given = dict(self.numbers)
        context = given["original_max_position_embeddings"]

        def channel(turns: float) -> float:
            """The channel that turns so often in the original context."""
            return head_dim * math.log(context / (turns * 2 * math.pi)) / (2 * math.log(self.theta))

        low, high = channel(given.get("beta_fast", 32)), channel(given.get("beta_slow", 1))
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, head_dim - 1)
        width = high - low or 0.001
        return 1 - np.clip((np.arange(head_dim // 2, dtype=np.float32) - low) / width, 0, 1)

    @property
    def attention_factor(self) -> float:
        """What yarn and longrope multiply cosine and sine by."""
        if self.kind not in ("yarn", "longrope"):
            return 1.0
        given = dict(self.numbers)
        if "attention_factor" in given:
            return given["attention_factor"]
        if self.kind == "longrope":
            growth = math.log(given["factor"]) / math.log(given["original_max_position_embeddings"])
            return math.sqrt(1 + max(growth, 0))

        def grown(scale: float) -> float:
            return 0.1 * scale * math.log(given["factor"]) + 1.0 if given["factor"] > 1 else 1.0

        if "mscale" in given and "mscale_all_dim" in given:
            return grown(given["mscale"]) / grown(given["mscale_all_dim"])
        return grown(1.0)

    def angles(self, positions: Any, head_dim: int, dtype: str, kept: Any = None) -> tuple[Any, Any]:
        """Cosine and sine for `positions` `(batch | 1, length)`: each `(batch | 1, 1, length, head_dim)`.

        The longest text of a batch decides whether all of it is long; `kept` `(batch, length)` is 0 for padding,
        which is no part of a text. A cache keeps the keys as they were turned when they were computed.
        """
        frequencies = self.frequencies(head_dim)
        if self.kind == "longrope":
            last = ops.max(positions if kept is None else ops.where(ops.cast(kept, "bool"), positions, 0))
            beyond = last + 1 > dict(self.numbers)["original_max_position_embeddings"]
            frequencies = ops.where(beyond, self.frequencies(head_dim, beyond=True), frequencies)
        half = ops.cast(positions, "float32")[:, None, :, None] * frequencies
        whole = ops.concatenate([half, half], axis=-1)
        factor = self.attention_factor
        return ops.cast(ops.cos(whole) * factor, dtype), ops.cast(ops.sin(whole) * factor, dtype)


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _faults_of_list(name: str, value: Any, count: int) -> list[str]:
    wanted = f"should be a list of {count} positive numbers, one for each pair of channels"
    if not isinstance(value, list):
        return [f"{name} = {value!r} {wanted}"]
    found = [f"{name} has {counted(len(value), 'number')}, and {wanted}"] if len(value) != count else []
    wrong = [one for one in value if not _positive(one)]
    return [*found, f"{name} has {wrong[0]!r}, and {wanted}"] if wrong else found


def rotate(x: Any, angles: tuple[Any, Any]) -> Any:
    """Turn each pair `(i, i + head_dim / 2)` of `x` `(batch, heads, length, head_dim)` by its angle."""
    cosine, sine = angles
    half = x.shape[-1] // 2
    return x * cosine + ops.concatenate([-x[..., half:], x[..., :half]], axis=-1) * sine
