"""What a training step needs, found out without the model's weights: it is built of shapes and compiled.

`jax.eval_shape` runs the construction of model and optimizer without computing or holding a number; the compiler
then says how much memory the program takes, and what it computes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from zoo.train.step import Start, Trainer

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_ENOUGH = 3.0  # seconds of measuring


@dataclass(frozen=True)
class Footprint:
    """A compiled training step, or that of a batch which is a part of one.

    Args:
        start: the shapes of what it takes beside a batch.
        sums: those of what the parts of a step add up; None for a whole step.
        held: bytes of weights, statistics and the optimizer's values, which stay for the whole run.
        copied: bytes of these that are there only once training has begun: what callbacks look at.
        batch: bytes of one batch.
        peak: bytes at the step's highest, all of these included.
        flops: floating-point operations of one step, before the compiler changes any.
        compiled: the program itself.
    """

    start: Start
    sums: Any
    held: int
    copied: int
    batch: int
    peak: int
    flops: float
    compiled: Any

    @property
    def working(self) -> int:
        """Bytes that are needed beside what is held: they grow with the batch."""
        return max(0, self.peak - self.held)

    def seconds(self, batch: Any) -> float:
        """How long a batch takes here: the quickest of two or more on this one, with zeros for weights."""
        (state, frozen), sums = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), (self.start, self.sums))
        trainable, moving, *_ = state
        best, started = float("inf"), time.perf_counter()
        for turn in range(8):
            began = time.perf_counter()
            if sums is None:
                state, done = self.compiled(state, frozen, *batch)
            else:
                moving, sums = self.compiled(trainable, moving, sums, frozen, *batch)
                done = sums[1]
            jax.block_until_ready(done)
            best = min(best, time.perf_counter() - began)
            if turn and time.perf_counter() - started > _ENOUGH:
                break
        return best


def footprint(
    trainer: Trainer, start: Start, batch: Any, *, accumulates: bool = False, watched: bool = False
) -> Footprint:
    """Compile the trainer's step for a batch, of which only the shapes matter.

    Args:
        accumulates: the program of a batch that is a part of a step, in place of a whole step's.
        watched: there are callbacks, which hold copies of what a step gives away.
    """
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x), np.asarray(x).dtype), batch)
    program: Any = trainer.add if accumulates else trainer.step  # jitted functions, which are more than callables
    state, frozen = start
    trainable, moving, *beside = state
    means, weight = (jax.ShapeDtypeStruct(shape, np.float32) for shape in (trainer.shape, ()))
    sums = (trainable, means, weight) if accumulates else None
    lowered = program.lower(*((trainable, moving, sums, frozen) if accumulates else start), *shapes)
    compiled = lowered.compile()
    memory = compiled.memory_analysis()
    copied = _bytes((*trainer.weights(state), state[2])) if watched else 0
    peak = (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes
        + memory.generated_code_size_in_bytes
        + (_bytes(beside) if accumulates else 0)
        + copied
    )
    flops = (lowered.cost_analysis() or {}).get("flops", 0.0)
    return Footprint(start, sums, _bytes(start) + copied, copied, _bytes(shapes), peak, flops, compiled)


def _bytes(tree: Any) -> int:
    return sum(int(np.prod(x.shape)) * x.dtype.itemsize for x in jax.tree.leaves(tree))


def device_memory(held: int = 0) -> int:
    """The bytes that a program may take on the device: what an accelerator has, or what is free on this machine.

    Args:
        held: the bytes that the program's own arrays take already.
    """
    stats = jax.devices()[0].memory_stats()
    return int(stats["bytes_limit"]) if stats and "bytes_limit" in stats else host_memory() + held


def host_memory() -> int:
    """The bytes that are free on this machine, or left to this container where that is less.

    What the kernel holds of files, such as the weights just read, it gives back when memory is needed. So that
    counts as free, in a container as in `MemAvailable`.
    """
    free = next(
        (
            int(line.split()[1]) * 1024
            for line in _MEMINFO.read_text().splitlines()
            if line.startswith("MemAvailable")
        )
        if _MEMINFO.is_file()
        else iter(()),
        1 << 63,
    )
    limit, used = (_number(_CGROUP / name) for name in ("memory.max", "memory.current"))
    return min(free, limit - max(0, (used or 0) - _cached())) if limit else free


def _cached() -> int:
    """The bytes of files that this container's memory holds."""
    try:
        counts = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        return int(counts["active_file"]) + int(counts["inactive_file"])
    except (OSError, ValueError, KeyError):
        return 0


def _number(path: Path) -> int | None:
    """The number in a file of the kernel's; None where there is none, or it says `max`."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
