"""The form of what lies beside a catalogue: can an entry of a lock, or of golden outputs, be read at all?"""

from __future__ import annotations

from typing import Any

from zoo.errors import did_you_mean

_PIN = {"size": int, "sha256": str, "git_oid": str}
_GOLDEN = {"inputs": list, "outputs": list, "tolerance": float, "reference": str}
_WORDS = {int: "a whole number", str: "a string", list: "a list", float: "a number"}


def lock_faults(entry: Any) -> list[str]:
    """What is wrong with the form of a preset's entry in a lock; every fault.

    A key that is not known is one: a hash under a misspelt key would pin nothing, and nobody would notice.
    """
    if not isinstance(entry, dict):
        return ["it has no entry for the preset, or one that is not an object"]
    faults = _unknown(entry, {"commit", "files"}, "")
    if not isinstance(entry.get("commit"), str):
        faults.append("commit is not a string")
    files = entry.get("files")
    if not isinstance(files, dict):
        return [*faults, "files is not an object"]
    for name, pin in files.items():
        if not isinstance(pin, dict):
            faults.append(f"{name} is not an object")
            continue
        faults += _unknown(pin, _PIN.keys(), f"{name}: ")
        faults += [
            f"{name}: {key} {pin[key]!r} is not {_WORDS[kind]}"
            for key, kind in _PIN.items()
            if pin.get(key) is not None and type(pin[key]) is not kind
        ]
    return faults


def golden_faults(entry: Any) -> list[str]:
    """What is wrong with the form of a preset's golden outputs; every fault."""
    if not isinstance(entry, dict):
        return ["it has no entry for the preset, or one that is not an object"]
    faults = _unknown(entry, _GOLDEN.keys(), "")
    for key, kind in _GOLDEN.items():
        kinds = (int, float) if kind is float else (kind,)
        if type(entry.get(key)) not in kinds:
            faults.append(f"{key} is not {_WORDS[kind]}")
    return faults


def _unknown(entry: dict[str, Any], known: Any, where: str) -> list[str]:
    return [f"{where}'{key}' is not a key here.{did_you_mean(key, known)}" for key in entry if key not in known]
