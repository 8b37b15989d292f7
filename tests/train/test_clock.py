"""zoo.train.clock: where the time goes, each second once."""

from __future__ import annotations

import time

import jax
import pytest

from zoo.train.clock import COMPILING, Clock, each, part


def test_a_part_does_not_count_what_lies_within():
    clock = Clock()
    began = time.perf_counter()
    with clock.running(), part("outer"):
        time.sleep(0.05)
        with part("inner"):
            time.sleep(0.1)
        with part("inner"):
            time.sleep(0.05)
    whole = time.perf_counter() - began
    assert clock.seconds["outer"] >= 0.05
    assert clock.seconds["inner"] >= 0.15
    assert sum(clock.seconds.values()) == pytest.approx(whole, abs=0.01)


def test_compilation_is_counted_apart_and_once():
    clock = Clock()
    began = time.perf_counter()
    with clock.running(), part("computing"):
        inner = jax.jit(lambda x: jax.numpy.sin(x) @ x.T)
        jax.jit(lambda x: inner(x) + inner(2 * x), compiler_options={"xla_llvm_disable_expensive_passes": True})(
            jax.numpy.ones((7, 11))
        ).block_until_ready()
    whole = time.perf_counter() - began
    assert 0 < clock.parts[COMPILING] <= whole
    assert sum(clock.parts.values()) == pytest.approx(whole, abs=0.02)


def test_waiting_for_items_is_counted_and_using_them_is_not():
    def slow():
        for n in range(3):
            time.sleep(0.03)
            yield n

    clock, used = Clock(), 0.0
    began = time.perf_counter()
    with clock.running():
        for _ in each("feeding", slow()):
            began_use = time.perf_counter()
            time.sleep(0.05)
            used += time.perf_counter() - began_use
    assert clock.seconds["feeding"] >= 0.09
    assert clock.seconds["feeding"] == pytest.approx(time.perf_counter() - began - used, abs=0.01)


def test_without_a_clock_nothing_is_counted():
    with part("anything"):
        pass
    assert list(each("anything", [1, 2])) == [1, 2]


def test_what_fails_is_counted_too():
    clock = Clock()
    with clock.running(), pytest.raises(ValueError, match="no"), part("outer"), part("inner"):
        raise ValueError("no")
    assert set(clock.seconds) == {"outer", "inner"}
