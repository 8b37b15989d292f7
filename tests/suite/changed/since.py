"""Which files differ from those of the last green run, or of a commit."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

_GREEN = "zoo-green"  # inside .git: the tree of the last run of all tests that passed


def git(root: Path, *args: str, **settings: str) -> str:
    """Return the output of a git command.

    Raises:
        subprocess.CalledProcessError: it fails; its own words are on stderr.
    """
    done = subprocess.run(
        ["git", *args], cwd=root, env=os.environ | settings, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def tree(root: Path) -> str:
    """The name of the tree that the files are now, with what git does not know yet; the index stays as it is."""
    with tempfile.TemporaryDirectory() as home:
        index = {"GIT_INDEX_FILE": str(Path(home, "index"))}
        git(root, "read-tree", "HEAD", **index)
        git(root, "add", "--all", **index)
        return git(root, "write-tree", **index)


def note_green(root: Path, name: str) -> None:
    """Write down the tree with which all tests pass.

    Args:
        name: as `tree` gave it before they ran.
    """
    _note(root).write_text(name + "\n", encoding="utf-8")


def changed(root: Path, since: str = "") -> tuple[str, list[str]]:
    """Since when, in words, and the files that are other than they were then, or gone.

    Args:
        since: a commit; by default the last green run, or the last commit where none is known.
    """
    told = f"since {since}"
    if not since:
        note = _note(root)
        since = note.read_text(encoding="utf-8").strip() if note.is_file() else ""
        told = "since the last green run"
        if not since or not _known(root, since):
            since, told = "HEAD", "since the last commit (no green run is known)"
    names = git(root, "diff", "--name-only", "--no-renames", "-z", since, tree(root))
    return told, [name for name in names.split("\0") if name]


def _known(root: Path, name: str) -> bool:
    command = ["git", "cat-file", "-e", name]
    return subprocess.run(command, cwd=root, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _note(root: Path) -> Path:
    return root / git(root, "rev-parse", "--git-dir") / _GREEN
