"""The Hugging Face Hub: the cache that other tools fill too, downloads by commit, and what the Hub records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub.source import Source
from zoo.registry.presets import PinnedFile


@dataclass(frozen=True)
class Listing:
    """A repository at one commit: the files and the hashes the Hub records for them."""

    commit: str
    files: dict[str, PinnedFile]


def cached(source: Source, name: str) -> Path | None:
    """The file in the Hub's cache on this machine, unchecked; no request is made."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source.location, name, revision=source.revision)
    return Path(found) if isinstance(found, str) else None


def download(source: Source, name: str, *, again: bool = False) -> Path:
    """Download one file at the source's revision into the Hub's cache; `again` replaces what is there."""
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(source.location, name, revision=source.revision, force_download=again))
    except Exception as error:
        raise unreachable(source, error) from error


def listing(source: Source) -> Listing:
    """What the Hub says of a repository: the revision's commit, its files, their sizes and hashes."""
    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(source.location, revision=source.revision or None, files_metadata=True)
    except Exception as error:
        raise unreachable(source, error) from error
    files = {
        entry.rfilename: PinnedFile(entry.size, entry.lfs.sha256 if entry.lfs else None, entry.blob_id)
        for entry in info.siblings or ()
    }
    return Listing(str(info.sha), files)


def unreachable(source: Source, error: Exception) -> ZooError:
    """The Hub's refusal, in a line, with what to do about it."""
    from huggingface_hub import errors

    repository = f"https://huggingface.co/{source.location}"
    match error:
        case errors.GatedRepoError():
            fix = f"Accept the licence at {repository} and run 'hf auth login'."
        case errors.RepositoryNotFoundError():
            fix = "Check the name; a private repository needs 'hf auth login'."
        case errors.RevisionNotFoundError() | errors.EntryNotFoundError():
            fix = f"See what is there: {repository}"
        case _:
            fix = "Check the network, or HF_ENDPOINT and HF_HUB_OFFLINE if you set them."
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ZooError(f"{source} could not be read.", why=reason, fix=fix)
