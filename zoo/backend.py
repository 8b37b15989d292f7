"""Choosing jax for Keras, once, before Keras is imported; where compiled programs are kept, and freed memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

from zoo.errors import ZooError


def use_jax(*, lean: bool = False) -> None:
    """Import Keras on JAX. Call it before the first `import keras` of the process.

    Args:
        lean: keep matplotlib, pandas and scikit-learn from being imported along with Keras, which tries to
            when they are installed, and keep freed memory. For zoo's own processes; a library must not decide
            that for its host.

    Raises a ZooError where the user chose another backend, or imported Keras with one.
    """
    chosen = os.environ.setdefault("KERAS_BACKEND", "jax")
    if "keras" not in sys.modules:
        _check(chosen, "KERAS_BACKEND is set to it")
        _import_keras(hide=("matplotlib", "pandas", "sklearn") if lean else ())
    import keras

    _check(keras.config.backend(), "keras was imported with it")
    if lean:
        keep_memory()
    _keep_compiled_programs()


def _check(backend: str, how: str) -> None:
    if backend != "jax":
        raise ZooError(
            f"zoo runs on the jax backend of Keras, and the backend is '{backend}'.",
            why=how,
            fix="Set KERAS_BACKEND=jax, or import zoo's models before keras.",
        )


def _import_keras(hide: tuple[str, ...]) -> None:
    hidden = [name for name in hide if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None makes an import fail
    try:
        import keras  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]


# Parameters of mallopt, from glibc's malloc.h: nothing is mapped by itself, nothing is given back, and all of XLA's
# threads share the arena that can grow.
_M_MMAP_MAX, _M_TRIM_THRESHOLD, _M_ARENA_MAX = -4, -1, -8
_KEEP = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1, _M_ARENA_MAX: 1}


def keep_memory() -> None:
    """Let this process keep the memory that it frees, where its C library is glibc. Call it before jax computes.

    XLA's CPU client takes a step's working memory anew each time, and the kernel would fill it with zeros, page by
    page: a fifth of the time of MiniLM's step. For zoo's own processes, and those that train.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in _KEEP.items():
            mallopt(parameter, value)


def give_memory_back() -> None:
    """Give the kernel all pages that are free now: what was needed once, and will not be again."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def cache_home() -> Path:
    """Where zoo keeps what it can make again: `ZOO_CACHE`, or `zoo` in the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ZOO_CACHE") or Path(base) / "zoo")


def _keep_compiled_programs() -> None:
    import jax

    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_home() / "compiled"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
