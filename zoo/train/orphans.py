"""Processes that read for a run, and do not outlive it."""

from __future__ import annotations

import multiprocessing
import os
import threading


def end_with_parent(number: int, count: int) -> None:
    """Let this process end when the one that started it does, however that ends: killed, it tells nobody.

    Args:
        number, count: which of how many processes this is, as grain says it.
    """
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
