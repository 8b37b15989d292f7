"""The Hugging Face Hub: the cache that other tools fill too, downloads by commit, and what the Hub records."""

from __future__ import annotations

import contextlib
import functools
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from zoo.backend import cache_home
from zoo.errors import ZooError
from zoo.hub.source import Source
from zoo.registry.presets import PinnedFile

_NETWORK = "Check the network, or HF_ENDPOINT and HF_HUB_OFFLINE if you set them."
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Listing:
    """A repository at one commit: the files and the hashes the Hub records for them."""

    commit: str
    files: dict[str, PinnedFile]


def cached(source: Source, name: str) -> Path | None:
    """The file in the Hub's cache on this machine, unchecked; no request is made."""
    # The cache's documented layout, read here because huggingface_hub's own lookup imports for 0.2 s.
    from huggingface_hub.constants import HF_HUB_CACHE

    repository = Path(HF_HUB_CACHE) / f"models--{source.location.replace('/', '--')}"
    branch = repository / "refs" / (source.revision or "main")
    commit = branch.read_text(encoding="utf-8") if branch.is_file() else source.revision
    path = repository / "snapshots" / commit / name
    return path if path.is_file() else None


def download(source: Source, name: str, *, again: bool = False) -> Path:
    """Download one file at the source's revision into the Hub's cache; `again` replaces what is there."""
    from huggingface_hub import hf_hub_download

    revision = source.revision or None
    try:
        _reach()
        return Path(hf_hub_download(source.location, name, revision=revision, force_download=again))
    except Exception as error:
        raise unreachable(source, error) from error


@functools.cache
def _reach() -> None:
    """Ask the Hub for anything once, without patience: a download tries for 23 s where there is no network."""
    from huggingface_hub import constants, errors, get_hf_file_metadata

    with contextlib.suppress(errors.HfHubHTTPError):  # an answer all the same
        get_hf_file_metadata(constants.ENDPOINT)


def discard(path: Path) -> None:
    """Take a downloaded file that is not the right one out of the cache, which other tools read unchecked."""
    for place in (path.resolve(), path):
        place.unlink(missing_ok=True)


def listing(source: Source) -> Listing:
    """What the Hub says of a repository: the revision's commit, its files, their sizes and hashes.

    What it says of a commit never changes, so it is kept: the second time a commit costs no request.
    """
    from huggingface_hub import HfApi

    if _COMMIT.fullmatch(source.revision) and (kept := _kept(source.location, source.revision)):
        return kept

    try:
        info = HfApi().model_info(source.location, revision=source.revision or None, files_metadata=True)
    except Exception as error:
        raise unreachable(source, error) from error
    files = {
        entry.rfilename: PinnedFile(entry.size, entry.lfs.sha256 if entry.lfs else None, entry.blob_id)
        for entry in info.siblings or ()
    }
    found = Listing(str(info.sha), files)
    _keep(source.location, found)
    return found


def _record(location: str, commit: str) -> Path:
    return cache_home() / "listings" / location / f"{commit}.json"


def _kept(location: str, commit: str) -> Listing | None:
    try:
        entries = json.loads(_record(location, commit).read_text(encoding="utf-8"))
        return Listing(commit, {name: PinnedFile(**entry) for name, entry in entries.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return None  # not there, or cut off: the Hub is asked again


def _keep(location: str, listing: Listing) -> None:
    path = _record(location, listing.commit)
    entries = {name: asdict(file) for name, file in listing.files.items()}
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a request, no more
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(entries), encoding="utf-8")


def unreachable(source: Source, error: Exception) -> ZooError:
    """The Hub's refusal, in a line, with what to do about it."""
    from huggingface_hub import errors

    repository = f"https://huggingface.co/{source.location}"
    match error:
        case errors.LocalEntryNotFoundError():  # what it says where it could not ask
            fix = _NETWORK
        case errors.GatedRepoError():
            fix = f"Accept the licence at {repository} and run 'hf auth login'."
        case errors.RepositoryNotFoundError():
            fix = "Check the name; a private repository needs 'hf auth login'."
        case errors.RevisionNotFoundError() | errors.EntryNotFoundError():
            fix = f"See what is there: {repository}"
        case _:
            fix = _NETWORK
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ZooError(f"{source} could not be read.", why=reason, fix=fix)
