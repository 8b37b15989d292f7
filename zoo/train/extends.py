"""Recipes that build on others: `extends = "base.toml"` takes over what a file does not say itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ZooError, did_you_mean
from zoo.registry.manifest import read_toml

EXTENDS = "extends"


def read_tables(file: Path, shipped: Mapping[str, Path]) -> tuple[dict[str, Any], dict[str, Path]]:
    """The tables of a recipe file with those it extends beneath them, and where each key was found.

    Tables are merged key by key, at every depth; the file that extends has the last word. What is extended is a
    path from the folder of the file that names it, or else the name of a shipped recipe.

    Returns:
        the tables, and the file of each key, by its dotted name.

    Raises a ZooError where a file is missing, or files extend one another in a circle.
    """
    chain = [file]
    while (base := _base(chain[-1], shipped)) is not None:
        if base.resolve() in {seen.resolve() for seen in chain}:
            raise ZooError(
                "Recipes extend one another in a circle.",
                why=" -> ".join(f"'{one}'" for one in (*chain, base)),
                fix="One of them must stand on its own.",
            )
        chain.append(base)
    merged: dict[str, Any] = {}
    homes: dict[str, Path] = {}
    for one in reversed(chain):
        _merge(merged, {k: v for k, v in read_toml(one).items() if k != EXTENDS}, one, homes)
    return merged, homes


def _base(file: Path, shipped: Mapping[str, Path]) -> Path | None:
    name = read_toml(file).get(EXTENDS)
    if name is None:
        return None
    if not isinstance(name, str) or not name:
        raise ZooError(f"'{file}': extends = {name!r}: the path of another recipe is needed.")
    path = file.parent / Path(name).expanduser()
    if path.is_file():
        return path
    if name in shipped:
        return shipped[name]
    near = [p.name for p in path.parent.glob("*.toml") if p != file] if path.parent.is_dir() else []
    raise ZooError(
        f"'{file}' extends '{name}', and there is no such recipe.{did_you_mean(path.name, [*near, *shipped])}",
        why=f"it was looked for as '{path}'",
    )


def _merge(
    under: dict[str, Any], over: Mapping[str, Any], file: Path, homes: dict[str, Path], at: str = ""
) -> None:
    for key, value in over.items():
        homes[f"{at}{key}"] = file
        if isinstance(value, dict):
            if not isinstance(under.get(key), dict):
                under[key] = {}
            _merge(under[key], value, file, homes, f"{at}{key}.")
        else:
            under[key] = value
