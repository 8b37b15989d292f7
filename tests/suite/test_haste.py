"""tests.suite.haste: programs are compiled in haste, and as for users while a test asks for it."""

from __future__ import annotations

import jax
import pytest

from tests.suite.haste import optimized
from zoo import backend


def settings() -> tuple[bool, dict]:
    return jax.config.read("jax_disable_most_optimizations"), backend._compiler_options()


def test_optimisations_are_on_while_the_block_lasts_and_off_again_after_an_error():
    before = settings()

    def fails() -> None:
        with optimized():
            inside.append(settings())
            raise KeyError

    inside: list[tuple[bool, dict]] = []
    with pytest.raises(KeyError):
        fails()

    ((simple, options),) = inside
    assert not simple
    assert before[1].items() <= options.items()
    assert settings() == before


@pytest.mark.optimized
def test_a_marked_test_has_them():
    assert not jax.config.read("jax_disable_most_optimizations")
    assert backend.compiled(lambda x: x + 1)(1) == 2
