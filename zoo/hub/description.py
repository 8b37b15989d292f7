"""What a checkpoint's `config.json` says of itself, in transformers' words or in timm's, and how labels go back.

timm's has `architecture`, `num_classes` and `pretrained_cfg` where transformers' has `model_type`, `architectures`
and `id2label`.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ZooError

Source = Mapping[str, Any]

_IMAGENET_CLASSES = 1000


def is_timm(source: Source) -> bool:
    return "architecture" in source and "model_type" not in source


def kind_of(source: Source) -> str:
    """What plugins know a checkpoint by: transformers' `model_type`, or timm's `architecture`."""
    return str(source.get("architecture" if is_timm(source) else "model_type"))


def layout_of(source: Source) -> str:
    return "timm" if is_timm(source) else "transformers"


def classes_of(source: Source) -> int | None:
    """How many classes timm's classifier has; None where it is not said."""
    count = source.get("num_classes", pretrained_of(source).get("num_classes"))
    return count if isinstance(count, int) else None


PRETRAINED = (
    *("input_size", "crop_pct", "crop_mode", "interpolation", "mean", "std"),
    *("num_classes", "label_names", "labels", "label_descriptions", "global_pool"),
)
"""What zoo reads of timm's `pretrained_cfg`."""


def pretrained_of(source: Source) -> Mapping[str, Any]:
    """timm's `pretrained_cfg`, which tells of classes and pictures; an old `config.json` is one itself.

    Reference: timm/models/_hub.py (`_parse_model_cfg`)
    """
    table = source.get("pretrained_cfg", source if is_timm(source) else None)
    return table if isinstance(table, Mapping) else {}


def labels_of(source: Source) -> tuple[str, ...]:
    """The label names, in the order of their numbers.

    A config without names means `LABEL_0`, `LABEL_1`, ...: as many as it counts, else two, as in transformers.
    Of timm's they are the descriptions, where every name has one, and ImageNet's where 1,000 classes have no names.
    """
    try:
        if is_timm(source):
            return _timm_labels(source)
        named = source.get("id2label") or {n: f"LABEL_{n}" for n in range(source.get("num_labels") or 2)}
        return tuple(str(named[key]) for key in sorted(named, key=int))
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise ZooError(
            f"{'label_names' if is_timm(source) else 'id2label'} of config.json does not map numbers to names.",
            why=repr(_timm_told(source, "label_names") if is_timm(source) else source.get("id2label"))[:200],
        ) from error


def _timm_told(source: Source, key: str) -> Any:
    """What timm reads of its labels: the config's own word, else that of `pretrained_cfg`."""
    return source.get(key) or pretrained_of(source).get(key)


def _timm_labels(source: Source) -> tuple[str, ...]:
    """As timm/data/dataset_info.py has them (`CustomDatasetInfo`): a list, or a table by number that may have gaps.

    Which data set it is where there are no names, the number of classes tells, as in timm/data/imagenet_info.py.
    A description that several names share is followed by the name.
    """
    names, count = _timm_told(source, "label_names") or _timm_told(source, "labels"), classes_of(source)
    known = _imagenet() if not names and count == _IMAGENET_CLASSES else {}
    names = names or list(known)
    if not names:
        return tuple(f"LABEL_{n}" for n in range(count or 0))
    if isinstance(names, Mapping):
        numbered = {int(number): name for number, name in names.items()}
        names = [numbered.get(n, f"LABEL_{n}") for n in range(len(numbered) if count is None else count)]
    found = [str(name) for name in names]
    described = _timm_told(source, "label_descriptions") or known
    if not isinstance(described, Mapping) or not described.keys() >= {*found}:
        return tuple(found)
    often = Counter(str(described[name]) for name in found)
    told = [(name, str(described[name])) for name in found]
    return tuple(text if often[text] == 1 else f"{text} ({name})" for name, text in told)


@functools.cache
def _imagenet() -> dict[str, str]:
    """The synset of each class of ImageNet and its words, in the order of their numbers."""
    text = Path(__file__).with_name("imagenet_1k.txt").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in text.splitlines() if not line.startswith("#"))


def with_labels(source: Source, labels: Sequence[str]) -> dict[str, Any]:
    """The config with these labels, or with none; what it says already is left as it stands."""
    if is_timm(source):
        return _with_timm_labels(source, labels)
    found = dict(source)
    found.pop("num_labels", None)
    if labels:
        found["id2label"] = {str(n): label for n, label in enumerate(labels)}
        found["label2id"] = {label: n for n, label in enumerate(labels)}
    return found


def _with_timm_labels(source: Source, labels: Sequence[str]) -> dict[str, Any]:
    """timm says how many classes there are in up to three places, of which the last read wins."""
    found = dict(source)
    if tuple(labels) == labels_of(source):
        return found
    for key in ("pretrained_cfg", "model_args"):
        if isinstance(found.get(key), dict):
            table = {k: v for k, v in found[key].items() if not _is_stale(k, v)}
            found[key] = table | ({"num_classes": len(labels)} if "num_classes" in table else {})
    for key in ("label_names", "label_descriptions", "labels"):
        found.pop(key, None)
    return found | {"num_classes": len(labels)} | ({"label_names": list(labels)} if labels else {})


def _is_stale(key: str, value: Any) -> bool:
    """Whether a key of timm's tables does not hold with other labels: it names them, or says that nothing is pooled
    before a classifier."""
    return key.startswith("label") or (key == "global_pool" and not value)
