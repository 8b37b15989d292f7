"""Layout tables: which tensor of a checkpoint is which variable of a model. One table loads, saves and is audited.

    Rule("layer.{i}.output.dense.weight", "layer_{i}/down/kernel")
    Rule("fc.weight", "head/classifier/kernel", transpose)

`{i}` stands for a number and is the same number on both sides; so do `{j}` and any other small letter.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class Op:
    """A reversible rearrangement of numbers.

    Args:
        load: tensor -> variable.
        save: variable -> tensor.
        shape: the tensor's shape for a variable's shape.
    """

    name: str
    load: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    save: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    shape: Callable[[tuple[int, ...]], tuple[int, ...]] = field(repr=False)


same = Op("same", lambda x: x, lambda x: x, lambda shape: shape)
# Torch keeps a linear layer's matrix as (out, in), as zoo.nn.linear does; keras.layers.Dense as (in, out).
transpose = Op("transpose", np.transpose, np.transpose, lambda shape: shape[::-1])
# Torch keeps a convolution's kernel as (out, in, height, width), Keras as (height, width, in, out).
channels_last = Op(
    "channels_last",
    lambda x: np.transpose(x, (2, 3, 1, 0)),
    lambda x: np.transpose(x, (3, 2, 0, 1)),
    lambda shape: (shape[3], shape[2], shape[0], shape[1]),
)
# A matrix (in, out) that the checkpoint keeps as a convolution of one pixel.
pixel = Op(
    "pixel",
    lambda x: np.transpose(x[:, :, 0, 0]),
    lambda x: np.transpose(x)[:, :, None, None],
    lambda shape: (shape[1], shape[0], 1, 1),
)

_PLACE = re.compile(r"\{([a-z])\}")
_ANY = dict.fromkeys(string.ascii_lowercase, "*")


@dataclass(frozen=True)
class Rule:
    """One row of a layout.

    Args:
        tensor: the tensor's name in the checkpoint; what zoo writes.
        variable: the variable's path in the model.
        op: how the numbers are rearranged between the two.
        aliases: other names the tensor is known by; read, never written.
        counter: the name of a whole number that torch keeps beside the tensor, and that changes nothing: it is
            read past, and written as 0.
    """

    tensor: str
    variable: str
    op: Op = same
    aliases: tuple[str, ...] = ()
    counter: str = ""


@dataclass(frozen=True)
class Layout:
    """The rows of one checkpoint format.

    Args:
        rules: one for each kind of variable.
        ignore: `{pattern of tensor names: why zoo does not read them}`. `*` stands for anything.
        prefix: a prefix that the names of a checkpoint may carry or lack as a whole, such as `bert.`; it is
            written where the rule's tensor name carries it.
        fresh: patterns of variable paths that a checkpoint of another task, or of other labels, may lack: a new
            head, which starts at random.
        labelled: patterns of the variable paths whose shapes follow the labels: the output layer.
    """

    rules: tuple[Rule, ...]
    ignore: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    fresh: tuple[str, ...] = ()
    labelled: tuple[str, ...] = ()

    def relabelled(self) -> Layout:
        """The layout for labels other than the checkpoint's: its output layer is ignored, the new one fresh."""
        output = [rule for rule in self.rules if self.is_labelled(rule.variable)]
        rules = tuple(rule for rule in self.rules if rule not in output)
        ignore = {name: "an output layer for other labels" for rule in output for name in self.names(rule, _ANY)}
        return replace(self, rules=rules, ignore={**self.ignore, **ignore}, fresh=(*self.fresh, *self.labelled))

    def rule(self, variable: str) -> tuple[Rule, dict[str, str]] | None:
        """The row for a variable, and the numbers that `{i}` and its like stand for there."""
        if variable in self._plain:
            return self._plain[variable], {}
        for rule in self.rules:
            if found := _pattern(rule.variable).fullmatch(variable):
                return rule, found.groupdict()
        return None

    @functools.cached_property
    def _plain(self) -> dict[str, Rule]:
        """The rows that stand for one variable: a deep network may have hundreds, each looked for once."""
        return {rule.variable: rule for rule in self.rules if "{" not in rule.variable}

    def names(self, rule: Rule, numbers: Mapping[str, str]) -> Iterator[str]:
        """Every name the tensor may have, the one that zoo writes first."""
        for name in (rule.tensor, *rule.aliases):
            full = _filled(name, numbers)
            yield full
            if self.prefix and full.startswith(self.prefix):
                yield full.removeprefix(self.prefix)

    def counters(self, rule: Rule, numbers: Mapping[str, str]) -> Iterator[str]:
        """Every name of the number beside the tensor, if there is one; the one that zoo writes first."""
        if rule.counter:
            full = _filled(rule.counter, numbers)
            yield full
            if self.prefix:
                bare = full.removeprefix(self.prefix)
                yield from (name for name in (bare, self.prefix + bare) if name != full)

    def ignored(self, tensor: str) -> str:
        """Why this tensor is not read; empty where no row says so."""
        bare = tensor.removeprefix(self.prefix)
        for pattern, reason in self.ignore.items():
            if _glob(pattern).fullmatch(tensor) or _glob(pattern).fullmatch(bare):
                return reason
        return ""

    def may_be_fresh(self, variable: str) -> bool:
        return any(_glob(pattern).fullmatch(variable) for pattern in self.fresh)

    def is_labelled(self, variable: str) -> bool:
        return any(_glob(pattern).fullmatch(variable) for pattern in self.labelled)


def batch_norm(tensor: str, variable: str) -> tuple[Rule, ...]:
    """The rows of a batch normalisation, under torch's names for its parts."""
    parts = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    counters = {"moving_variance": f"{tensor}.num_batches_tracked"}
    return tuple(
        Rule(f"{tensor}.{there}", f"{variable}/{here}", counter=counters.get(here, ""))
        for here, there in parts.items()
    )


def conv_norm(convolution: str, norm: str, variable: str) -> tuple[Rule, ...]:
    """The rows of a `zoo.nn.ConvNorm`, whose convolution and norm have names of their own in the checkpoint."""
    return (
        Rule(f"{convolution}.weight", f"{variable}/convolution/kernel", channels_last),
        *batch_norm(norm, f"{variable}/norm"),
    )


def without_prefix(rules: Sequence[Rule], prefix: str) -> tuple[Rule, ...]:
    """The rules of a model that is saved bare: its tensors carry no prefix, and one that they carry is read."""
    return tuple(
        replace(
            rule,
            tensor=rule.tensor.removeprefix(prefix),
            aliases=(rule.tensor, *rule.aliases) if prefix else rule.aliases,
            counter=rule.counter.removeprefix(prefix),
        )
        for rule in rules
    )


def _filled(name: str, numbers: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: numbers[place[1]], name)


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    # Split by the places, every second part is a letter; a letter's second place repeats its number.
    parts, seen = [], set()
    for n, part in enumerate(_PLACE.split(template)):
        if n % 2 == 0:
            parts.append(re.escape(part))
        else:
            parts.append(f"(?P={part})" if part in seen else rf"(?P<{part}>\d+)")
            seen.add(part)
    return re.compile("".join(parts))


@functools.cache
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
