"""What the Hugging Face Hub says of a repository: its commit, its files, their hashes; or why it does not say."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from zoo.backend import cache_home
from zoo.errors import ZooError
from zoo.hub import cache
from zoo.hub.notes import write_note
from zoo.hub.source import Source
from zoo.registry.presets import PinnedFile

_NETWORK = "Check the network, or HF_ENDPOINT and HF_HUB_OFFLINE if you set them."
_COMMIT = re.compile(r"[0-9a-f]{40}")
_TIMEOUT_S = 10.0
_log = logging.getLogger("zoo")


def is_commit(revision: str) -> bool:
    """Whether a revision names a commit in full, which stands for the same content for ever."""
    return bool(_COMMIT.fullmatch(revision))


@dataclass(frozen=True)
class Listing:
    """A repository at one commit: the files and the hashes the Hub records for them."""

    commit: str
    files: dict[str, PinnedFile]


def listing(source: Source) -> Listing:
    """What the Hub says of a repository: the revision's commit, its files, their sizes and hashes.

    What it says of a commit never changes, so it is kept: the second time a commit costs no request. Where the
    Hub cannot be reached, a branch stands for the commit it was last seen at.
    """
    from huggingface_hub import HfApi, errors

    if is_commit(source.revision) and (kept := _kept(source, source.revision)):
        return kept
    try:
        ask = HfApi().dataset_info if source.kind == "dataset" else HfApi().model_info
        info = ask(source.location, revision=source.revision or None, files_metadata=True, timeout=_TIMEOUT_S)
    except errors.HfHubHTTPError as error:
        raise unreachable(source, error) from error
    except Exception as error:
        if seen := _last_seen(source):
            _log.warning("%s: the Hub is not to be reached; using commit %s, seen before", source, seen.commit)
            return seen
        raise unreachable(source, error) from error
    if not is_commit(str(info.sha)):
        raise ZooError(f"{source} could not be read.", why=f"the Hub calls its commit '{info.sha}'", fix=_NETWORK)
    files = {
        entry.rfilename: PinnedFile(entry.size, entry.lfs.sha256)
        if entry.lfs
        # The git id of a large file is its pointer's.
        else PinnedFile(entry.size, None, entry.blob_id)
        for entry in info.siblings or ()
    }
    found = Listing(str(info.sha), files)
    _keep(source, found)
    return found


def _record(source: Source, commit: str) -> Path:
    return cache_home() / "listings" / cache.folder_name(source) / f"{commit}.json"


def _kept(source: Source, commit: str) -> Listing | None:
    try:
        entries = json.loads(_record(source, commit).read_text(encoding="utf-8"))
        return Listing(commit, {name: PinnedFile(**entry) for name, entry in entries.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return None  # not there, or cut off: the Hub is asked again


def _last_seen(source: Source) -> Listing | None:
    commit = cache.commit_of(source)
    return _kept(source, commit) if is_commit(commit) else None


def _keep(source: Source, found: Listing) -> None:
    write_note(_record(source, found.commit), {name: asdict(file) for name, file in found.files.items()})
    if source.revision != found.commit:
        cache.point(source, found.commit)


def unreachable(source: Source, error: Exception) -> ZooError:
    """The Hub's refusal, in a line, with what to do about it."""
    from huggingface_hub import errors

    repository = f"https://huggingface.co/{source.page}"
    match error:
        case errors.OfflineModeIsEnabled():
            pulled = " and 'zoo pull' it" if source.kind == "model" else " once"
            fix = f"Unset HF_HUB_OFFLINE{pulled}, or put the files into the cache."
        case errors.GatedRepoError():
            fix = (
                f"Accept the licence at {repository}, then log in with a token of that account: "
                "hf auth login (or set HF_TOKEN)."
            )
        case errors.RepositoryNotFoundError():
            fix = "Check the name; a private repository needs 'hf auth login' (or HF_TOKEN)."
        case errors.RevisionNotFoundError() | errors.EntryNotFoundError():
            fix = f"See what is there: {repository}"
        case _:
            fix = _NETWORK
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ZooError(f"{source} could not be read.", why=reason, fix=fix)
