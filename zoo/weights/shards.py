"""Writing safetensors, tensor by tensor: one file, or shards and their index where it would grow too large.

Format: https://huggingface.co/docs/safetensors, "Format". The safetensors library writes too, but wants all
tensors of a file in memory at once.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.errors import ZooError
from zoo.hub.files import WEIGHTS, WEIGHTS_INDEX
from zoo.weights.container import WRITABLE, is_finite

MAX_SHARD_SIZE = "5GB"
_NAMES = {dtype: name for name, dtype in WRITABLE.items()}
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True)
class Outgoing:
    """A tensor that is to be written: what is known of it, and how to get its numbers when their turn comes."""

    dtype: np.dtype
    shape: tuple[int, ...]
    numbers: Callable[[], np.ndarray]

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def parse_size(size: int | str) -> int:
    """Bytes: a count, or a string such as `"500MB"`, `"5GB"`, `"1GiB"`. Raises a ZooError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Z]*)", str(size).strip().upper())
    if isinstance(size, bool) or not found or found[2] not in _UNITS or float(found[1]) * _UNITS[found[2]] < 1:
        raise ZooError(f"{size!r} is not a size.", fix="Say it in bytes, or as '500MB', '5GB', '1GiB'.")
    return int(float(found[1]) * _UNITS[found[2]])


def write_weights(folder: Path, tensors: Mapping[str, Outgoing], max_shard_size: int) -> None:
    """Write the tensors into `folder`, under the names by which every reader finds them.

    Raises a ZooError where a number is NaN or infinite.
    """
    shards = _divide(tensors, max_shard_size)
    if len(shards) == 1:
        write_file(folder / WEIGHTS, shards[0])
        return
    weight_map = {}
    for number, shard in enumerate(shards, 1):
        name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        write_file(folder / name, shard)
        weight_map |= dict.fromkeys(shard, name)
    index = {"metadata": {"total_size": sum(t.size for t in tensors.values())}, "weight_map": weight_map}
    (folder / WEIGHTS_INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _divide(tensors: Mapping[str, Outgoing], most: int) -> list[dict[str, Outgoing]]:
    """Shards of at most `most` bytes, filled in order; a tensor that is larger has its own."""
    shards: list[dict[str, Outgoing]] = [{}]
    filled = 0
    for name, tensor in tensors.items():
        if shards[-1] and filled + tensor.size > most:
            shards.append({})
            filled = 0
        shards[-1][name] = tensor
        filled += tensor.size
    return shards


def write_file(path: Path, tensors: Mapping[str, Outgoing]) -> None:
    """Write one safetensors file. Raises a ZooError where a number is NaN or infinite."""
    # Wide types first, so that every tensor lies at a multiple of its width.
    ordered = sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize)
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in ordered:
        start, end = end, end + tensor.size
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, tensor in ordered:
            numbers = np.ascontiguousarray(tensor.numbers())
            assert (numbers.dtype, numbers.size) == (tensor.dtype, math.prod(tensor.shape))
            flat = numbers.reshape(-1)
            if not is_finite(flat):
                raise ZooError(
                    f"'{name}' holds NaN or infinity, so the model is not written.",
                    fix="The training diverged: lower the learning rate, or go back to an earlier checkpoint.",
                )
            file.write(flat.view(np.uint8).data)
