"""The memory of the process that tests run in."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
import sys
from pathlib import Path


def resident_mib() -> int:
    """The memory that this process has now; 0 where that is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # no Linux
        return 0
    return pages * resource.getpagesize() >> 20


def forget_programs() -> None:
    """Drop all compiled programs, and give what is free back to the system."""
    if jax := sys.modules.get("jax"):
        jax.clear_caches()
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):  # no glibc
            ctypes.CDLL("libc.so.6").malloc_trim(0)
