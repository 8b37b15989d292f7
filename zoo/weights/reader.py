"""Reading tensors one by one: through a small buffer, converted on the way, each number looked at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from zoo.errors import Faults, ZooError, counted, some
from zoo.weights.container import FLOATS, Tensor, is_finite, read_header

_BUFFER = 256 << 10


class Checkpoint:
    """The tensors of one or more safetensors files, listed at once and read when asked for.

    Args:
        weight_map: which file holds which tensor, where an index says so.

    Raises a ZooError for a file that is damaged or hostile, for a tensor that is there twice, or where the
    index tells another story than the files.
    """

    def __init__(self, paths: Sequence[Path], origin: str, weight_map: Mapping[str, Path] | None = None) -> None:
        self.origin = origin
        self.tensors: dict[str, Tensor] = {}
        for path in paths:
            for name, tensor in read_header(path).items():
                if name in self.tensors:
                    raise ZooError(f"Tensor '{name}' of {origin} is in two files.", why=str(path))
                self.tensors[name] = tensor
        if weight_map:
            self._check_index(weight_map)

    def _check_index(self, weight_map: Mapping[str, Path]) -> None:
        faults = Faults()
        gone = [name for name in weight_map if name not in self.tensors]
        moved = [name for name, tensor in self.tensors.items() if weight_map.get(name, tensor.path) != tensor.path]
        unsaid = [name for name in self.tensors if name not in weight_map]
        for names, what in ((gone, "in no shard"), (moved, "in another shard"), (unsaid, "not in it")):
            if names:
                faults.add(f"{counted(len(names), 'tensor is', 'tensors are')} {what}: {some(map(repr, names))}")
        faults.check(f"The index of {self.origin} does not tell what its shards hold.")

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].shape

    def is_float(self, name: str) -> bool:
        return self.tensors[name].dtype in FLOATS

    def read(self, name: str) -> np.ndarray:
        """The tensor as a numpy array of its own dtype and shape; errors as in `read_into`."""
        self._check_float(name)
        array = np.empty(self.shape(name), FLOATS[self.tensors[name].dtype])
        self.read_into(name, array)
        return array

    def read_into(self, name: str, target: np.ndarray, first: int = 0) -> None:
        """Fill `target`, an array or view of the tensor's shape and any floating dtype, with its numbers.

        A buffer of 256 KiB is all the memory it takes.

        Args:
            first: the tensor's row that `target` begins with; it may then have fewer rows.

        Raises a ZooError where the tensor is no weight, holds NaN or infinity, or holds numbers that the
        target's dtype cannot.
        """
        self._check_float(name)
        tensor = self.tensors[name]
        dtype = FLOATS[tensor.dtype]
        buffer = np.empty(max(_BUFFER, dtype.itemsize), np.uint8)
        # Unbuffered reads: a mapped page would count as memory a second time.
        with tensor.path.open("rb", buffering=0) as file:
            file.seek(tensor.start + first * math.prod(target.shape[1:]) * dtype.itemsize)
            for part in _parts(target, len(buffer) // dtype.itemsize):
                numbers = buffer[: part.size * dtype.itemsize]
                _fill(file, numbers, tensor.path, name)
                with np.errstate(over="ignore", invalid="ignore"):
                    converted = numbers.view(dtype).astype(target.dtype, copy=False)
                part[...] = converted.reshape(part.shape)
                if not is_finite(converted):
                    raise ZooError(
                        f"'{name}' of {self.origin} holds NaN or infinity as {target.dtype}.",
                        why=str(tensor.path),
                        fix="Such weights compute nothing; the training that wrote them diverged, or the file is "
                        "damaged.",
                    )

    def same_numbers(self, one: str, other: str) -> bool:
        """Whether two tensors are equal to the last bit, as tied weights are that were saved twice."""
        tensors = self.tensors[one], self.tensors[other]
        if tensors[0].dtype != tensors[1].dtype or tensors[0].shape != tensors[1].shape:
            return False
        self._check_float(one)
        left = math.prod(tensors[0].shape) * FLOATS[tensors[0].dtype].itemsize
        with tensors[0].path.open("rb") as first, tensors[1].path.open("rb") as second:
            first.seek(tensors[0].start)
            second.seek(tensors[1].start)
            while left > 0:
                size = min(left, _BUFFER)
                if first.read(size) != second.read(size):
                    return False
                left -= size
        return True

    @property
    def parameters(self) -> int:
        """How many floating-point numbers there are in all."""
        return sum(math.prod(tensor.shape) for name, tensor in self.tensors.items() if self.is_float(name))

    def _check_float(self, name: str) -> None:
        if not self.is_float(name):
            tensor = self.tensors[name]
            raise ZooError(f"'{name}' has dtype {tensor.dtype}; weights are {some(FLOATS)}.", why=str(tensor.path))


def _parts(target: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """The target in order, as views of at most `most` numbers."""
    if target.size <= most:
        if target.size:
            yield target
        return
    row = target.size // len(target)
    if row > most:
        for inner in target:
            yield from _parts(inner, most)
        return
    step = most // row
    for start in range(0, len(target), step):
        yield target[start : start + step]


def _fill(file: BinaryIO, buffer: np.ndarray, path: Path, name: str) -> None:
    done = 0
    while done < len(buffer):
        read = file.readinto(buffer.data[done:])  # type: ignore[attr-defined]
        if not read:
            raise ZooError(f"{path} ended in the middle of tensor '{name}'.")
        done += read
