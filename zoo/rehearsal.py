"""`zoo plugins check`: can a plugin's architectures be built, and do their layouts name every variable?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.backend import abstractly
from zoo.errors import ZooError, some
from zoo.loading import build, described
from zoo.registry.code import find_architecture
from zoo.registry.manifest import Manifest


def rehearsal_faults(manifest: Manifest) -> list[str]:
    """Build each architecture by its config's defaults for each task, without a number, and tell what fails.

    The plugin's code runs: whatever it raises is a fault.
    """
    faults = []
    for name, entry in manifest.architectures.items():
        found: dict[str, list[str]] = {}  # one mistake most often stops several tasks
        for task in entry.tasks:
            for fault in _faults(f"{manifest.plugin}:{name}", task):
                found.setdefault(fault, []).append(task)
        faults += [f"{name} ({', '.join(tasks)}): {fault}" for fault, tasks in found.items()]
    return faults


def _faults(qualified: str, task: str) -> Iterator[str]:
    from zoo.weights.build import variable_path

    try:
        architecture = find_architecture(qualified)
        model = _abstract(qualified, task, architecture.modality)
        paths = [variable_path(model, variable) for variable in model.weights]
        for name, layout_of in architecture.layouts.items():
            layout = layout_of(model.config, task)
            if nameless := [path for path in paths if layout.rule(path) is None]:
                yield f"variables without a rule in the layout '{name}': {some(nameless)}"
    except ZooError as error:
        yield " ".join(["its config's defaults build no model:", error.what, *error.why])
    except (Exception, SystemExit) as error:  # a plugin may even call sys.exit
        yield f"its config's defaults build no model: {type(error).__name__}: {error}"


def _abstract(qualified: str, task: str, modality: str) -> Any:
    """A model whose variables have shapes and no values."""
    from zoo.tasks import task_model

    kind = task_model(task, modality)
    labels = ("a", "b") if kind and kind.needs_labels else None
    found = described(qualified, {})
    return abstractly(lambda: build(found, task=task, labels=labels, weights="random"))[0]
