"""What there is to know of a run's data before anything is trained."""

from __future__ import annotations

from statistics import median

from zoo.data.examples import Examples
from zoo.data.labels import label_order, majority
from zoo.data.problems import MULTI, REGRESSION, SINGLE, TOKENS, classes_of
from zoo.train.splits import Splits


def data_facts(splits: Splits) -> dict[str, str]:
    """Columns, rows, labels and what was left out, for people."""
    facts: dict[str, str] = {}
    settled = {key: value for key, value in splits.settled.items() if value and key != "problem_type"}
    if sources := dict.fromkeys(settled.pop(key) for key in ("train", "validation", "test") if key in settled):
        facts["data"] = ", ".join(sources)
    if columns := [f"{k} = '{v}'" for k, v in settled.items()]:
        facts["columns"] = ", ".join(columns)
    if splits.notes:
        facts["left out"] = "; ".join(splits.notes)
    facts["rows"] = ", ".join(f"{len(part):,} {name}" for name, part in splits.parts.items())
    told = {SINGLE: _classes, MULTI: _several, REGRESSION: _numbers, TOKENS: _tags}.get(splits.train.problem)
    return facts | told(splits.train) if told else facts


def class_counts(examples: Examples) -> dict[str, int]:
    """How often each class occurs, in the order of the classes; numbers have none."""
    counts = classes_of(examples.labels or [])
    return {label: counts[label] for label in label_order(counts)}


def _tags(train: Examples) -> dict[str, str]:
    counts = class_counts(train)
    words = sum(counts.values())
    most, least = (pick(counts, key=lambda name: counts[name]) for pick in (max, min))
    shares = (f"'{name}' with {counts[name] / words:.1%}" for name in (most, least))
    return {"tags": f"{len(counts)} on {words:,} words; the largest {', the smallest '.join(shares)}"}


def _classes(train: Examples) -> dict[str, str]:
    counts = class_counts(train)
    label, share = majority(train.labels or [])
    rarest = min(counts, key=lambda name: counts[name])
    told = f"{len(counts)}, the largest '{label}' with {share:.1%}"
    if counts[rarest] < counts[label]:
        told += f", the smallest '{rarest}' with {counts[rarest] / len(train):.1%}"
    return {"classes": told}


def _several(train: Examples) -> dict[str, str]:
    counts = class_counts(train)
    most, least = (pick(counts, key=lambda name: counts[name]) for pick in (max, min))
    each = sum(counts.values()) / len(train)
    shares = (f"'{name}' in {counts[name] / len(train):.1%}" for name in (most, least))
    return {"labels": f"{len(counts)}, {each:.2g} a row; the most frequent {', the rarest '.join(shares)}"}


def _numbers(train: Examples) -> dict[str, str]:
    numbers = sorted(train.labels or [])
    return {"numbers": f"from {numbers[0]:.4g} to {numbers[-1]:.4g}, half of them below {median(numbers):.4g}"}
