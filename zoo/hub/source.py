"""Source URLs: `hf://org/name[@revision]`, `pkg://package/folder`, `file://folder`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from zoo.errors import ZooError, did_you_mean

DATASETS = "hf://datasets/"
SCHEMES = ("hf", "pkg", "file")
_FORMS = {"hf": "org/name[@revision]", "pkg": "package/folder", "file": "a folder"}
# A commit, a branch or a tag as git allows them, less what leads out of a folder.
REVISION = re.compile(r"(?!.*\.\.)[\w.-]+(/[\w.-]+)*")
_LOCATIONS = {"hf": r"(?!datasets/)[\w.-]+/[\w.-]+", "pkg": r"[^\W\d]\w*(/.*)?", "file": r".+"}


@dataclass(frozen=True)
class Source:
    """A place that holds the files of a checkpoint.

    Args:
        scheme: `hf`, `pkg` or `file`.
        location: `org/name`, `package/folder`, or a path.
        revision: a commit, branch or tag; only a Hub repository has one.
        kind: what the Hub calls the repository: `model` or `dataset`.
    """

    scheme: str
    location: str
    revision: str = ""
    kind: str = "model"

    @staticmethod
    def parse(url: str) -> Source:
        """Read a URL of a checkpoint. Raises a ZooError where it is not one of the known forms."""
        scheme, _, rest = url.partition("://")
        if scheme not in SCHEMES:
            raise ZooError(
                f"'{url}' is not a source zoo knows.{did_you_mean(scheme, SCHEMES)}",
                fix="Sources read hf://org/name[@revision], pkg://package/folder or file://folder.",
            )
        location, at, revision = rest.partition("@") if scheme == "hf" else (rest, "", "")
        if not re.fullmatch(_LOCATIONS[scheme], location) or (at and not REVISION.fullmatch(revision)):
            fix = "It names a data set, which data.train takes." if url.startswith(DATASETS) else ""
            raise ZooError(f"'{url}' does not say which files: {scheme}:// needs {_FORMS[scheme]}.", fix=fix)
        return Source(scheme, location, revision)

    @property
    def page(self) -> str:
        """The path of a Hub repository's page."""
        return f"datasets/{self.location}" if self.kind == "dataset" else self.location

    def at(self, commit: str) -> Source:
        """The same place at a commit."""
        return replace(self, revision=commit)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.page}" + (f"@{self.revision}" if self.revision else "")


def is_url(name: str) -> bool:
    return "://" in name
