"""Compile the programs of tests with fewer of XLA's optimisations, except those of tests marked `optimized`.

XLA takes a quarter of its time without them, and the numbers are the same up to rounding.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator

from zoo.backend import cache_home

_EMITTERS = "xla_cpu_use_fusion_emitters"
_FLAG = f"--{_EMITTERS}=false"
_SIMPLE = "JAX_DISABLE_MOST_OPTIMIZATIONS"


def hurry() -> None:
    """Ask jax and XLA for haste, in this process and those that it starts, unless the user has set their flags.

    jax reads its settings when it is imported, so this comes before.
    """
    if "XLA_FLAGS" in os.environ or _SIMPLE in os.environ:
        return
    os.environ[_SIMPLE] = "1"
    if _known():
        os.environ["XLA_FLAGS"] = _FLAG


@contextlib.contextmanager
def optimized() -> Iterator[None]:
    """Compile as for users while the block lasts: `zoo.backend.compiled` wholly.

    Plain `jax.jit` and single operations get their optimisations, but no fusion emitters: XLA takes its flags once.
    """
    import jax

    from zoo import backend

    hasty = backend._compiler_options
    options = hasty() | ({_EMITTERS: True} if _FLAG in os.environ.get("XLA_FLAGS", "") else {})
    simple = jax.config.read("jax_disable_most_optimizations")
    jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", False)
    backend._compiler_options = lambda: options
    try:
        yield
    finally:
        backend._compiler_options = hasty
        jax.config.update("jax_disable_most_optimizations", simple)
        jax.clear_caches()


def _known() -> bool:
    """Return whether XLA knows the flag; it ends a process that gives it an unknown one. Asked once a version."""
    note = cache_home() / "tests" / f"flag-{importlib.metadata.version('jaxlib')}"
    if not note.is_file():
        command = [sys.executable, "-c", "import jax; jax.devices()"]
        done = subprocess.run(command, env=os.environ | {"XLA_FLAGS": _FLAG}, capture_output=True, check=False)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text("known" if done.returncode == 0 else "unknown")
    return note.read_text() == "known"
