"""What a recipe changes of the config of the checkpoint that it starts from."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from zoo.errors import Faults, did_you_mean
from zoo.hub.description import PRETRAINED, is_timm, kind_of, pretrained_of
from zoo.loading import Found
from zoo.registry.code import architecture_of, find_architecture

_OF_TIMM = ("model_args", "pretrained_cfg")


def with_changes(found: Found, changes: Mapping[str, Any]) -> Found:
    """The model that a name stands for, with keys of its `config.json` changed; tables of it key by key.

    Raises a ZooError that lists the keys which such a config does not have: they would change nothing.
    """
    if not changes:
        return found
    source, faults = found.source, Faults()
    if is_timm(source):
        known = {*source, *_OF_TIMM}
    else:
        record = find_architecture(found.architecture or architecture_of(kind_of(source)))
        known = {*source, *(field.name for field in dataclasses.fields(record.config))} - {"source"}
    _check(changes, known, "model.config", faults)
    if is_timm(source) and isinstance(table := changes.get("pretrained_cfg"), Mapping):
        _check(table, {*pretrained_of(source), *PRETRAINED}, "model.config.pretrained_cfg", faults)
    faults.check(f"The config of {found.name} cannot be changed like that.")
    return dataclasses.replace(found, config=_merged(source, changes))


def _check(changes: Mapping[str, Any], known: Collection[str], table: str, faults: Faults) -> None:
    """Note the keys that the table does not have."""
    for key in changes:
        if key not in known:
            faults.add(f"{table}.{key} is no key of it.{did_you_mean(key, known)}")


def _merged(source: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The table with the changes in it; a table among them changes what is named of its own."""
    merged = dict(source)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(value, Mapping) and isinstance(old, Mapping) else value
    return merged
