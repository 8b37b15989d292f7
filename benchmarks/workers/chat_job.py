"""What every contender of `chat` shares: which steps its time is taken of."""

from __future__ import annotations

from collections.abc import Sequence


def steady(shapes: Sequence[object]) -> list[int]:
    """The numbers of the steps whose time holds no compiling; the last one's where there are none.

    The first step of each shape compiles it, before the loss of the step before is read: both are left out. The
    clock begins when the first loss is known.

    Args:
        shapes: of each step's batch; where nothing is compiled, the same for all.
    """
    new = {shapes.index(shape) for shape in shapes}
    return [k for k in range(1, len(shapes)) if not new & {k, k + 1}] or [len(shapes) - 1]
