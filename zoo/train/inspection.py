"""What there is to know of a run's data before anything is trained."""

from __future__ import annotations

from zoo.data.examples import Examples
from zoo.data.labels import label_order, majority
from zoo.train.splits import Splits


def data_facts(splits: Splits) -> dict[str, str]:
    """Columns, rows, classes and what was left out, for people."""
    facts = {}
    if columns := [f"{k} = '{v}'" for k, v in splits.settled.items() if v]:
        facts["columns"] = ", ".join(columns)
    if splits.notes:
        facts["left out"] = "; ".join(splits.notes)
    facts["rows"] = ", ".join(f"{len(part):,} {name}" for name, part in splits.parts.items())
    facts["classes"] = _classes(splits.train)
    return facts


def class_counts(examples: Examples) -> dict[str, int]:
    """How often each label occurs, in the order of the labels."""
    labels = examples.labels or []
    return {label: labels.count(label) for label in label_order(labels)}


def _classes(train: Examples) -> str:
    counts = class_counts(train)
    label, share = majority(train.labels or [])
    rarest = min(counts, key=lambda name: counts[name])
    told = f"{len(counts)}, the largest '{label}' with {share:.1%}"
    if counts[rarest] == counts[label]:
        return told
    return f"{told}, the smallest '{rarest}' with {counts[rarest] / len(train):.1%}"
