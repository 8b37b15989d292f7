"""Words that name files, whether these are there or not, told from texts by how they are written."""

from __future__ import annotations

import os
import re
from pathlib import Path

from zoo.data.images import EXTENSIONS
from zoo.data.readers import FORMATS
from zoo.data.web import URL

_OTHERS = (
    *(".arrow", ".avro", ".feather", ".h5", ".npy", ".npz", ".orc", ".pickle", ".pkl", ".safetensors", ".sqlite"),
    *(".doc", ".docx", ".htm", ".html", ".md", ".ods", ".odt", ".pdf", ".rtf", ".xls", ".xlsx", ".xml"),
    *(".7z", ".bz2", ".gz", ".tar", ".tgz", ".xz", ".zip", ".zst"),
    *(".cfg", ".ini", ".log", ".toml", ".yaml", ".yml"),
    *(".avif", ".heic", ".svg"),
)
_SUFFIXES = frozenset((*FORMATS, *EXTENSIONS, *_OTHERS))
"""The extensions of files that hold data, pictures, documents or settings, whether zoo reads them or not."""

_WORD = re.compile(r"[\w.,~+=@%/\\:-]+", re.ASCII)
_ADDRESS = re.compile(r"www\.|mailto:", re.IGNORECASE)
_FOLDER = re.compile(r"/?[^/]+(?=/)")


def names_a_file(text: str) -> bool:
    """Whether a text is one word that ends as a file does, or is a path from a folder that is there.

    A URL is neither: it may be what a text is about. Nor is a word with a letter that is not ASCII, for there are
    languages whose texts are one word.
    """
    if not _WORD.fullmatch(text) or URL.match(text) or _ADDRESS.match(text):
        return False
    if Path(text).suffix.lower() in _SUFFIXES:
        return True
    # os.path's, not Path's: a text may be longer than any file's name.
    folder = _FOLDER.match(os.path.expanduser(text))
    return folder is not None and os.path.isdir(folder[0])
