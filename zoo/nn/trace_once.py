"""Parts of a model that are alike are traced once.

Keras takes its time over every layer that is traced, and jax over its derivative and over what the compiler is
handed. But the blocks of a decoder are one program with other numbers, of which jax finds all that again. What the
compiler makes of it is the same: it puts the program in where it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
from jax.core import Tracer

from zoo.nn.likeness import likeness
from zoo.nn.pure_call import Program, PureCall


class TraceOnce:
    """Calls layers while they are traced, and has one program for those that are alike.

    It is made anew for each call of what the layers are parts of: programs that outlive a trace would hold on to
    what a recipe or an adapter has changed since. Outside of a trace, layers are called as they are.
    """

    def __init__(self) -> None:
        self._programs: dict[Hashable, Program | None] = {}

    def __call__(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """What `layer(*args, **kwargs)` returns; a layer that adds losses is called as it is."""
        return self.run(layer, layer.variables, layer, args, kwargs) if layer.built else layer(*args, **kwargs)

    def run(
        self,
        function: Callable[..., Any],
        variables: Sequence[Any],
        like: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """What the function returns.

        Args:
            variables: those that it reads and sets; where it does so with others, or adds losses, it is called as
                it is.
            like: all that it does differently from another of its kind.
        """
        call = PureCall(function, variables, args, kwargs or {})
        if call.strange or not any(isinstance(x, Tracer) for x in jax.tree.leaves(call.inputs)):
            return function(*args, **kwargs or {})
        key = likeness((like, *call.shape))
        if key not in self._programs:
            program = call.written_down()
            self._programs[key] = None if call.strange else jax.jit(program)
        program = self._programs[key]
        return function(*args, **kwargs or {}) if program is None else call.returned(program(*call.inputs))
