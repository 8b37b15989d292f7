"""`run.lock`: what a run was made from and made on, so that it can be repeated, or what changed be named."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from zoo import strict_json
from zoo.chat.moment import moment
from zoo.chat.template import read_template_file
from zoo.data.examples import Examples
from zoo.errors import ZooError
from zoo.hub import memo
from zoo.hub.adapter import adapter_files
from zoo.hub.description import kind_of
from zoo.hub.files import Files
from zoo.hub.verify import sha256_of
from zoo.loading import Found
from zoo.registry.code import architecture_of
from zoo.registry.plugins import plugins
from zoo.train.named_code import code_hash
from zoo.train.recipe import Recipe
from zoo.train.splits import Splits
from zoo.train.text_metrics import METRICS

SCHEMA = 1
MADE_FROM = ("recipe", "weights", "data", "chat_template", "callbacks", "labels")
"""What decides the result. With anything else changed, it may differ in the last bits."""
MADE_ON = ("versions", "device", "flags")
MEASURED_BY = ("answers",)
"""What decides scores, and no weight."""
_PACKAGES = (
    *("keras-zoo", "keras", "jax", "jaxlib", "numpy", "ml_dtypes"),
    *("tokenizers", "pyarrow", "pillow", "grain", "orbax-checkpoint"),
)
_FLAGS = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE", "CUDA_VISIBLE_DEVICES")


def run_lock(recipe: Recipe, found: Found, splits: Splits, labels: Iterable[str]) -> dict[str, Any]:
    """The content of `run.lock`. Imports jax, to name the device."""
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    return {
        "schema": SCHEMA,
        "recipe": locked_recipe(recipe),
        "weights": {
            "name": found.name,
            "commit": found.commit,
            "files": _hashes(found.files),
            **({"adapter": _hashes(adapter_files(recipe.model.adapter))} if recipe.model.adapter else {}),
        },
        "data": {
            name: {"rows": len(part), "sha256": fingerprint(part, splits.digests)}
            for name, part in parts.items()
            if part
        },
        **({"chat_template": _hash_of(recipe.data.chat_template)} if recipe.data.chat_template else {}),
        **_code("callbacks", recipe.train.callbacks),
        **_code("answers", [one for one in recipe.evaluate.answers if one not in METRICS]),
        "labels": list(labels),
        "seed": recipe.train.seed,
        "versions": _versions(found),
        "device": _device(),
        "flags": _flags(),
    }


def _code(section: str, named: Sequence[str]) -> dict[str, dict[str, str]]:
    """The sha256 of the files of the user's own code, by what the recipe calls it; nothing where there is none."""
    return {section: {one: code_hash(one) for one in named}} if named else {}


def _hash_of(path: str) -> str:
    return hashlib.sha256(read_template_file(path).encode()).hexdigest()


def _hashes(files: Files) -> dict[str, str]:
    return {name: memo.remembered(path, "sha256", sha256_of) for name, path in sorted(files.paths.items())}


def rendered_from(model: Any) -> dict[str, str]:
    """The moment that a model's chat template writes texts from, for the lock; nothing where it tells no time."""
    template = getattr(model, "chat_template", None)
    return {"rendered_from": moment().isoformat()} if template and template.tells_time else {}


def moment_of(lock: Mapping[str, Any]) -> datetime | None:
    """The moment that a run's texts were rendered from. Raises a ZooError where the lock's is none."""
    then = lock.get("rendered_from")
    try:
        return None if then is None else datetime.fromisoformat(then)
    except (TypeError, ValueError) as error:
        raise ZooError("rendered_from of run.lock is no moment.", why=str(error)) from error


def locked_recipe(recipe: Recipe) -> dict[str, Any]:
    """The keys that decide the result: all but where it goes and who follows it."""
    return {table: keys for table, keys in recipe.written().items() if table not in ("output", "track")}


def read_lock(folder: Path) -> dict[str, Any]:
    """The `run.lock` of a run. Raises a ZooError where it is missing or damaged."""
    path = folder / "run.lock"
    try:
        lock = strict_json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ZooError(
            f"{path} cannot be read: nothing tells what the run was made from.", why=str(error)
        ) from error
    if not isinstance(lock, dict) or lock.get("schema") != SCHEMA:
        raise ZooError(f"{path} is not a run.lock that this version of zoo reads.")
    return lock


def told_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What changed between two locks that does not stop a run, and what comes of it, one line each."""
    bits = [f"{line}; the last bits may differ" for line in differences(then, now, MADE_ON)]
    return [*bits, *(f"{line}; the answers' scores may differ" for line in differences(then, now, MEASURED_BY))]


def differences(then: Mapping[str, Any], now: Mapping[str, Any], sections: Iterable[str]) -> list[str]:
    """What changed between two locks, one line for each value, as in `recipe.train.epochs: 3 -> 4`."""
    return [line for section in sections for line in _differences(section, then.get(section), now.get(section))]


def fingerprint(examples: Examples, digests: Mapping[Any, str] = {}) -> str:
    """The sha256 of examples: their inputs and labels, in order.

    Args:
        digests: the sha256 of what an input stands for, such as the picture behind a path.
    """
    found = hashlib.sha256()
    labels = examples.labels or [None] * len(examples)
    for raw, label in zip(examples.inputs, labels, strict=True):
        for item in (digests.get(raw, raw) if digests else raw, label):
            content = _bytes(item)
            found.update(len(content).to_bytes(8, "little"))  # else "ab" + "c" were "a" + "bc"
            found.update(content)
    return found.hexdigest()


def _bytes(item: Any) -> bytes:
    if isinstance(item, bytes):
        return b"b" + item
    if isinstance(item, str):
        return b"s" + item.encode(errors="surrogatepass")
    return json.dumps(asdict(item) if is_dataclass(item) and not isinstance(item, type) else item).encode()


def _differences(name: str, then: Any, now: Any) -> list[str]:
    if isinstance(then, dict) and isinstance(now, dict):
        keys = [*then, *(key for key in now if key not in then)]
        return [line for key in keys for line in _differences(f"{name}.{key}", then.get(key), now.get(key))]
    return [] if then == now else [f"{name}: {_spelled(then)} -> {_spelled(now)}"]


def _spelled(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _versions(found: Found) -> dict[str, str]:
    names, plugin = list(_PACKAGES), ""
    with contextlib.suppress(ZooError):  # building the model tells of it
        plugin = (found.architecture or architecture_of(kind_of(found.source))).partition(":")[0]
    names += [row.distribution.split()[0] for row in plugins() if row.name == plugin and row.distribution]
    return {"python": platform.python_version(), **{name: _version(name) for name in dict.fromkeys(names)}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _device() -> dict[str, Any]:
    import jax

    devices = jax.devices()
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "platform": devices[0].platform,
        "kind": devices[0].device_kind,
        "count": len(devices),
        "machine": platform.machine(),
        "cpus": cpus,
    }


def _flags() -> dict[str, str]:
    jax_own = sorted(name for name in os.environ if name.startswith("JAX_") and "CACHE" not in name)
    return {name: os.environ[name] for name in (*_FLAGS, *jax_own) if os.environ.get(name)}
