"""PEFT's `adapter_config.json`: what of it decides the maths, read with every fault at once, and written.

Reference: peft/tuners/lora/config.py
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import Faults, ZooError
from zoo.hub.files import ADAPTER_CONFIG

TASK_TYPES = {
    "text-classification": "SEQ_CLS",
    "token-classification": "TOKEN_CLS",
    "text-generation": "CAUSAL_LM",
    "feature-extraction": "FEATURE_EXTRACTION",
}
"""Hub task names, and what PEFT calls those it knows."""

# Values that change nothing; with any other the adapter computes something that zoo does not.
_HARMLESS: Mapping[str, tuple[Any, ...]] = {
    "bias": ("none",),
    "lora_bias": (False,),
    "target_parameters": ([],),
    "trainable_token_indices": (),
    "layer_replication": (),
    "alora_invocation_tokens": (),
    "use_qalora": (False,),
    "use_bdlora": (False,),
    "arrow_config": (),
    "kasa_config": (),
    "velora_config": (),
    "monteclora_config": (),
}
# Ways to start that leave the base as it is. The others (PiSSA, OLoRA, LoftQ, ...) change it and do not say how.
_STARTS = (True, False, "gaussian", "orthogonal", "eva")
NUMBERS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "rank": (lambda x: _is_whole(x) and x > 0, "a positive whole number"),
    "alpha": (lambda x: _is_number(x), "a number"),
    "dropout": (lambda x: _is_number(x) and 0 <= x < 1, "a share below 1"),
}
"""What the numbers of an adapter may be, and how it is said."""

_LITERAL = re.compile(r"\^?[\w.-]+$")


@dataclass(frozen=True)
class PeftConfig:
    """What an adapter is, without its numbers.

    Args:
        rank, alpha, dropout, rslora, dora: as in `zoo.nn.Lora`.
        targets: the modules with a change of low rank, by name or by the end of it; a string is a regular
            expression of whole names, or PEFT's word for all linear layers, which is the name of none.
        excluded: of these, the ones without.
        partial: only some of the numbered layers are meant.
        saved: modules that are kept whole beside the changes.
        ranks, alphas: where single modules differ, by name or by the end of it.
        task_type: PEFT's word for the task, if it has one.
        base, revision: the model it was made for.
    """

    rank: int
    alpha: float
    dropout: float = 0.0
    rslora: bool = False
    dora: bool = False
    targets: str | Sequence[str] = ()
    excluded: str | Sequence[str] = ()
    partial: bool = False
    saved: Sequence[str] = ()
    ranks: Mapping[str, int] = field(default_factory=dict)
    alphas: Mapping[str, float] = field(default_factory=dict)
    task_type: str | None = None
    base: str | None = None
    revision: str | None = None

    def rank_of(self, module: str) -> int:
        return _by_end(self.ranks, module, self.rank)

    def alpha_of(self, module: str) -> float:
        return _by_end(self.alphas, module, self.alpha)

    @property
    def task(self) -> str:
        """The Hub task name, or empty."""
        return next((task for task, kind in TASK_TYPES.items() if kind == self.task_type), "")

    def expects(self, module: str) -> bool:
        """Whether the config names a linear layer as changed; False where it does not say so plainly."""
        if self.partial:
            return False
        return _means(self.targets, module) and not _means(self.excluded, module) and not self.keeps(module)

    def keeps(self, module: str) -> bool:
        """Whether a module is one of those kept whole, or inside of one."""
        return any(ends_with(module, name) or f".{name}." in f".{module}" for name in self.saved)

    def written(self) -> dict[str, Any]:
        """The content for an `adapter_config.json`."""
        return {
            "alpha_pattern": dict(self.alphas),
            "base_model_name_or_path": self.base,
            "bias": "none",
            "fan_in_fan_out": False,
            "inference_mode": True,
            "init_lora_weights": True,
            "lora_alpha": _plain(self.alpha),
            "lora_dropout": self.dropout,
            "modules_to_save": list(self.saved) or None,
            "peft_type": "LORA",
            "r": self.rank,
            "rank_pattern": dict(self.ranks),
            "revision": self.revision,
            "target_modules": self.targets if isinstance(self.targets, str) else list(self.targets),
            "task_type": self.task_type,
            "use_dora": self.dora,
            "use_rslora": self.rslora,
        }


def read_config(source: Mapping[str, Any], origin: str) -> PeftConfig:
    """Read a parsed `adapter_config.json`. Raises a ZooError that lists every fault."""
    if source.get("peft_type") != "LORA":
        raise ZooError(
            f"The adapter of {origin} is not LoRA.",
            why=f"peft_type = {source.get('peft_type')!r}; zoo reads 'LORA'",
        )
    faults = Faults()

    def value(key: str, default: Any, fits: Any, wanted: str) -> Any:
        found = source.get(key)
        if found is None:
            return default
        if not fits(found):
            faults.add(f"{key} = {found!r:.80}: {wanted} is needed")
            return default
        return found

    names, modules = "a list of module names", "a list of module names or a regular expression"
    config = PeftConfig(
        rank=value("r", 8, *NUMBERS["rank"]),
        alpha=value("lora_alpha", 8, *NUMBERS["alpha"]),
        dropout=value("lora_dropout", 0.0, *NUMBERS["dropout"]),
        rslora=value("use_rslora", False, lambda x: isinstance(x, bool), "true or false"),
        dora=value("use_dora", False, lambda x: isinstance(x, bool), "true or false"),
        targets=value("target_modules", (), _mean_modules, modules),
        excluded=value("exclude_modules", (), _mean_modules, modules),
        partial=source.get("layers_to_transform") not in (None, []),
        saved=value("modules_to_save", (), _are_names, names),
        ranks=value("rank_pattern", {}, lambda x: _is_pattern(x, _is_whole), "a table of ranks by module name"),
        alphas=value(
            "alpha_pattern", {}, lambda x: _is_pattern(x, _is_number), "a table of numbers by module name"
        ),
        task_type=value("task_type", None, lambda x: isinstance(x, str), "a string"),
        base=value("base_model_name_or_path", None, lambda x: isinstance(x, str), "a string"),
        revision=value("revision", None, lambda x: isinstance(x, str), "a string"),
    )
    for key, harmless in _HARMLESS.items():
        if source.get(key) is not None and source[key] not in harmless:
            faults.add(f"{key} = {source[key]!r:.80} is not supported")
    if (start := source.get("init_lora_weights", True)) not in (*_STARTS, None):
        faults.add(
            f"init_lora_weights = {start!r:.80}: the base model was changed, and the adapter does not say how"
        )
    faults.check(f"{ADAPTER_CONFIG} of {origin} does not describe an adapter that zoo can read.")
    return config


def ends_with(module: str, name: str) -> bool:
    """Whether `name` is a module's name or the end of it, in whole words."""
    return module == name or module.endswith(f".{name}")


def _means(modules: str | Sequence[str], module: str) -> bool:
    """Whether a module is one of those that are named, or that a regular expression matches."""
    if isinstance(modules, str):
        return re.fullmatch(modules, module) is not None
    return any(ends_with(module, name) for name in modules)


def _by_end(pattern: Mapping[str, Any], module: str, default: Any) -> Any:
    for name, value in pattern.items():
        plain = name.replace("\\.", ".")
        if module == plain.removeprefix("^") if plain.startswith("^") else ends_with(module, plain):
            return value
    return default


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number


def _is_whole(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)


def _are_names(x: Any) -> bool:
    return isinstance(x, list) and all(isinstance(name, str) for name in x)


def _mean_modules(x: Any) -> bool:
    if not isinstance(x, str):
        return _are_names(x)
    try:
        re.compile(x)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _is_pattern(x: Any, fits: Any) -> bool:
    """A table by module name; PEFT allows regular expressions there, and writes none that is not a plain name."""
    return isinstance(x, dict) and all(_LITERAL.match(k.replace("\\.", ".")) and fits(v) for k, v in x.items())
