"""Reading safetensors: the library checks the file's structure, this module the names, then tensors one by one.

Format: https://huggingface.co/docs/safetensors, "Format".
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np

from zoo.errors import ZooError

_DTYPES = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
}


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: `dtype` as the file names it, `shape`, and the bytes from `start`."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    start: int


class Checkpoint:
    """The tensors of one or more safetensors files, listed at once and read when asked for.

    Raises a ZooError for a file that is damaged, or that names a tensor twice.
    """

    def __init__(self, paths: Sequence[Path], origin: str) -> None:
        self.origin = origin
        self.tensors: dict[str, Tensor] = {}
        for path in paths:
            for name, tensor in _header(path).items():
                if name in self.tensors:
                    raise ZooError(f"Tensor '{name}' of {origin} is in two files.", why=str(path))
                self.tensors[name] = tensor

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].shape

    def is_float(self, name: str) -> bool:
        return self.tensors[name].dtype in _DTYPES

    def read(self, name: str) -> np.ndarray:
        """The tensor as a numpy array of its own dtype and shape. Raises a ZooError where it is no weight."""
        tensor = self.tensors[name]
        if not self.is_float(name):
            raise ZooError(
                f"'{name}' has dtype {tensor.dtype}; weights are {', '.join(_DTYPES)}.", why=str(tensor.path)
            )
        try:
            array = np.empty(tensor.shape, _DTYPES[tensor.dtype])
        except ValueError as error:  # no elements, and dimensions beyond any array's
            raise ZooError(f"{tensor.path}: tensor '{name}' cannot be read.", why=str(error)) from error
        # The bytes go straight into the array: a mapped page would count as memory a second time.
        buffer = array.reshape(-1).view(np.uint8)
        with tensor.path.open("rb", buffering=0) as file:
            file.seek(tensor.start)
            done = 0
            while done < buffer.nbytes:
                read = file.readinto(buffer.data[done:])
                if not read:
                    raise ZooError(f"{tensor.path} ended in the middle of tensor '{name}'.")
                done += read
        return array

    @property
    def parameters(self) -> int:
        """How many floating-point numbers there are in all."""
        return sum(math.prod(tensor.shape) for name, tensor in self.tensors.items() if self.is_float(name))


def _header(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass  # opening it checks the sizes, offsets and shapes that the header claims
    except (SafetensorError, OSError) as error:
        raise ZooError(f"{path} is not a sound safetensors file.", why=str(error)) from error
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(length), object_pairs_hook=lambda pairs: _unique(pairs, path))
    entries.pop("__metadata__", None)
    return {
        name: Tensor(path, entry["dtype"], tuple(entry["shape"]), 8 + length + entry["data_offsets"][0])
        for name, entry in entries.items()
    }


def _unique(pairs: list[tuple[str, object]], path: Path) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        twice = sorted({name for name, _ in pairs if [n for n, _ in pairs].count(name) > 1})
        raise ZooError(f"{path} is not a sound safetensors file.", why=f"'{twice[0]}' is there twice")
    return names
