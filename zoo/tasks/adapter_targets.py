"""Which linear layers an adapter changes: by what they do, or by patterns of their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from zoo.errors import ZooError, did_you_mean, some

GROUPS = ("attention", "mlp", "all")


def chosen_layers(layers: Mapping[str, Sequence[str]], targets: str) -> list[str]:
    """The paths of the layers that `targets` means, in the order of the layers.

    Args:
        layers: `{path: its names in the checkpoint}`, the layers that can be changed.
        targets: groups and patterns, with commas between them.

    Raises a ZooError that lists every part that means no layer, or says that there is none at all.
    """
    if not layers:
        raise ZooError(
            "The model has no linear layers, which are what an adapter changes.",
            fix='Train its weights: without model.lora, or with train.freeze = "all but 1" for few of them.',
        )
    wanted = [part.strip() for part in targets.split(",") if part.strip()]
    found = {part: [path for path, names in layers.items() if _means(part, path, names)] for part in wanted}
    empty = [part for part, paths in found.items() if not paths]
    if empty or not wanted:
        words = sorted({*GROUPS, *(path.rpartition("/")[2] for path in layers)})
        raise ZooError(
            "No layer of the model is what an adapter is to change.",
            why=[f"'{part}' means none.{did_you_mean(part, words)}" for part in empty]
            if wanted
            else "nothing is named",
            fix=f"Its linear layers are {some(layers)}.",
        )
    chosen = {path for paths in found.values() for path in paths}
    return [path for path in layers if path in chosen]


def _means(part: str, path: str, names: Sequence[str]) -> bool:
    if part in GROUPS:
        place, *inside = path.split("/")
        attends = any(word.startswith("attention") for word in inside)
        return place == "backbone" and (part == "all" or attends == (part == "attention"))
    ends = (path, *names)
    return any(fnmatchcase(end, part) or end.endswith((f"/{part}", f".{part}")) for end in ends)
