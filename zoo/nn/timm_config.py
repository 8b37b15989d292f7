"""The tables of timm's `config.json`, with what is wrong in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.errors import Faults
from zoo.hub.description import pretrained_of

_POOLING = ("avg", "")
"""The mean, or nothing, where a network without a head gives its features unpooled."""


def table_of(source: Mapping[str, Any], key: str, faults: Faults) -> Mapping[str, Any]:
    """One of timm's tables, `model_args` or `pretrained_cfg`; empty where there is none, or something else."""
    table = source.get(key) or {}
    if isinstance(table, Mapping):
        return table
    faults.add(f"{key} = {table!r:.80} is not a table")
    return {}


def channels_of(source: Mapping[str, Any], args: Mapping[str, Any], faults: Faults) -> int:
    """How many channels the pictures of timm's network have, whose `model_args` these are."""
    table_of(source, "pretrained_cfg", faults)  # notes where it is none
    size = pretrained_of(source).get("input_size") or [3]
    told = args.get("in_chans") or (size[0] if isinstance(size, list) else size)
    if isinstance(told, int) and told > 0:
        return told
    faults.add(f"pretrained_cfg.input_size = {size!r:.80} does not begin with a number of channels")
    return 3


def check_pooling(source: Mapping[str, Any], args: Mapping[str, Any], faults: Faults) -> None:
    """Note a `global_pool` that zoo does not compute; as in timm, `model_args` is asked before `pretrained_cfg`."""
    for name, table in (("model_args", args), ("pretrained_cfg", pretrained_of(source))):
        if (told := table.get("global_pool")) is not None:
            if told not in _POOLING:
                faults.add(f"{name}.global_pool = {told!r} is not supported")
            return
