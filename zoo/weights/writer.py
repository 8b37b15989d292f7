"""Writing a model as a checkpoint directory that the reference implementation loads, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.hub.files import CONFIG, WEIGHTS
from zoo.weights.build import variable_path
from zoo.weights.layout import Layout


def tensors_of(model: Any, layout: Layout) -> dict[str, np.ndarray]:
    """The model's weights under the names and in the shapes of a layout."""
    tensors = {}
    for variable in model.weights:
        path = variable_path(model, variable)
        row = layout.rule(path)
        if row is None:
            raise ZooError(f"The layout has no rule for {path}, so the model cannot be written.")
        rule, i = row
        tensors[next(layout.names(rule, i))] = np.asarray(rule.op.save(np.asarray(variable.value)), order="C")
    return tensors


def write_checkpoint(
    folder: Path, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray], extras: Mapping[str, bytes]
) -> None:
    """Write config, weights and the extra files (`{name: content}`) into `folder`, empty or not there yet.

    Everything is written beside it and renamed at the end, so that a kill never leaves half a model.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ZooError(
            f"{folder} is already there.", fix="Choose another directory, or remove it if you do not need it."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise ZooError(f"The model could not be written to {folder}.", why=str(error)) from error
    try:
        (staging / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        save_file(dict(tensors), staging / WEIGHTS, metadata={"format": "pt"})
        for name, content in extras.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).write_bytes(content)
        staging.chmod(0o755)
        os.replace(staging, folder)
    except (OSError, SafetensorError) as error:
        raise ZooError(f"The model could not be written to {folder}.", why=str(error)) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
