"""Choosing jax for Keras, once, before Keras is imported; how programs are compiled, and where they are kept."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.errors import ZooError


def use_jax(*, lean: bool = False) -> None:
    """Import Keras on JAX. Call it before the first `import keras` of the process.

    Args:
        lean: keep matplotlib, pandas and scikit-learn from being imported along with Keras, which tries to
            when they are installed. For zoo's own processes; a library must not decide that for its host.

    Raises a ZooError where the user chose another backend, or imported Keras with one.
    """
    chosen = os.environ.setdefault("KERAS_BACKEND", "jax")
    if "keras" not in sys.modules:
        _check(chosen, "KERAS_BACKEND is set to it")
        _import_keras(hide=("matplotlib", "pandas", "sklearn") if lean else ())
    import keras

    _check(keras.config.backend(), "keras was imported with it")
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


def cache_home() -> Path:
    """Where zoo keeps what it can make again: `ZOO_CACHE`, or `zoo` in the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ZOO_CACHE") or Path(base) / "zoo")


def data_home() -> Path:
    """Where rows from Python are kept, and data that is too large for memory."""
    return cache_home() / "data"


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """`jax.jit` of a program with a model in it: its float32 is float32, and XLA is told what the device needs."""
    import jax

    @functools.wraps(function)
    def exact(*args: Any, **kwargs: Any) -> Any:
        with full_precision():
            return function(*args, **kwargs)

    return jax.jit(exact, compiler_options=_compiler_options(), **options)


def full_precision() -> Any:
    """A context in which products of float32 numbers are what they say, unless the user has chosen for all of jax.

    GPUs and TPUs else round the factors to 11 or 8 bits. Products of bfloat16 numbers are the same in any case.
    """
    import jax

    chosen = getattr(jax.config, "jax_default_matmul_precision", None)
    return jax.default_matmul_precision(chosen or "highest")


@functools.cache
def _compiler_options() -> dict[str, str]:
    """What XLA is to be told; nothing where the device's default is best.

    On a CPU, XLA leaves matrix products, sums and convolutions to YNNPACK. Its convolutions take two to three times
    as long as XLA's own; it is to have all but these.
    """
    import jax

    if jax.default_backend() != "cpu":
        return {}
    left = "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"
    options = {"xla_cpu_experimental_ynn_fusion_type": left}
    try:
        jax.jit(lambda: 0, compiler_options=options).lower().compile()
    except jax.errors.JaxRuntimeError:  # an XLA that knows no such option
        return {}
    return options


def abstractly(make: Callable[[], Any], arrays_of: Callable[[Any], Any] = lambda made: ()) -> tuple[Any, Any]:
    """What `make` makes, without the numbers in it, and the shapes of the arrays that are asked of it.

    The variables of what comes back hold no values: it is good for compiling, and for looking at.
    """
    import jax

    made: list[Any] = []

    def build() -> Any:
        made.append(make())
        return arrays_of(made[0])

    shapes = jax.eval_shape(build)
    return made[0], shapes


def recompiled(step: Any) -> Any:
    """A step of Keras' own `fit`, `evaluate` or `predict`, `(state, data)`, as `compiled` has it.

    One that Keras leaves uncompiled, or lays out on several devices, stays as it is.
    """
    import jax
    import keras

    if not isinstance(step, jax.stages.Wrapped) or keras.distribution.distribution() is not None:
        return step
    return compiled(step.__wrapped__, donate_argnums=0)  # type: ignore[attr-defined]


def _keep_compiled_programs() -> None:
    import jax

    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_home() / "compiled"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
