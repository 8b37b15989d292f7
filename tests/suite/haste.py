"""Programs of tests are compiled in haste, but for those of tests that are marked `optimized`.

XLA takes a quarter of its time without its optimisations, and the numbers are the same up to rounding. What is told
of memory, of arithmetic, or of the programs as users get them is told by `optimized` tests.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

_EMITTERS = "xla_cpu_use_fusion_emitters"
_FLAG = f"--{_EMITTERS}=false"
_SIMPLE = "JAX_DISABLE_MOST_OPTIMIZATIONS"


def hurry(config: pytest.Config) -> None:
    """Ask jax and XLA for haste, in this process and those that it starts, where the user asks for nothing else."""
    if "XLA_FLAGS" in os.environ or _SIMPLE in os.environ:
        return
    os.environ[_SIMPLE] = "1"
    if _known(config):
        os.environ["XLA_FLAGS"] = _FLAG


@contextlib.contextmanager
def optimized() -> Iterator[None]:
    """Compile as for users while the block lasts."""
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


def _known(config: pytest.Config) -> bool:
    """Whether XLA knows the flag: it ends a process that gives it another. Asked once for each version."""
    version = importlib.metadata.version("jaxlib")
    cache = getattr(config, "cache", None)
    answers = cache.get("zoo/haste", {}) if cache else {}
    if version not in answers:
        command = [sys.executable, "-c", "import jax; jax.devices()"]
        done = subprocess.run(command, env=os.environ | {"XLA_FLAGS": _FLAG}, capture_output=True, check=False)
        answers[version] = done.returncode == 0
        if cache:
            cache.set("zoo/haste", answers)
    return answers[version]
