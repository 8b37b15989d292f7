"""Which files of a Hub data set are rows of which split: as its README says, or as they are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from zoo.data.dataset_card import Card, Config
from zoo.data.globs import is_pattern, matching
from zoo.data.readers import FORMATS
from zoo.data.splits import SPLIT_WORDS
from zoo.errors import ZooError, did_you_mean, some
from zoo.hub.source import Source

WHOLE = ""
"""The one split of what has none."""
_SPLIT_OF = {word: split for split, words in SPLIT_WORDS.items() for word in words}
_CONVERTED = "refs/convert/parquet"
# `CONFIG/SPLIT/0000.parquet`: how the branch `refs/convert/parquet` is laid out.
_OF_CONVERSION = re.compile(r"([^/]+)/[^/]+/\d{4}\.parquet")
# What `push_to_hub` writes. Where there are such files, there is no need to guess.
_SHARD = re.compile(r"data/(\w+(?:\.\w+)*)-\d{5}-of-\d{5}[^/]*\.[^/]+")
_DESCRIBING = {"config", "dataset_info", "dataset_infos", "dataset_dict", "state", "metadata"}
# What lies beside data. Of anything else that zoo cannot read, it says so.
_BESIDE = {"", ".md", ".txt", ".py", ".ipynb", ".sh", ".yaml", ".yml", ".toml", ".cff", ".bib", ".html", ".pdf"}
_BESIDE |= {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"}


def config_of(source: Source, within: str, card: Card, names: Iterable[str]) -> Config:
    """The config that is meant: by its name, or the default; a folder or files are one of their own.

    Raises a ZooError where several may be meant, or the config asks to be read in a way that zoo does not know.
    """
    configs = {config.name: config for config in card.configs or _conversion(names)}
    if within in configs:
        found = configs[within]
    elif within or not configs:
        _in_folder(source, within, names, configs)  # raises where there is nothing
        return Config(within, folder=within)
    elif len(configs) == 1:
        found = next(iter(configs.values()))
    else:
        default = next((config for config in configs.values() if config.default), configs.get("default"))
        if default is None:
            raise ZooError(
                f"{source} has several configs: {some(configs, 20)}.",
                fix=f"Name the one that is meant, such as {source}/{next(iter(configs))}",
            )
        found = default
    if found.unknown:
        raise ZooError(
            f"Config '{found.name}' of {source} is read in a way that zoo does not know: {some(found.unknown)}.",
            fix=_use_conversion(source),
        )
    return found


def _conversion(names: Iterable[str]) -> list[Config]:
    """The configs of a branch that the Hub converted: a folder each."""
    names = [name for name in names if not name.startswith(".")]
    found = [_OF_CONVERSION.fullmatch(name) for name in names]
    return [Config(name, folder=name) for name in dict.fromkeys(m[1] for m in found if m)] if all(found) else []


def splits_of(source: Source, within: str, config: Config, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The files of each split of a config; all under `WHOLE` where nothing parts them.

    Args:
        within: what was asked for, as the name of the data set has it.
        names: every file of the repository.

    Raises a ZooError where rows are made by a script, files are not there, or are not what zoo reads.
    """
    script = f"{source.location.partition('/')[2]}.py"
    if script in names and not (within or config.patterns):
        raise ZooError(
            f"{source} makes its rows by a script of its own, which zoo does not run: {script}.",
            fix=_use_conversion(source),
        )
    if not config.patterns:
        return _by_names(source, _in_folder(source, config.folder, names), config.folder)
    listed = {
        split: [name for pattern in patterns for name in _matches(f"{config.folder}/{pattern}".strip("/"), names)]
        for split, patterns in config.patterns.items()
    }
    if missing := [split for split, files in listed.items() if not files]:
        raise ZooError(
            f"Config '{config.name}' of {source} names files that are not there.",
            why=[f"{split}: {some(config.patterns[split])}" for split in missing],
            fix="Name the files that are meant instead.",
        )
    return _usual({split: _readable(source, split, files) for split, files in listed.items()})


