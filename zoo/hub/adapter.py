"""The files of an adapter: a directory, a run that trained one, or a URL."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import ZooError
from zoo.hub import huggingface
from zoo.hub.fetch import Progress, fetch_files, silent, source_folder
from zoo.hub.files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, CHAT_TEMPLATE, CONFIG, Files
from zoo.hub.source import Source, is_url

_NAMES = (ADAPTER_CONFIG, ADAPTER_WEIGHTS, CONFIG, CHAT_TEMPLATE, "tokenizer_config.json")


def adapter_files(location: str | Path, progress: Progress = silent) -> Files:
    """The files of the adapter at a path (its directory, or a run's) or a URL; what the Hub gives is verified.

    Raises a ZooError where there is nothing.
    """
    if not is_url(str(location)):
        folder = Path(location).expanduser()
        return _local(folder / "adapter" if (folder / "recipe.toml").is_file() else folder, str(location))
    source = Source.parse(str(location))
    if source.scheme != "hf":
        return _local(source_folder(source), str(source))
    listing = huggingface.listing(source)
    pinned = source.at(listing.commit)
    pins = {name: listing.files[name] for name in _NAMES if name in listing.files}
    return Files(fetch_files(pinned, pins, progress), origin=str(pinned))


def _local(folder: Path | None, said: str) -> Files:
    if folder is None or not folder.is_dir():
        raise ZooError(f"There is no adapter at '{said}'.", why=f"there is no directory {folder or said}")
    return Files({name: folder / name for name in _NAMES if (folder / name).is_file()}, origin=str(folder))
