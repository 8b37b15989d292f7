"""Memory in huge pages, for the commands that compute.

XLA's CPU client takes a step's working memory anew each time, and the kernel hands it over page by page, each
filled with zeros: with pages of 4 KiB a sixth of the time of MiniLM's step, with those of 2 MiB next to nothing.
Where the kernel leaves it to the process, glibc asks for them by a tunable, which it reads before `main`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

# https://sourceware.org/glibc/manual/2.36/html_node/Memory-Allocation-Tunables.html
_TUNABLE = "glibc.malloc.hugetlb"
_KERNEL = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def use_huge_pages() -> None:
    """Start this process anew with the tunable set.

    It returns where that is done, or cannot be done, or there is nothing to gain.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if _TUNABLE in tunables or not sys.executable or not (_asks_process() and _has_glibc()):
        return
    if sys.argv[0] == "-":  # the program came from standard input, which nobody reads twice
        return
    os.environ["GLIBC_TUNABLES"] = ":".join(filter(None, (tunables, f"{_TUNABLE}=1")))
    with contextlib.suppress(OSError):  # a sandbox may let no process start
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _asks_process() -> bool:
    """Whether the kernel gives huge pages to those that ask, and to no one else."""
    try:
        return "[madvise]" in _KERNEL.read_text()
    except OSError:
        return False


def _has_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):
        return False
