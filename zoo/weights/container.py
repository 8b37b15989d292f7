"""The safetensors container: the library checks that a file is sound, this module that nothing in it is a trap.

Format: https://huggingface.co/docs/safetensors, "Format". The library (0.8) accepts names that occur twice, empty
or hostile names, and dimensions beyond any array's where another dimension is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np

from zoo import strict_json
from zoo.errors import Faults, ZooError

FLOATS = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
}
WRITABLE = {**FLOATS, "I64": np.dtype(np.int64)}  # the counters that some formats keep beside weights
# Where all bits of the exponent are set a number is infinite or not a number.
_EXPONENTS = {"bfloat16": (np.uint16, 0x7F80)}
# A header's JSON takes some ten times its length in memory; 100,000 tensors need 10 MB.
_LONGEST_HEADER = 16 << 20
_LARGEST_DIMENSION = 1 << 40
_LONGEST_NAME = 512


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: `dtype` as the file names it, `shape`, and the bytes from `start`."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    start: int


def read_header(path: Path) -> dict[str, Tensor]:
    """The tensors of one file, by name. Raises one ZooError with everything that is wrong with it."""
    length = _length(path)
    _check_structure(path)
    with path.open("rb") as file:
        file.seek(8)
        try:
            entries = strict_json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise unsound(path, str(error)) from error
    entries.pop("__metadata__", None)
    faults = Faults()
    for name, entry in entries.items():
        faults.found += [f"tensor {name[:80]!r} {wrong}" for wrong in _hostile(name, entry["shape"])]
    if faults:
        raise unsound(path, *faults.found[:8])
    return {
        name: Tensor(path, entry["dtype"], tuple(entry["shape"]), 8 + length + entry["data_offsets"][0])
        for name, entry in entries.items()
    }


def hostile_name(name: str) -> str:
    """Why a tensor must not be called so; empty where it may."""
    if not name or len(name) > _LONGEST_NAME:
        return f"has a name of {len(name):,} characters"
    if not name.isprintable():
        return "has a name with characters that cannot be printed"
    if "\\" in name or name.startswith("/") or ".." in name.split("/"):
        return "has a name that leads out of a folder"
    return ""


def is_finite(numbers: np.ndarray) -> bool:
    """Whether an array, not a scalar, is free of NaN and infinity."""
    # numpy is slow to look at the types that ml_dtypes adds.
    if numbers.dtype.name in _EXPONENTS:
        unsigned, mask = _EXPONENTS[numbers.dtype.name]
        return not bool(((numbers.view(unsigned) & mask) == mask).any())
    return bool(np.isfinite(numbers).all())


def unsound(path: Path, *why: str) -> ZooError:
    return ZooError(
        f"{path} is not a sound safetensors file.",
        why=why,
        fix="Fetch or write it again; what a trusted tool wrote has none of this.",
    )


def _hostile(name: str, shape: list[int]) -> list[str]:
    wrong = [hostile_name(name)] if hostile_name(name) else []
    if len(shape) > 32 or any(n > _LARGEST_DIMENSION for n in shape):
        wrong.append("has a shape that no array can have")
    return wrong


def _length(path: Path) -> int:
    """The length of the header, which must lie inside the file. What is no regular file is never opened."""
    if not path.is_file():
        raise unsound(path, "it is not there, or is not a file")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
    except OSError as error:
        raise unsound(path, str(error)) from error
    if size < 8 or length > size - 8:
        raise unsound(path, f"it has {size:,} bytes and announces a header of {length:,}")
    if length > _LONGEST_HEADER:
        raise unsound(path, f"its header has {length:,} bytes; zoo reads {_LONGEST_HEADER:,} at most")
    return length


def _check_structure(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass  # opening it checks the sizes, offsets and shapes that the header claims
    except (SafetensorError, OSError) as error:
        raise unsound(path, str(error)) from error