def _usual(splits: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The splits under the three names that runs know, where one is called otherwise, such as `dev`."""
    taken = {_SPLIT_OF.get(name.lower(), name) for name in splits}
    clear = len(taken) == len(splits)
    return {_SPLIT_OF.get(name.lower(), name) if clear else name: files for name, files in splits.items()}


def _in_folder(source: Source, folder: str, names: Iterable[str], configs: Iterable[str] = ()) -> list[str]:
    """The files of a folder, or those that a pattern or a name stands for."""
    names = list(names)
    found = _matches(folder, names) or [name for name in names if name.startswith(f"{folder}/" if folder else "")]
    if not found:
        near = [*configs, *names, *(str(parent) for name in names for parent in PurePosixPath(name).parents)]
        raise ZooError(
            f"{source} has no config, folder or files '{folder}'.{did_you_mean(folder, dict.fromkeys(near))}",
            why=f"there are {some(dict.fromkeys(name.partition('/')[0] for name in names))}",
        )
    return found


def _matches(pattern: str, names: Iterable[str]) -> list[str]:
    pattern = pattern.removeprefix("./")
    fits = matching(pattern).fullmatch if is_pattern(pattern) else pattern.__eq__
    return sorted(name for name in names if fits(name))


def _by_names(source: Source, files: list[str], folder: str) -> dict[str, tuple[str, ...]]:
    """Files by split, as their folders are called, or else they themselves; under the empty name where none is."""
    below = {name: name.removeprefix(f"{folder}/").split("/") for name in files}
    if is_pattern(folder) or folder in files:
        return {WHOLE: _readable(source, folder, files)}
    data = [name for name in files if _is_data(below[name])] or files
    for told in (_by_shard, _by_folder, _by_file):
        found: dict[str, list[str]] = {}
        for name in data:
            splits = told(below[name])
            if len(splits) > 1:
                raise ZooError(
                    f"It is not clear whether '{name}' of {source} is for {' or '.join(sorted(splits))}.",
                    fix=f"Name the files that are meant, such as {source}/{name}",
                )
            for split in splits:
                found.setdefault(split, []).append(name)
        if found:
            return _usual({split: _readable(source, split, own) for split, own in found.items()})
    return {WHOLE: _readable(source, folder, data)}


def _is_data(parts: list[str]) -> bool:
    """Whether the file at a path may hold rows: it is not hidden, and neither describes nor explains the data."""
    name = PurePosixPath(parts[-1].lower())
    hidden = any(part.startswith((".", "__")) for part in parts)
    return not hidden and name.stem not in _DESCRIBING and name.suffix not in _BESIDE


def _by_shard(parts: list[str]) -> set[str]:
    shard = _SHARD.fullmatch("/".join(parts))
    return {shard[1]} if shard else set()


def _by_folder(parts: list[str]) -> set[str]:
    return {_SPLIT_OF[word] for part in parts[:-1] for word in _words(part) if word in _SPLIT_OF}


def _by_file(parts: list[str]) -> set[str]:
    return {_SPLIT_OF[word] for word in _words(parts[-1]) if word in _SPLIT_OF}


def _words(part: str) -> list[str]:
    return re.split(r"[-._ 0-9]+", part.lower())


def _readable(source: Source, what: str, files: Iterable[str]) -> tuple[str, ...]:
    """The files in order. Raises a ZooError where they are not all of one format that zoo reads."""
    files = sorted(dict.fromkeys(files))
    kinds = Counter(FORMATS.get(PurePosixPath(name).suffix.lower(), "") for name in files)
    if len(kinds) == 1 and "" not in kinds:
        return tuple(files)
    told = f"'{what}' of {source}" if what else str(source)
    shown = [PurePosixPath(name).name for name in files]
    raise ZooError(
        f"{told} is of several formats."
        if kinds and "" not in kinds
        else f"{told} is not, or not all, what zoo reads.",
        why=f"its files: {some(shown)}" if shown else "it has no files",
        fix=f"zoo reads {some(FORMATS)}: name such files alone. {_use_conversion(source)}",
    )


def _use_conversion(source: Source) -> str:
    return f"What the Hub made of it, if anything: {source.at(_CONVERTED)}"
