"""`checkpoint`: tensors in a real safetensors file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from zoo.weights.reader import Checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Callable[[Mapping[str, np.ndarray]], Checkpoint]:
    """`checkpoint({name: array})`: written to a file and opened."""

    def write(tensors: Mapping[str, np.ndarray]) -> Checkpoint:
        path = tmp_path / "model.safetensors"
        save_file({name: np.asarray(array, order="C") for name, array in tensors.items()}, path)
        return Checkpoint([path], "the toy")

    return write
