"""Building a keras model whose variables hold a checkpoint's numbers from their first moment.

Keras puts off the initialisers of variables made inside a StatelessScope until the scope closes. Before it
does, each variable is given an initialiser that hands over its tensor, read a little ahead by a few threads: no
random numbers for what is loaded, and on a CPU no copy either, for jax takes the array as it is. What is fresh
keeps its own initialiser, seeded by the variable's name, so that a seed means the same model whatever else is
loaded. What is kept as 8-bit numbers is rounded some rows at a time, and never there as floats.
"""

from __future__ import annotations

import contextlib
import functools
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import keras
import numpy as np
from keras.src.backend.common import global_state

from zoo.nn import int8
from zoo.weights.ahead import Ahead
from zoo.weights.audit import Audit, audit
from zoo.weights.layout import Layout, Op, same
from zoo.weights.reader import Checkpoint

_ROUNDED = 1 << 18  # numbers of a matrix that are floats while they are rounded


def build(make: Callable[[], Any], layout: Layout, checkpoint: Checkpoint | None, seed: int) -> tuple[Any, Audit]:
    """Make a model with the weights of `checkpoint`, or with random ones where that is None.

    Args:
        make: makes the keras model and builds it, inside the scope.
        layout: the checkpoint's format.
        seed: decides every fresh variable and every dropout mask.

    Raises a ZooError where layout, model and checkpoint do not match.
    """
    with contextlib.ExitStack() as stack, _initialised_at_its_end():
        model = make()
        known = {variable_path(model, v): v for v in model.weights}
        scales = {variable_path(model, matrix): scale for matrix, scale in int8.scales(model.weights)}
        derived = {variable_path(model, scale) for scale in scales.values()}
        weights = {path: v for path, v in known.items() if path not in derived}
        result = Audit(fresh=tuple(weights))
        if checkpoint is not None:
            result = audit(layout, {path: tuple(v.shape) for path, v in weights.items()}, checkpoint)
        ahead = stack.enter_context(Ahead(_jobs(checkpoint, result, weights) if checkpoint else {}))
        for path, variable in weights.items():
            if path in result.sources:
                variable._initializer = _taking(ahead, path)
            else:
                variable._initializer = _seeded(variable._initializer, seed, path)
            if path in scales:
                both = _rounding(variable._initializer, tuple(variable.shape))
                variable._initializer, scales[path]._initializer = both
        # Keras numbers its seed generators through the process, so their paths say nothing; their order does.
        states = [v for v in model.variables if variable_path(model, v) not in known]
        for number, variable in enumerate(states):
            variable._initializer = _counter(seed, f"seed generator {number}")
    return model, result


@contextlib.contextmanager
def _initialised_at_its_end() -> Iterator[None]:
    """A StatelessScope that leaves nothing behind where something fails, in it or in an initialiser.

    Keras keeps a list of the variables that wait. After an error it would go on with them in the next scope, and
    fail there.
    """
    try:
        with keras.StatelessScope() as scope:
            try:
                yield
            except BaseException:
                scope.initialize_variables = False
                raise
    except BaseException:
        global_state.set_global_attribute("uninitialized_variables", [])
        raise


def narrow(model: Any, dtype: str, chosen: Callable[[str], bool]) -> None:
    """Let the float32 variables that `chosen` says of their paths hold `dtype`: in `make`, before they have values.

    What computes in float32 whatever the policy, such as a norm, keeps it.
    """
    for variable in model.weights:
        if variable.dtype == "float32" and variable._autocast and chosen(variable_path(model, variable)):
            variable._dtype = dtype


def variable_path(model: Any, variable: Any) -> str:
    """A variable's path inside its model, without the model's own name."""
    return variable.path.removeprefix(f"{model.name}/")


def _jobs(checkpoint: Checkpoint, found: Audit, variables: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    """What is to be read for each variable, in the order in which Keras will ask."""
    return {
        path: functools.partial(
            _read_rounded if v.dtype == "int8" else _read,
            checkpoint,
            *found.sources[path],
            tuple(v.shape),
            np.dtype(v.dtype),
        )
        for path, v in variables.items()
        if path in found.sources
    }


def _read(checkpoint: Checkpoint, tensor: str, op: Op, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    array = _aligned(shape, dtype)
    view = op.save(array)
    if np.may_share_memory(view, array):  # what is read through the tensor's view lands where the variable has it
        checkpoint.read_into(tensor, view)
    else:
        array[...] = op.load(checkpoint.read(tensor))
    return array


def _read_rounded(
    checkpoint: Checkpoint, tensor: str, op: Op, shape: tuple[int, ...], dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """A matrix as 8-bit numbers `(out, in)` and its scale `(out,)`."""
    if op is not same:
        return int8.quantize(op.load(checkpoint.read(tensor)))
    numbers, scale = _aligned(shape, dtype), np.empty(shape[0], np.float32)
    step = max(1, _ROUNDED // shape[1])
    for first in range(0, shape[0], step):
        rows = slice(first, first + step)
        floats = np.empty(numbers[rows].shape, np.float32)
        checkpoint.read_into(tensor, floats, first)
        numbers[rows], scale[rows] = int8.quantize(floats)
    return numbers, scale


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An empty array that jax on a CPU takes without a copy, which it does where memory starts at 64 bytes."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)


def _taking(ahead: Ahead[Any], path: str) -> Callable[..., Any]:
    return lambda shape, dtype: jax.device_put(ahead.take(path))


def _rounding(initializer: Callable[..., Any], shape: tuple[int, ...]) -> tuple[Callable[..., Any], ...]:
    """The initialisers of a matrix's 8-bit numbers and of its scale, of one that gives the two, or floats."""

    @functools.cache
    def both() -> tuple[Any, Any]:
        found = initializer(shape, dtype="float32")
        return found if isinstance(found, tuple) else jax.jit(int8.quantize)(found)

    return lambda shape, dtype: both()[0], lambda shape, dtype: both()[1]


def _seeded(initializer: Any, seed: int, path: str) -> Any:
    settings = initializer.get_config()
    return type(initializer)(**settings | {"seed": path_seed(seed, path)}) if "seed" in settings else initializer


def _counter(seed: int, path: str) -> Callable[..., np.ndarray]:
    # A keras SeedGenerator's state: a seed, and how often it was asked.
    return lambda shape, dtype: np.array([path_seed(seed, path), 0], dtype)


def path_seed(seed: int, path: str) -> int:
    """The seed of one variable: the same whatever else a model has."""
    return zlib.crc32(f"{seed}/{path}".encode())
