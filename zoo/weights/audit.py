"""The audit: before a number is read, every variable has its tensor and every tensor its variable or reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zoo.errors import Faults, counted, some
from zoo.weights.container import FLOATS
from zoo.weights.layout import Layout, Op
from zoo.weights.reader import Checkpoint


@dataclass(frozen=True)
class Audit:
    """What a load reads and what it leaves.

    Args:
        sources: `{variable: (tensor, op)}`.
        fresh: variables that the checkpoint lacks and the task starts at random.
        ignored: `{tensor: why it is not read}`.
    """

    sources: Mapping[str, tuple[str, Op]] = field(default_factory=dict)
    fresh: Sequence[str] = ()
    ignored: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """What was read, how much is new and what was left, for a person to look at."""
        lines = [f"{counted(len(self.sources), 'variable')} from the checkpoint"]
        if self.fresh:
            lines.append(f"new, at random: {', '.join(self.fresh)}")
        for reason in dict.fromkeys(self.ignored.values()):
            tensors = [tensor for tensor, why in self.ignored.items() if why == reason]
            lines.append(f"left in the checkpoint: {some(tensors)} ({reason})")
        return "\n".join(lines)


def audit(layout: Layout, variables: Mapping[str, tuple[int, ...]], checkpoint: Checkpoint) -> Audit:
    """Match a model's variables `{path: shape}` with a checkpoint's tensors by a layout.

    Raises one ZooError that lists, for both sides, all that does not match.
    """
    faults = Faults()
    sources: dict[str, tuple[str, Op]] = {}
    fresh: list[str] = []
    missing: list[str] = []
    counters: set[str] = set()
    for variable, shape in variables.items():
        row = layout.rule(variable)
        counters.update(layout.counters(*row) if row else ())
        names = list(layout.names(*row)) if row else []
        there = [name for name in names if name in checkpoint]
        if row and there:
            faults.found += _mismatch(there[0], row[0].op, shape, checkpoint)
            sources[variable] = (there[0], row[0].op)
        elif layout.may_be_fresh(variable):
            fresh.append(variable)
        else:
            missing.append(f"{variable} ({names[0]})" if names else variable)
    used = {tensor for tensor, _ in sources.values()}
    reasons = {
        tensor: "a count, which changes nothing" if tensor in counters else layout.ignored(tensor)
        for tensor in checkpoint.tensors
        if tensor not in used
    }
    unknown = [tensor for tensor, reason in reasons.items() if not reason]
    if missing:
        faults.add(f"{counted(len(missing), 'variable has', 'variables have')} no tensor: {some(missing)}")
    if unknown:
        faults.add(f"{counted(len(unknown), 'tensor belongs', 'tensors belong')} to no variable: {some(unknown)}")
    faults.check(
        f"The weights of {checkpoint.origin} do not fit the model that its config describes.",
        fix="Take both from one place and commit; if they are from one, the architecture's layout lacks a rule.",
    )
    return Audit(sources, tuple(fresh), reasons)


def _mismatch(tensor: str, op: Op, shape: tuple[int, ...], checkpoint: Checkpoint) -> list[str]:
    if not checkpoint.is_float(tensor):
        return [f"'{tensor}' has dtype {checkpoint.tensors[tensor].dtype}; weights are {', '.join(FLOATS)}"]
    expected, found = op.shape(shape), checkpoint.shape(tensor)
    return [] if expected == found else [f"'{tensor}' has shape {found}, and the config asks for {expected}"]
