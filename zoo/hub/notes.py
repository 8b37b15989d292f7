"""Small records that zoo keeps to save work later; losing one costs a request or a second look, no more."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any


def write_note(path: Path, content: Any) -> None:
    """Write JSON beside `path` and rename it there; a place that cannot be written is passed over."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_text(json.dumps(content), encoding="utf-8")
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
