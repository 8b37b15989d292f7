"""The config that a recipe gives: all of a new model's, or what it changes of a checkpoint's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from zoo.errors import Faults, did_you_mean
from zoo.hub.description import PRETRAINED, is_timm, kind_of
from zoo.loading import Found, described
from zoo.nn.config import Keys, keys_of
from zoo.registry.code import architecture_of, find_architecture

_TIMM: Keys = {
    **keys_of(("architecture", "num_classes", "label_names", "labels", "label_descriptions", "model_args")),
    "pretrained_cfg": keys_of(PRETRAINED),
}
"""Of `model_args`, the architecture tells what it does not read."""
_OF_ALL = keys_of(
    (
        *("model_type", "architectures", "transformers_version", "dtype", "torch_dtype", "use_cache"),
        "_name_or_path",
        *("id2label", "label2id", "num_labels", "problem_type"),
    )
)
"""What transformers writes into every `config.json`, whatever the model."""


def with_changes(found: Found, changes: Mapping[str, Any]) -> Found:
    """The model that a name stands for, with keys of its `config.json` changed; tables of it key by key.

    Raises a ZooError that lists the keys which such a config does not have: they would change nothing.
    """
    if not changes:
        return found
    source, faults = found.source, Faults()
    _check(changes, _known(found), source, "model.config", faults)
    faults.check(f"The config of {found.name} cannot be changed like that.")
    return dataclasses.replace(found, config=_merged(source, changes))


def own_config(architecture: str, config: Mapping[str, Any]) -> Found:
    """A new model of an architecture. Raises a ZooError that lists the keys of its config which nothing reads."""
    found, faults = described(architecture, config), Faults()
    known = _known(found)
    _check(config, known if is_timm(config) else {**_OF_ALL, **known}, {}, "model.config", faults)
    faults.check(f"The config of '{architecture}' cannot be like that.", fix="Correct them, or leave them out.")
    return found


def _known(found: Found) -> Keys:
    """What zoo reads of the config of a model."""
    source = found.source
    if is_timm(source):
        return _TIMM if "pretrained_cfg" in source else {**keys_of(PRETRAINED), **_TIMM}
    return find_architecture(found.architecture or architecture_of(kind_of(source))).config.keys()


def _check(given: Mapping[str, Any], known: Keys, there: Mapping[str, Any], table: str, faults: Faults) -> None:
    """Note the keys that are neither known nor there, also those of tables within."""
    for key, value in given.items():
        if key not in known and key not in there:
            faults.add(f"{table}.{key} is no key of it.{did_you_mean(key, {*known, *there})}")
        elif isinstance(value, Mapping) and known.get(key):
            within = there.get(key)
            _check(value, known[key], within if isinstance(within, Mapping) else {}, f"{table}.{key}", faults)


def _merged(source: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The table with the changes in it; a table among them changes what is named of its own."""
    merged = dict(source)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(value, Mapping) and isinstance(old, Mapping) else value
    return merged
