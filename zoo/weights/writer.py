"""Writing a model as a checkpoint directory that the reference implementation loads, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import Faults
from zoo.hub.files import CONFIG, hostile_path
from zoo.weights.container import WRITABLE, hostile_name
from zoo.weights.shards import MAX_SHARD_SIZE, Outgoing, parse_size, write_weights
from zoo.weights.staging import staged


def write_checkpoint(
    folder: Path,
    config: Mapping[str, Any],
    tensors: Mapping[str, Outgoing],
    extras: Mapping[str, bytes],
    *,
    max_shard_size: int | str = MAX_SHARD_SIZE,
) -> None:
    """Write config, weights and the extra files (`{name: content}`) into `folder`, empty or not there yet.

    Args:
        max_shard_size: weights beyond this many bytes (or `"500MB"`, `"5GB"`) become shards with an index.

    Raises a ZooError, and leaves nothing behind, where `folder` is taken, the disk refuses, or what was to be
    written could not be read again.
    """
    most = parse_size(max_shard_size)
    _check(tensors, extras)
    with staged(folder) as staging:
        (staging / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        write_weights(staging, tensors, most)
        for name, content in extras.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).write_bytes(content)


def _check(tensors: Mapping[str, Outgoing], extras: Mapping[str, bytes]) -> None:
    faults = Faults()
    for name, tensor in tensors.items():
        if wrong := hostile_name(name):
            faults.add(f"tensor {name!r} {wrong}")
        if tensor.dtype not in WRITABLE.values():
            faults.add(f"tensor {name!r} has dtype {tensor.dtype}; weights are {', '.join(WRITABLE)}")
    for name in extras:
        if hostile_path(name) or name == CONFIG or name.endswith(".safetensors"):
            faults.add(f"{name!r} cannot be the name of a file beside the weights")
    faults.check("The model cannot be written.")
